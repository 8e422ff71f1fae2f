"""Finds every subschema of a schema and writes older drafts' spellings as 2020-12; it never resolves or evaluates."""

from collections.abc import Iterator
from typing import Any, Final

from holdfast.contracts import OperatorError
from holdfast.contracts.schema_shape import HOLD_LIST, HOLD_MAP, HOLD_ONE

from .bounds import is_array, is_object
from .evaluation import Schema
from .wording import pointer

Path = tuple[str | int, ...]

DIALECTS: Final = frozenset(
    {
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema",
        "http://json-schema.org/draft-06/schema",
    }
)
"""What `$schema` may say. All are read as 2020-12, which MCP prescribes and which asserts at least as much."""

_HOLDING = frozenset((*HOLD_ONE, *HOLD_LIST, *HOLD_MAP))

_OLD = frozenset({"$schema", "$recursiveRef", "additionalItems", "dependencies"})
_IN_PLACE_ONE = ("else", "if", "not", "then")
_IN_PLACE_LIST = ("allOf", "anyOf", "oneOf")


def modernise(root: dict[str, Any]) -> None:
    """Rewrite *root* in place: drop `$schema`, and spell `items` lists and `dependencies` the way of 2020-12.

    Raises: OperatorError for a dialect we do not know, a `$schema` inside, or a keyword that has no such spelling.
    """
    dialect = root.pop("$schema", None)
    if dialect is not None and str(dialect).rstrip("#") not in DIALECTS:
        raise OperatorError("the dialect that `$schema` names is not supported; write JSON Schema 2020-12")
    for schema, path in subschemas(root, ()):
        if isinstance(schema, dict):
            _modernise_one(schema, path)


def refuse_old_spellings(root: Schema) -> None:
    """Refuse spellings of older drafts in *root*, a schema that stands where only a reference finds it.

    Raises: OperatorError.
    """
    for schema, path in subschemas(root, ()):
        if isinstance(schema, dict) and not _OLD.isdisjoint(schema):
            raise OperatorError(f"a schema that is only referred to uses an older draft's keyword at `{pointer(path)}`")


def _modernise_one(schema: dict[str, Any], path: Path) -> None:
    for keyword in ("$schema", "$recursiveRef"):
        if keyword in schema:
            raise OperatorError(f"the schema uses `{keyword}` at `{pointer(path)}`, which is not supported there")
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if "additionalItems" in schema:
            schema["items"] = schema["additionalItems"]
    schema.pop("additionalItems", None)
    dependencies: Any = schema.pop("dependencies", None)
    if is_object(dependencies):
        required = {name: needed for name, needed in dependencies.items() if is_array(needed)}
        schemas = {name: needed for name, needed in dependencies.items() if not is_array(needed)}
        schema["dependentRequired"] = required | schema.get("dependentRequired", {})
        schema["dependentSchemas"] = schemas | schema.get("dependentSchemas", {})


def subschemas(root: Schema, path: Path) -> Iterator[tuple[Schema, Path]]:
    """*root* and every schema inside it, each before what is inside it. A malformed keyword holds none."""
    pending: list[tuple[Schema, Path]] = [(root, path)]
    while pending:
        schema, here = pending.pop()
        yield schema, here
        if isinstance(schema, dict):
            pending.extend(_children(schema, here))


def _children(schema: dict[str, Any], path: Path) -> Iterator[tuple[Schema, Path]]:
    for keyword, value in schema.items():
        if keyword not in _HOLDING:
            continue
        for each, there in _held(keyword, value, (*path, keyword)):
            if isinstance(each, bool | dict):
                yield each, there


def _held(keyword: str, value: Any, path: Path) -> list[tuple[Any, Path]]:
    if keyword in HOLD_ONE:
        return [(value, path)]
    if keyword in HOLD_LIST and is_array(value):
        return [(each, (*path, index)) for index, each in enumerate(value)]
    if keyword in HOLD_MAP and is_object(value):
        return [(each, (*path, name)) for name, each in value.items()]
    return []


def in_place(schema: dict[str, Any]) -> Iterator[Schema]:
    """Subschemas of *schema* that apply to the same value as it does, references apart."""
    for keyword in _IN_PLACE_ONE:
        if keyword in schema:
            yield schema[keyword]
    for keyword in _IN_PLACE_LIST:
        yield from schema.get(keyword, ())
    yield from schema.get("dependentSchemas", {}).values()
