"""JSON values: strict reading, one canonical writing, the walk over every string. It never repairs what it reads."""

import json
from _json import make_encoder
from collections.abc import Callable, Iterator, Mapping
from json.encoder import encode_basestring
from typing import NoReturn, TypeAlias

from .errors import MalformedJson

Json: TypeAlias = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
JsonObject: TypeAlias = Mapping[str, Json]

MAX_DEPTH = 64
"""Nesting accepted by `parse`, arrays and objects together; callers may hold a lower limit of their own."""


def parse(data: bytes | str, *, max_depth: int = MAX_DEPTH) -> Json:
    """Read one JSON value.

    Refuses duplicate keys, NaN, infinities, charsets other than UTF-8, lone surrogates, nesting beyond *max_depth*.

    Raises: MalformedJson with one sentence that names the rule and never quotes the data.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        raise MalformedJson("the text is not UTF-8") from None
    try:
        value: Json = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
    except RecursionError:
        raise MalformedJson(f"nested deeper than {max_depth} levels") from None
    except json.JSONDecodeError as error:
        raise MalformedJson(f"not valid JSON at character {error.pos}") from None
    except MalformedJson:
        raise
    except ValueError:
        raise MalformedJson("a number has too many digits") from None
    if not _is_plain(text, max_depth):
        _check(value, max_depth)
    return value


def _is_plain(text: str, max_depth: int) -> bool:
    """Whether *text* has too few brackets to nest too deep, and nothing that could be a lone surrogate."""
    return text.isascii() and "\\u" not in text and text.count("[") + text.count("{") <= max_depth


def _unwritable(_value: object) -> NoReturn:
    raise TypeError("no JSON value")


# What `JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)` makes anew for each
# value: making it takes as long as writing a small one. What holds itself ends in a RecursionError here.
_chunks = make_encoder(None, _unwritable, encode_basestring, None, ":", ",", True, False, False)


def canonical(value: Json | JsonObject) -> bytes:
    """Write *value* the one way that digests are taken over: sorted keys, no spaces, UTF-8.

    Not RFC 8785: numbers keep Python's shortest form, so `1` and `1.0` differ, as they do for a tool.

    Raises: MalformedJson for what `parse` would not have accepted.
    """
    try:
        return "".join(_chunks(value, 0)).encode("utf-8")
    except (ValueError, TypeError, RecursionError):
        raise MalformedJson("the value cannot be written as JSON") from None


def strings(value: Json | JsonObject) -> Iterator[str]:
    """Every string of *value* in document order, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | Mapping):  # to know a dict for one is quicker than to ask what a mapping is
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def map_strings(value: Json, change: Callable[[str], str]) -> Json:
    """Rebuild *value* with *change* applied to each string in the order of `strings`.

    Two keys that become equal are kept apart by a numbered suffix, so nothing is lost.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        rebuilt: dict[str, Json] = {}
        for key, item in value.items():
            name = _free_name(change(key), rebuilt)
            rebuilt[name] = map_strings(item, change)
        return rebuilt
    if isinstance(value, list):
        return [map_strings(item, change) for item in value]
    return value


def _free_name(name: str, taken: Mapping[str, Json]) -> str:
    free, count = name, 2
    while free in taken:
        free, count = f"{name}~{count}", count + 1
    return free


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise MalformedJson("an object has the same key twice")
    return built


def _constant(_name: str) -> Json:
    raise MalformedJson("NaN and Infinity are not JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise MalformedJson("a number is out of range")
    return number


def _check(value: Json, room: int) -> None:
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise MalformedJson("a string holds a lone surrogate")
        return
    if isinstance(value, list | dict):
        if room <= 0:
            raise MalformedJson("nested too deep")
        items = value if isinstance(value, list) else [*value.keys(), *value.values()]
        for item in items:
            _check(item, room - 1)
