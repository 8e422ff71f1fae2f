"""Which facts policies read, each as the way from its root: `("context", "flow", "sink")`. It looks at text only."""

from collections.abc import Iterator
from typing import Final, TypeAlias

from cedarpy import pst

from ..mentions import children
from ..rules import Policy

Way: TypeAlias = tuple[str, ...]
ROOTS: Final = frozenset({"context", "principal", "resource"})


def way_of(node: object) -> Way | None:
    """The way to what *node* reads, if that is an attribute of a root."""
    match node:
        case pst.Var(name=name) if name in ROOTS:
            return (name,)
        case pst.GetAttr(base=base, attr=attr):
            before = way_of(base)
            return None if before is None else (*before, attr)
        case _:
            return None


def facts_read(policies: tuple[Policy, ...]) -> tuple[Way, ...]:
    """Every fact that *policies* read, as far down as they read it, in the order in which they are first read."""
    return tuple(dict.fromkeys(way for policy in policies for way in _reads(policy.template.clauses)))


def _reads(node: object) -> Iterator[Way]:
    match node:
        case pst.HasAttr(base=base, attrs=attrs):
            before = way_of(base)
            if before is not None:
                yield (*before, *attrs)
                return
        case pst.GetAttr():
            way = way_of(node)
            if way is not None:
                yield way
                return
        case _:
            pass
    for child in children(node):
        yield from _reads(child)
