"""Reads a YAML document of plain values, and where the items of one of its lists begin. It gives them no meaning."""

from collections.abc import Hashable, Mapping
from typing import Any, cast

import yaml

from holdfast.contracts import Json, OperatorError


class _Loader(yaml.SafeLoader):
    """Plain YAML values, with two keys of one name refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 -- the library's signature
        """Build a mapping, refusing the second of two equal keys."""
        built = super().construct_mapping(node, deep=deep)
        if len(built) != len(node.value):
            raise yaml.MarkedYAMLError(problem="the same key twice", problem_mark=node.start_mark)
        return built


def read_document(file: str, text: str, listed: str) -> tuple[Mapping[str, Json], tuple[int, ...]]:
    """Read *text*, a mapping, and the lines, from 1, where the items of its list *listed* begin.

    Raises: OperatorError naming *file*, and the line where there is one.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        document: object = None if node is None else loader.construct_document(node)  # pyright: ignore[reportUnknownMemberType] -- the stubs leave a node untyped
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise OperatorError(f"`{file}` line {line}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise OperatorError(f"`{file}`: not YAML") from None
    except (ValueError, OverflowError):  # a date like 2026-02-30, a number of 5 000 digits
        raise OperatorError(f"`{file}`: a date or a number in it is none; put quotes around texts") from None
    if not isinstance(document, dict):
        raise OperatorError(f"`{file}`: a case file is a mapping with `profiles`, `tools` and `cases`")
    return cast("Mapping[str, Json]", document), _lines(node, listed)


def _lines(node: object, listed: str) -> tuple[int, ...]:
    pairs: list[tuple[object, object]] = node.value if isinstance(node, yaml.MappingNode) else []
    for key, value in pairs:
        if isinstance(key, yaml.ScalarNode) and key.value == listed and isinstance(value, yaml.SequenceNode):
            return tuple(item.start_mark.line + 1 for item in value.value)
    return ()
