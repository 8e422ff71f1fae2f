"""Names what is decided otherwise, from the widest to the narrowest. It judges by two bundles and changes neither."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ..bundle import PolicyBundle
from ..decisions import Allowed, Asks, Denied, PolicyDecision
from ..inputs import PolicyInput, Unclear


class Kind(StrEnum):
    """What became of a call."""

    ALLOWED = "newly allowed"
    ASKING = "newly asking"
    LEASABLE = "newly leasable"
    """Denied before and after, but now a lease would lift it."""
    DENIED = "newly denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One call that is decided otherwise."""

    kind: Kind
    wider: bool
    """The new answer lets more happen."""
    given: PolicyInput
    before: PolicyDecision
    after: PolicyDecision
    call: str
    """The id of a recorded call; empty for one that was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of some calls."""

    differences: tuple[Difference, ...]
    same: int
    unclear: tuple[tuple[str, str], ...]
    """Calls that could not be judged by both, and why."""


def compared(old: PolicyBundle, new: PolicyBundle, calls: Iterable[tuple[str, PolicyInput]]) -> Comparison:
    """Judge each of *calls*, an id and an input, by *old* and by *new*."""
    found: list[Difference] = []
    unclear: list[tuple[str, str]] = []
    same = 0
    for call, given in calls:
        before, after = old.judge(given), new.judge(given)
        if isinstance(before, Unclear) or isinstance(after, Unclear):
            unclear.append((call, str(before if isinstance(before, Unclear) else after)))
            continue
        change = changed(before, after)
        if change is None:
            same += 1
            continue
        kind, wider = change
        found.append(Difference(kind=kind, wider=wider, given=given, before=before, after=after, call=call))
    return Comparison(differences=tuple(found), same=same, unclear=tuple(unclear))


def changed(before: PolicyDecision, after: PolicyDecision) -> tuple[Kind, bool] | None:
    """What *after* is beside *before*, and whether it is wider; None for the same."""
    first, second = _width(before), _width(after)
    if first == second:
        return None
    if isinstance(after, Allowed):
        return Kind.ALLOWED, True
    if isinstance(after, Asks):
        return Kind.ASKING, second > first
    return (Kind.LEASABLE if second > first else Kind.DENIED), second > first


def _width(decision: PolicyDecision) -> int:
    """How much *decision* lets happen: nothing, with a lease, with an approval, everything."""
    match decision:
        case Allowed():
            return 3
        case Asks():
            return 2
        case Denied(leasable=leasable):
            return 1 if leasable else 0
