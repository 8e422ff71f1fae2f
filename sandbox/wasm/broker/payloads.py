"""Reads what a guest says and writes what it is answered: strict JSON, base64 for bytes. Total on hostile bytes."""

import base64
import binascii
from collections.abc import Mapping

from holdfast.contracts import Json, MalformedJson
from holdfast.contracts.json_values import canonical, parse

from .refusals import malformed

_DEPTH = 40
"""Arguments of a tool have 32 levels at most, and stand in an object here."""


def read(payload: bytes, required: frozenset[str], optional: frozenset[str] = frozenset()) -> dict[str, Json]:
    """The object in *payload*, with every one of *required* and nothing beside *optional*. Raises: Refusal."""
    try:
        value = parse(payload, max_depth=_DEPTH)
    except MalformedJson as error:
        raise malformed(f"the payload is not strict JSON: {error.message}") from None
    if not isinstance(value, dict):
        raise malformed("the payload is not an object")
    missing = sorted(required - value.keys())
    if missing:
        raise malformed(f"the payload has no `{missing[0]}`")
    if value.keys() - required - optional:
        raise malformed("the payload has a key that the function does not know")
    return value


def text(fields: Mapping[str, Json], name: str) -> str:
    """The text at *name*. Raises: Refusal."""
    value = fields[name]
    if not isinstance(value, str):
        raise malformed(f"`{name}` is not text")
    return value


def data(fields: Mapping[str, Json], name: str) -> bytes:
    """The bytes at *name*, which are base64. Raises: Refusal."""
    try:
        return base64.b64decode(text(fields, name).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise malformed(f"`{name}` is not base64") from None


def table(fields: Mapping[str, Json], name: str) -> dict[str, Json]:
    """The object at *name*. Raises: Refusal."""
    value = fields[name]
    if not isinstance(value, dict):
        raise malformed(f"`{name}` is not an object")
    return value


def pairs(fields: Mapping[str, Json], name: str) -> tuple[tuple[str, str], ...]:
    """The list of pairs of texts at *name*. Raises: Refusal."""
    value = fields[name]
    if not isinstance(value, list):
        raise malformed(f"`{name}` is not a list")
    found: list[tuple[str, str]] = []
    for item in value:
        match item:
            case [str() as key, str() as said]:
                found.append((key, said))
            case _:
                raise malformed(f"`{name}` holds what is no pair of texts")
    return tuple(found)


def encoded(value: bytes) -> str:
    """*value* as base64."""
    return base64.b64encode(value).decode("ascii")


def written(answer: Mapping[str, Json]) -> bytes:
    """*answer* as it goes to the guest."""
    return canonical(dict(answer))
