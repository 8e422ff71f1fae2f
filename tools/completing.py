"""Completes a manifest with what its module says of itself: a description and a schema, for each function it offers.

Pure text in, text out: what it adds is written into the manifest, so that it is seen, approved and pinned like the
rest of it. It changes no key that is there, and it runs nothing.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from holdfast.contracts.errors import OperatorError
from holdfast.contracts.json_values import Json

from .abi import Abi

_HEADER: Final = re.compile(r"^\[tool\][ \t]*(#.*)?$", re.MULTILINE)
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")
_INT64: Final = range(-(1 << 63), 1 << 63)
_SHOWN: Final = 12
_BY_HAND: Final = "write `description` and `input_schema` into `[tool]` yourself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One function as its module describes it. All text is the module's, cleaned and within bounds."""

    name: str
    description: str
    input_schema: Mapping[str, Json]


def lacks(text: str) -> bool:
    """Whether the manifest *text* leaves out what a module could say. False for what is no manifest at all."""
    tool = _tool(text)
    if tool is None:
        return False
    return "description" not in tool or not {"input_schema", "operations"} & tool.keys()


def abi_of(text: str) -> str:
    """The calling convention that the manifest *text* names; empty where it names none."""
    return str((_tool(text) or {}).get("abi", ""))


def completed(text: str, told: Sequence[Told]) -> str:
    """The manifest *text* with what it lacks, from what the module *told* of its functions.

    Raises: OperatorError when the module says too little, or something that TOML cannot say.
    """
    tool = _tool(text) or {}
    if not told:
        raise OperatorError(f"`tool.toml` lacks a description or a schema and the module has none; {_BY_HAND}")
    added: dict[str, Any] = {}
    operations: list[dict[str, Any]] = []
    if not {"input_schema", "operations"} & tool.keys():
        if _is_the_tool(tool, told):
            added["input_schema"] = told[0].input_schema
        else:
            operations = _operations(told)
    if "description" not in tool:
        added["description"] = _description(told, several=bool(operations or tool.get("operations")))
    return _checked(text, _inserted(text, added) + _appended(operations), added, operations)


def _tool(text: str) -> dict[str, Any] | None:
    try:
        tool: object = tomllib.loads(text).get("tool")
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return None
    return cast("dict[str, Any]", tool) if isinstance(tool, dict) else None


def _is_the_tool(tool: Mapping[str, Any], told: Sequence[Told]) -> bool:
    """Whether there is one function and it is the tool: a plugin's must have its name, any other's need not."""
    return len(told) == 1 and (tool.get("abi") != Abi.EXTISM or told[0].name == tool.get("name"))


def _operations(told: Sequence[Told]) -> list[dict[str, Any]]:
    operations: list[dict[str, Any]] = [
        {
            "name": _NOT_IN_A_NAME.sub("_", one.name.rpartition("#")[2]),
            "function": one.name,
            "description": one.description or f"Calls `{one.name}`",
            "input_schema": one.input_schema,
        }
        for one in told
    ]
    if len({str(one["name"]) for one in operations}) != len(operations):
        raise OperatorError("two functions of the module would have one name; write `[[tool.operations]]` yourself")
    return operations


def _description(told: Sequence[Told], *, several: bool) -> str:
    if several:
        more = ", …" if len(told) > _SHOWN else ""
        return f"{len(told)} functions: {', '.join(one.name for one in told[:_SHOWN])}{more}"
    if not told[0].description.strip():
        raise OperatorError(f"`tool.description`: this key is required, and the module says nothing; {_BY_HAND}")
    return told[0].description


def _inserted(text: str, added: Mapping[str, Any]) -> str:
    if not added:
        return text
    header = _HEADER.search(text)
    if header is None:
        raise OperatorError(f"`tool.toml` has no line `[tool]` below which to complete it; {_BY_HAND}")
    lines = "".join(f"\n{key} = {_toml(value)}" for key, value in added.items())
    return text[: header.end()] + lines + text[header.end() :]


def _appended(operations: Sequence[Mapping[str, Any]]) -> str:
    return "".join(
        "\n\n[[tool.operations]]" + "".join(f"\n{key} = {_toml(value)}" for key, value in one.items()) + "\n"
        for one in operations
    )


def _checked(text: str, built: str, added: Mapping[str, Any], operations: list[dict[str, Any]]) -> str:
    """*built*, if it says what *text* says and what was added, and nothing else."""
    wanted = tomllib.loads(text)
    wanted["tool"] |= {**added, **({"operations": operations} if operations else {})}
    try:
        same = tomllib.loads(built) == wanted
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        same = False
    if not same:
        raise OperatorError(f"`tool.toml` cannot be completed with what the module says; {_BY_HAND}")
    return built


def _toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() if value in _INT64:
            return str(value)
        case float():
            return repr(value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(map(_toml, cast('Sequence[Any]', value)))}]"
        case Mapping():
            fields = cast("Mapping[str, Any]", value).items()
            return f"{{ {', '.join(f'{_toml(key)} = {_toml(item)}' for key, item in fields)} }}"
        case _:
            raise OperatorError(f"the module's schema says what TOML cannot, null or a large number; {_BY_HAND}")
