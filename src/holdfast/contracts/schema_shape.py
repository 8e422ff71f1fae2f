"""Whether JSON is shaped as a JSON Schema of 2020-12, as its metaschema says; it never resolves or compiles anything.

One pass over the schema, each value looked at once, where evaluating the metaschema enters eight schemas for each and
jsonschema's own check takes 0.2 ms. That a `pattern` can be compiled is not asked: whoever compiles it knows.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeGuard

from .json_values import Json

MAX_STEPS: Final = 60_000
"""Values and names one schema is looked at for; about 0.6 µs each. 64 KB of JSON hold at most 33 000 values."""

HOLD_ONE: Final = (
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
)
"""Keywords whose value is a schema."""
HOLD_LIST: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
"""Keywords whose value is a list of schemas."""
HOLD_MAP: Final = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
"""Keywords whose value is a map from names to schemas."""

_ANCHOR = re.compile(r"[A-Za-z_][-A-Za-z0-9._]*\Z")
_ID = re.compile(r"[^#]*#?\Z")
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})

Written: TypeAlias = Json | Mapping[str, Json]
Path: TypeAlias = tuple[str | int, ...]
_Look: TypeAlias = Callable[[Written], str | None]
"""What a keyword's value must be, in words that follow "it"; None when it is that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misshapen:
    """The first thing found that is no JSON Schema."""

    path: Path
    """Where; empty for the whole schema."""
    wants: str
    """What stands there instead of, in words that hold nothing of the schema."""


def misshapen(schema: Written) -> Misshapen | None:
    """What of *schema*, whose nesting was bounded before, is not as 2020-12 has it; None when it is one."""
    left = MAX_STEPS
    pending: list[tuple[Written, Path]] = [(schema, ())]
    while pending:
        here, path = pending.pop()
        if here is True or here is False:
            left -= 1
        elif isinstance(here, Mapping):
            left -= 1 + len(here)
            for keyword, value in here.items():
                look = _VALUES.get(keyword)
                if look is not None:
                    left -= len(value) if isinstance(value, list) else 0
                    if wants := look(value):
                        return Misshapen(path=(*path, keyword), wants=wants)
                elif keyword in _HOLDERS and (fault := _HOLDERS[keyword](value, (*path, keyword), pending)):
                    return fault
        else:
            return Misshapen(path=path, wants="must be an object, true or false")
        if left - len(pending) < 0:
            return Misshapen(path=path, wants="must be smaller: the schema takes too many steps to check")
    return None


_Hold: TypeAlias = Callable[[Written, Path, list[tuple[Written, Path]]], Misshapen | None]
"""Puts the schemas that a keyword holds with those to look at."""


def _one(value: Written, path: Path, pending: list[tuple[Written, Path]]) -> Misshapen | None:
    pending.append((value, path))
    return None


def _several(value: Written, path: Path, pending: list[tuple[Written, Path]]) -> Misshapen | None:
    if not isinstance(value, list) or not value:
        return Misshapen(path=path, wants="must be a list of at least one schema")
    pending.extend((each, (*path, index)) for index, each in enumerate(value))
    return None


def _named(value: Written, path: Path, pending: list[tuple[Written, Path]]) -> Misshapen | None:
    if not isinstance(value, Mapping):
        return Misshapen(path=path, wants="must be an object of schemas")
    pending.extend((each, (*path, name)) for name, each in value.items())
    return None


def _dependencies(value: Written, path: Path, pending: list[tuple[Written, Path]]) -> Misshapen | None:
    if not isinstance(value, Mapping):
        return Misshapen(path=path, wants="must be an object of schemas or of lists of names")
    for name, each in value.items():
        if not isinstance(each, list):
            pending.append((each, (*path, name)))
        elif wants := _names(each):
            return Misshapen(path=(*path, name), wants=wants)
    return None


def _text(value: Written) -> str | None:
    return None if isinstance(value, str) else "must be a string"


def _flag(value: Written) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _list(value: Written) -> str | None:
    return None if isinstance(value, list) else "must be a list"


def _is_number(value: Written) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Written) -> str | None:
    return None if _is_number(value) else "must be a number"


def _factor(value: Written) -> str | None:
    return None if _is_number(value) and value > 0 else "must be a number above 0"


def _count(value: Written) -> str | None:
    fits = _is_number(value) and (isinstance(value, int) or value.is_integer()) and value >= 0
    return None if fits else "must be a whole number, 0 or more"


def _are_texts(value: Written) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _names(value: Written) -> str | None:
    if not _are_texts(value):
        return "must be a list of names"
    return None if len(set(value)) == len(value) else "must name each only once"


def _names_by_name(value: Written) -> str | None:
    fits = isinstance(value, Mapping) and all(_names(each) is None for each in value.values())
    return None if fits else "must be an object of lists of names"


def _type(value: Written) -> str | None:
    if isinstance(value, str):
        fits = value in _TYPES
    else:
        fits = _are_texts(value) and 0 < len(value) == len(set(value)) and _TYPES.issuperset(value)
    return None if fits else "must be a type's name, or a list of them"


def _matching(pattern: re.Pattern[str], wants: str) -> _Look:
    def look(value: Written) -> str | None:
        return None if isinstance(value, str) and pattern.match(value) else wants

    return look


def _vocabulary(value: Written) -> str | None:
    fits = isinstance(value, Mapping) and all(isinstance(each, bool) for each in value.values())
    return None if fits else "must be an object of true and false"


_HOLDERS: Final[Mapping[str, _Hold]] = {
    **dict.fromkeys(HOLD_ONE, _one),
    **dict.fromkeys(HOLD_LIST, _several),
    **dict.fromkeys(HOLD_MAP, _named),
    "dependencies": _dependencies,
}

_anchor = _matching(_ANCHOR, "must be a name of letters, digits, `-`, `_` and `.`")

_VALUES: Final[Mapping[str, _Look]] = {
    **dict.fromkeys(
        (
            "$comment",
            "$dynamicRef",
            "$recursiveRef",
            "$ref",
            "$schema",
            "contentEncoding",
            "contentMediaType",
            "description",
            "format",
            "pattern",
            "title",
        ),
        _text,
    ),
    **dict.fromkeys(("deprecated", "readOnly", "uniqueItems", "writeOnly"), _flag),
    **dict.fromkeys(("enum", "examples"), _list),
    **dict.fromkeys(("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"), _number),
    **dict.fromkeys(
        (
            "maxContains",
            "maxItems",
            "maxLength",
            "maxProperties",
            "minContains",
            "minItems",
            "minLength",
            "minProperties",
        ),
        _count,
    ),
    **dict.fromkeys(("$anchor", "$dynamicAnchor", "$recursiveAnchor"), _anchor),
    "$id": _matching(_ID, "must be a URI without a fragment"),
    "$vocabulary": _vocabulary,
    "dependentRequired": _names_by_name,
    "multipleOf": _factor,
    "required": _names,
    "type": _type,
}
"""`const` and `default` may be anything."""
