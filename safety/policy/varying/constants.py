"""The constants that policies compare each fact with, and texts that fit their patterns. It looks at text only."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

from cedarpy import pst

from ..mentions import nodes
from ..rules import Policy
from .reading import Way, way_of

Plain: TypeAlias = str | int | bool | Decimal

_ANY: Final = "x"
"""Stands where a pattern has a wildcard, in the text that shows it may be anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """What a set of policies compares facts with, by the way to the fact."""

    compared: dict[Way, tuple[Plain, ...]] = field(default_factory=dict[Way, tuple[Plain, ...]])
    members: dict[Way, tuple[Plain, ...]] = field(default_factory=dict[Way, tuple[Plain, ...]])
    """What is looked for in a set."""
    fitting: dict[Way, tuple[Plain, ...]] = field(default_factory=dict[Way, tuple[Plain, ...]])
    """A text for each pattern, which it fits."""
    people: tuple[tuple[str, str], ...] = ()
    """Entities that the principal is compared with: type and id."""

    def at(self, way: Way) -> tuple[Plain, ...]:
        """Everything of *way*."""
        return (*self.compared.get(way, ()), *self.members.get(way, ()), *self.fitting.get(way, ()))


def constants_of(policies: tuple[Policy, ...]) -> Constants:
    """Everything that *policies* compare with, each once, in the order written."""
    found = Constants()
    people: dict[tuple[str, str], None] = {}
    for policy in policies:
        for uid in pst.entity_uids(policy.template):
            if str(uid.type) in {"Principal", "Tenant"}:
                people[str(uid.type), uid.id] = None
        for node in nodes(policy.template.clauses):
            _note(node, found)
    return Constants(
        compared=found.compared, members=found.members, fitting=found.fitting, people=tuple(sorted(people))
    )


def differing(one: Constants, other: Constants) -> Constants:
    """What only one of the two has."""
    return Constants(
        compared=_apart(one.compared, other.compared),
        members=_apart(one.members, other.members),
        fitting=_apart(one.fitting, other.fitting),
        people=tuple(sorted({*one.people} ^ {*other.people})),
    )


def _apart(one: dict[Way, tuple[Plain, ...]], other: dict[Way, tuple[Plain, ...]]) -> dict[Way, tuple[Plain, ...]]:
    found: dict[Way, tuple[Plain, ...]] = {}
    for way in (*one, *(way for way in other if way not in one)):
        here, there = one.get(way, ()), other.get(way, ())
        both = frozenset(map(_kept_apart, here)) & frozenset(map(_kept_apart, there))
        found[way] = tuple(dict.fromkeys(each for each in (*here, *there) if _kept_apart(each) not in both))
    return found


def _kept_apart(value: Plain) -> tuple[type, Plain]:
    """To Python `1` and `True` are the same."""
    return type(value), value


def _note(node: object, found: Constants) -> None:
    match node:
        case pst.Like(base=base, pattern=pattern):
            way = way_of(base)
            if way is not None:
                _add(found.fitting, way, (_fitting(pattern),))
        case pst.BinaryOp(op="contains" | "contains_all" | "contains_any", left=left, right=right):
            for one, other in ((left, right), (right, left)):
                way = way_of(one)
                if way is not None:
                    listed = isinstance(one, pst.GetAttr) and one is left
                    _add(found.members if listed else found.compared, way, tuple(_literals(other)))
        case pst.BinaryOp(left=left, right=right):
            for one, other in ((left, right), (right, left)):
                way = way_of(one)
                if way is not None:
                    _add(found.compared, way, tuple(_literals(other)))
        case _:
            pass


def _add(held: dict[Way, tuple[Plain, ...]], way: Way, more: tuple[Plain, ...]) -> None:
    held[way] = tuple(dict.fromkeys((*held.get(way, ()), *more)))


def _literals(node: object) -> Iterator[Plain]:
    match node:
        case pst.StringLit(value=value) | pst.LongLit(value=value) | pst.BoolLit(value=value):
            yield value
        case pst.UnaryOp(op="decimal", arg=pst.StringLit(value=written)):
            yield Decimal(written)
        case pst.UnaryOp(op="neg", arg=pst.LongLit(value=value)):
            yield -value
        case pst.Set(elements=elements):
            for element in elements:
                yield from _literals(element)
        case _:
            return


def _fitting(pattern: tuple[object, ...]) -> str:
    """A text that *pattern* fits: nothing for a wildcard at either end, something in the middle."""
    last = len(pattern) - 1
    return "".join(
        one.value if isinstance(one, pst.Char) else "" if place in (0, last) else _ANY
        for place, one in enumerate(pattern)
    )
