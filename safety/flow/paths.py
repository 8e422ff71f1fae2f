"""Finds what a dotted path names in JSON; a list along the way stands for each of its items. It never guesses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from holdfast.contracts import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Found:
    """What a path leads to. Lists are opened; What is blank, empty or `null` is as good as not there."""

    values: tuple[Json, ...]
    missing: bool
    """Somewhere along the way the path ends in nothing, or in what cannot be looked into."""


_NOTHING: Json = None


def find(value: Json | JsonObject, path: str) -> Found:
    """What *path* names within *value*. A name with dots of its own is found as well as the path it looks like."""
    leaves = tuple(_walk(value, parts_of(path)))
    kept = tuple(leaf for leaf in leaves if leaf is not _NOTHING)
    return Found(kept, missing=len(kept) != len(leaves))


@lru_cache(maxsize=4096)
def parts_of(path: str) -> tuple[str, ...]:
    """The names in *path*."""
    return tuple(path.split("."))


def _walk(value: Json | JsonObject, parts: tuple[str, ...]) -> Iterator[Json]:
    """The leaves; None for each way that ends in nothing."""
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, parts)
        if not value:
            yield _NOTHING
    elif not parts:
        plain = dict(value) if isinstance(value, Mapping) else value
        yield plain if is_there(plain) else _NOTHING
    elif isinstance(value, Mapping):
        yield from _step(value, parts)
    else:
        yield _NOTHING


def _step(value: JsonObject, parts: tuple[str, ...]) -> Iterator[Json]:
    there = [many for many in range(1, len(parts) + 1) if ".".join(parts[:many]) in value]
    for many in there:
        yield from _walk(value[".".join(parts[:many])], parts[many:])
    if not there:
        yield _NOTHING


def scalars(value: Json | JsonObject) -> Iterator[Json]:
    """Every text, number and boolean within *value*, whatever holds it; names of fields are not among them."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item)
    elif value is not None:
        yield value


def is_there(value: Json) -> bool:
    """Whether *value* says anything: neither null nor a blank text, nor a list or object of nothing else."""
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, Mapping):
        return any(map(is_there, value.values()))
    if isinstance(value, list):
        return any(map(is_there, value))
    return value is not None
