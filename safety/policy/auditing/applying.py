"""Finds policies that cannot apply, or change nothing beside another, by how they are written. Solvers see further.

Only what is plain is said: two conditions that contradict each other, or the same conditions and more of them.
"""

from collections import Counter
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
    numbers: dict[object, int] = {}
    own = [
        frozenset(numbers.setdefault((_scope(policy), part), len(numbers)) for part in _conditions(policy))
        for policy in policies
    ]
    shared = Counter(number for each in own for number in each)
    wider: dict[object, list[int]] = {}
    for place, policy in enumerate(policies):
        rarest = min(own[place], key=lambda number: shared[number], default=None)
        wider.setdefault(_scope(policy) if rarest is None else rarest, []).append(place)
    found: list[Remark] = []
    for place, policy in enumerate(policies):
        others = (other for key in (_scope(policy), *own[place]) for other in wider.get(key, ()) if other != place)
        for other in others:
            # Of two that are the same, the second is the idle one.
            covers = own[other] < own[place] or (own[other] == own[place] and other < place)
            if covers and changes_nothing(policy, policies[other]):
                found.append(about(policy, "shadowed", shadow(policy, policies[other])))
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
