"""Which kept places a place overlaps, and how long a key may be. Pure: asks and keeps nothing.

A wildcard covers what is below its key, and the wildcards there; not the key itself. Whoever means both says both.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, false, or_, select, true, union

from holdfast.contracts import Place
from holdfast.contracts.flow import ANY

from .schema import places as table

MAX_KEY_BYTES: Final = 1024
"""Of a key in UTF-8: PostgreSQL's index takes 2704 bytes for tenant, space and key together."""
MAX_RANGES: Final = 200
"""Wildcards of one space in a question; more are asked as the whole space. SQLite nests at most 1000 terms."""
MAX_NAMED: Final = 10_000
"""Keys of one space in a question; more are asked as the whole space. SQLite takes 32 766 values a statement."""
MAX_UNION: Final = 400
"""Terms of one question that are asked as a union. SQLite takes 500."""
_AFTER_SLASH: Final = "0"
"""The character after `/`: a key below `a` is at least `a/` and less than `a0`."""
_BELOW: Final = "/" + ANY


def fitting(place: Place) -> Place:
    """*place*, or the nearest wildcard above it whose key can be kept."""
    if _size(place.key) <= MAX_KEY_BYTES:
        return place
    kept: list[str] = []
    room = MAX_KEY_BYTES - len(ANY)
    for segment in place.key.split("/"):
        room -= _size(segment) + 1
        if room < 0:
            break
        kept.append(segment)
    return Place(place.space, "/".join([*kept, ANY]))


def is_wildcard(key: str) -> bool:
    """Whether *key* stands for everything below."""
    return key == ANY or key.endswith(_BELOW)


def above(key: str) -> tuple[str, ...]:
    """The wildcards that cover *key*, from the whole space down; a wildcard covers itself."""
    segments = key.split("/")
    return tuple("/".join([*segments[:depth], ANY]) for depth in range(len(segments)))


def coarser(places: Iterable[Place], most: int) -> frozenset[Place]:
    """At most *most* places that cover *places* of one space: the deepest give way to wildcards first."""
    kept = frozenset(places)
    depth = max((place.key.count("/") for place in kept), default=0)
    while len(kept) > most:
        kept = frozenset(_cut(place, depth) for place in kept)
        depth -= 1
    return kept


def overlapping(tenant: str, places: Iterable[Place]) -> ColumnElement[bool]:
    """The kept places of *tenant* that are one of *places*, cover one, or are covered by one."""
    return or_(false(), *_terms(tenant, places))


def labels_overlapping(tenant: str, places: Iterable[Place]) -> Select[tuple[str]] | CompoundSelect[tuple[str]]:
    """Asks for the labels of what *overlapping* means, each written set once."""
    terms = _terms(tenant, places)
    if not 1 < len(terms) <= MAX_UNION:
        return select(table.c.labels).where(or_(false(), *terms)).distinct()
    # SQLite looks each part of a UNION up in the index; of an OR it would read the whole space.
    return union(*(select(table.c.labels).where(term) for term in terms))


def _terms(tenant: str, places: Iterable[Place]) -> list[ColumnElement[bool]]:
    by_space: dict[str, set[str]] = defaultdict(set)
    for place in map(fitting, places):
        by_space[place.space].add(place.key)
    return [
        and_(table.c.tenant == tenant, term)
        for space, keys in sorted(by_space.items())
        for term in _in_space(space, keys)
    ]


def covered(tenant: str, place: Place) -> ColumnElement[bool]:
    """The kept places of *tenant* that are *place* or below it."""
    return and_(table.c.tenant == tenant, table.c.space == place.space, _equal_or_below(place.key))


def _cut(place: Place, depth: int) -> Place:
    segments = place.key.split("/")
    return place if len(segments) <= depth else Place(place.space, "/".join([*segments[:depth], ANY]))


def _in_space(space: str, keys: set[str]) -> list[ColumnElement[bool]]:
    wild = sorted(key for key in keys if is_wildcard(key))
    named = sorted({name for key in keys for name in (key, *above(key))})
    inside = table.c.space == space
    if ANY in keys or len(wild) > MAX_RANGES or len(named) > MAX_NAMED:
        return [inside]
    return [and_(inside, table.c.key.in_(named)), *(and_(inside, _equal_or_below(key)) for key in wild)]


def _equal_or_below(key: str) -> ColumnElement[bool]:
    if key == ANY:
        return true()
    if not is_wildcard(key):
        return table.c.key == key
    stem = key.removesuffix(_BELOW)
    return and_(table.c.key >= stem + "/", table.c.key < stem + _AFTER_SLASH)


def _size(text: str) -> int:
    """Bytes of *text*; more than fits when no database takes it: PostgreSQL keeps no NUL, neither keeps half a pair."""
    if "\0" in text:
        return MAX_KEY_BYTES + 1
    try:
        return len(text.encode("utf-8"))
    except UnicodeEncodeError:
        return MAX_KEY_BYTES + 1
