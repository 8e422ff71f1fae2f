"""Finds policies that cannot apply, or change nothing beside another, by how they are written. Solvers see further.

Only what is plain is said: two conditions that contradict each other, or the same conditions and more of them.
"""

from collections.abc import Iterator

from cedarpy import pst

from ..decisions import ApprovalLevel, Effect
from ..narrowing import Part, Way, parts, way_of
from ..rules import Policy
from .remarks import Remark, about

_Literal = str | int | bool


def contradictions(policies: tuple[Policy, ...]) -> tuple[Remark, ...]:
    """Say which of *policies* contradict themselves."""
    return tuple(
        about(policy, "never-applies", f"never applies: {why}")
        for policy in policies
        if (why := _contradiction(policy)) is not None
    )


def covered(policies: tuple[Policy, ...]) -> tuple[Remark, ...]:
    """Say which of *policies* have all the conditions of another, and so change nothing beside it."""
    own = {policy.id: _conditions(policy) for policy in policies}
    by_one: dict[tuple[object, ...], list[Policy]] = {}
    for policy in policies:
        first = next(iter(own[policy.id]), None)
        by_one.setdefault((_scope(policy), first), []).append(policy)
    found: list[Remark] = []
    for place, policy in enumerate(policies):
        scope, mine = _scope(policy), own[policy.id]
        wider = (other for one in (None, *mine) for other in by_one.get((scope, one), ()))
        for other in wider:
            same = own[other.id] == mine
            if other.id == policy.id or not own[other.id] <= mine or (same and _place(policies, other) > place):
                continue
            if changes_nothing(policy, other):
                found.append(_shadow(policy, other))
                break
    return tuple(found)


def changes_nothing(narrow: Policy, wide: Policy) -> bool:
    """Whether *narrow* is idle wherever *wide* applies too.

    A permit is, beside a permit, and beside a forbid that nothing lifts. A forbid is, beside one that is lifted in the
    same way, or in a stricter one.
    """
    if wide.effect is Effect.PERMIT:
        return narrow.effect is Effect.PERMIT
    if wide.approval is None:
        return True
    if narrow.effect is Effect.PERMIT:
        return False
    return narrow.approval in (wide.approval, ApprovalLevel.OPERATOR)


def shadow(narrow: Policy, wide: Policy) -> str:
    """Say what *narrow* is beside *wide*."""
    what = "permits only what" if narrow.effect is Effect.PERMIT else "forbids only what"
    does = "permits" if wide.effect is Effect.PERMIT else "forbids"
    return f"{what} `{wide.id}` ({wide.source.place}) {does} anyway"


def _shadow(narrow: Policy, wide: Policy) -> Remark:
    return about(narrow, "shadowed", shadow(narrow, wide))


def _place(policies: tuple[Policy, ...], policy: Policy) -> int:
    return next(place for place, one in enumerate(policies) if one is policy)


def _scope(policy: Policy) -> tuple[object, ...]:
    template = policy.template
    return (template.principal, template.action, template.resource)


def _conditions(policy: Policy) -> frozenset[Part]:
    return frozenset(parts(policy.template.clauses))


def _contradiction(policy: Policy) -> str | None:
    template = policy.template
    match template.action, template.resource:
        case pst.ActionEq(entity=action), pst.ScopeEq(entity=pst.EntityUid(id=tool)) if action.id != tool:
            return f"a call of `{action.id}` is never one of `{tool}`"
        case _:
            pass
    conditions = _conditions(policy)
    for part in conditions:
        if part.node == pst.BoolLit(not part.wanted):
            return "one of its conditions is never true"
        if Part(part.node, not part.wanted) in conditions:
            return "it wants one and the same condition both ways"
    return _two_values(conditions)


def _two_values(conditions: frozenset[Part]) -> str | None:
    """Find an attribute that would have to equal two different literals."""
    known: dict[Way, frozenset[_Literal]] = {}
    for way, values in (pair for part in conditions if part.wanted for pair in _values(part.node)):
        known[way] = known.get(way, values) & values
        if not known[way]:
            return f"`{'.'.join(way)}` cannot be all that it compares it with"
    return None


def _values(node: pst.Expr) -> Iterator[tuple[Way, frozenset[_Literal]]]:
    """Yield the attribute and the literals of which it must equal one."""
    pairs: tuple[tuple[pst.Expr, tuple[pst.Expr, ...]], ...]
    match node:
        case pst.BinaryOp(op="eq", left=one, right=other):
            pairs = ((one, (other,)), (other, (one,)))
        case pst.BinaryOp(op="contains", left=pst.Set(elements=elements), right=one):
            pairs = ((one, elements),)
        case _:
            return
    for side, elements in pairs:
        way = way_of(side)
        literals = [each.value for each in elements if isinstance(each, pst.StringLit | pst.LongLit | pst.BoolLit)]
        if way is not None and literals and len(literals) == len(elements):
            yield way, frozenset(literals)
