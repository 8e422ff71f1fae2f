"""Takes the condition of a policy apart into single comparisons, each with its direction. It judges none."""

from collections.abc import Iterator
from dataclasses import dataclass

from cedarpy import pst

from ..decisions import Effect
from ..mentions import nodes
from ..narrowing import Way, way_of
from ..rules import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One comparison, or one truth."""

    node: pst.Expr
    wanted: bool
    """Whether the policy tends to apply when this is true, not when it is false."""


def leaves(policy: Policy) -> Iterator[Leaf]:
    """Yield every comparison in the conditions of *policy*."""
    for clause in policy.template.clauses:
        yield from _leaves(clause.expr, wanted=isinstance(clause, pst.When))


def frees(policy: Policy, leaf: Leaf) -> bool:
    """Whether *leaf*, when true, tends to let the call through."""
    return leaf.wanted is (policy.effect is Effect.PERMIT)


def ways_in(node: pst.Expr) -> frozenset[Way]:
    """Answer every attribute that *node* reads."""
    found = (way_of(one) for one in nodes(node) if isinstance(one, pst.GetAttr))
    return frozenset(way for way in found if way is not None)


def texts_in(node: pst.Expr) -> Iterator[str]:
    """Yield the texts and patterns that *node* compares with; `*` is a wildcard."""
    for one in nodes(node):
        if isinstance(one, pst.StringLit):
            yield one.value
        elif isinstance(one, pst.Like):
            yield "".join(each.value if isinstance(each, pst.Char) else "*" for each in one.pattern)


def argument(way: Way) -> str | None:
    """Answer the name of the argument that *way* leads to, its last part."""
    return way[-1] if way[:2] == ("context", "input") and len(way) > 2 else None  # noqa: PLR2004 -- context, input, and a name


def compared(leaf: Leaf) -> frozenset[str]:
    """Answer the arguments whose text or value *leaf* compares with something."""
    if isinstance(leaf.node, pst.Like | pst.BinaryOp):
        return frozenset(name for way in ways_in(leaf.node) if (name := argument(way)) is not None)
    return frozenset()


def _leaves(node: pst.Expr, *, wanted: bool) -> Iterator[Leaf]:
    match node:
        case pst.UnaryOp(op="not", arg=inner):
            yield from _leaves(inner, wanted=not wanted)
        case pst.BinaryOp(op="and" | "or", left=left, right=right):
            yield from _leaves(left, wanted=wanted)
            yield from _leaves(right, wanted=wanted)
        case pst.BinaryOp(op="not_eq", left=left, right=right):
            yield Leaf(node=pst.BinaryOp(op="eq", left=left, right=right), wanted=not wanted)
        case pst.IfThenElse(cond=cond, then_expr=then, else_expr=other):
            yield Leaf(node=cond, wanted=wanted)
            yield from _leaves(then, wanted=wanted)
            yield from _leaves(other, wanted=wanted)
        case _:
            yield Leaf(node=node, wanted=wanted)
