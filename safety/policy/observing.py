"""Lets pass what observed rules would have stopped, and says what they would have done. It lifts nothing else.

Observed are forbids by their ids, or the whole layer: then also what nothing permits. What policy cannot judge (a rule
that fails, arguments it cannot read, a tool it was not checked against) is never observed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from .decisions import ERROR, LAYER, UNEXPRESSIBLE, UNKNOWN_TOOL, Allowed, Asks, Denied, PolicyDecision

_UNJUDGED: Final = frozenset({f"{LAYER}/{code}" for code in (ERROR, UNEXPRESSIBLE, UNKNOWN_TOOL)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observes:
    """What is observed of policy."""

    everything: bool = False
    forbids: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.everything or bool(self.forbids)


NOTHING: Final = Observes()
"""Every rule counts."""


def let_pass(
    observes: Observes, full: PolicyDecision, without: Callable[[frozenset[str]], PolicyDecision]
) -> PolicyDecision:
    """What counts of *full*, with what it would have been said beside it; *without* judges without some forbids."""
    if isinstance(full, Allowed) or full.reason.code in _UNJUDGED:
        return full
    if observes.everything:
        return Allowed(permits=(), observed=full)
    if not observes.forbids:
        return full
    other = without(observes.forbids)
    match other:
        case Allowed():
            return replace(other, observed=full)
        case Asks() if isinstance(full, Denied):
            return replace(other, observed=full)
        case Asks():
            return other
        case Denied():
            return full
