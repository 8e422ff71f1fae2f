"""What policy is asked and what it answers, as values; it decides nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from holdfast.contracts import FlowFacts, Json, Principal, Reason, Session, ToolSpec

from .around import Around

LAYER: Final = "policy"

NO_PERMIT: Final = "no-permit"
ERROR: Final = "error"
UNEXPRESSIBLE: Final = "unexpressible"
UNKNOWN_TOOL: Final = "unknown-tool"
RESERVED: Final = frozenset({NO_PERMIT, ERROR, UNEXPRESSIBLE, UNKNOWN_TOOL})
"""Codes of ours after `policy/`; no policy may take one of them as its `@id`."""


class Effect(StrEnum):
    """What a policy does when it matches."""

    PERMIT = "permit"
    FORBID = "forbid"


class ApprovalLevel(StrEnum):
    """Who may lift a forbid. `always`: for each call anew, never by a lease. `lease`: nobody is asked, only a lease."""

    OPERATOR = "operator"
    ALWAYS = "always"
    LEASE = "lease"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the detectors found in the arguments. Nothing has a default: silence is not a clean bill."""

    leaks: int
    """Findings of the leak detector."""
    credentials: int
    """Findings of the credential detector."""
    injection: int
    """0 to 100: how much the arguments try to steer whoever reads them. Advice."""
    pii: int
    """Findings of personal data; notes, so that policy alone says what they are worth."""
    rules: frozenset[str]
    """The rule ids of all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRequest:
    """One call, with everything a policy may look at."""

    principal: Principal
    session: Session
    spec: ToolSpec
    arguments: Mapping[str, Json]
    facts: Facts
    flow: FlowFacts
    around: Around
    given: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """Facts that are supposed rather than read, by their path: a case's, or what `explain` tries. None in a real call.

    `context.input.<argument>.digest` may be supposed as well: the digest of an argument that has no other type.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """At least one permit matched, no forbid did, and nothing failed to evaluate."""

    permits: tuple[str, ...]
    observed: "Denied | Asks | None" = None
    """What would have been decided if the rules that are only observed counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """The call may not run. `forbids` is empty when nothing permitted it or an evaluation failed."""

    reason: Reason
    forbids: tuple[str, ...] = ()
    leasable: tuple[str, ...] = ()
    """What a lease would have to lift for the call to be allowed; empty: no lease would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """The call may run once somebody lifts exactly `forbids`; without them the answer is Allow."""

    reason: Reason
    forbids: tuple[str, ...]
    level: ApprovalLevel
    """The strictest level among the forbids."""
    observed: "Denied | None" = None
    """As of `Allowed`."""


PolicyDecision: TypeAlias = Allowed | Denied | Asks


def decided_by(decision: PolicyDecision) -> tuple[str, ...]:
    """Answer the ids of the policies that led to *decision*; our own code when none did."""
    match decision:
        case Allowed(permits=permits):
            return permits
        case Asks(forbids=forbids):
            return forbids
        case Denied(reason=reason, forbids=forbids):
            code = reason.code.partition("/")[2]
            return forbids if code in forbids else (code, *forbids)


def verdict_of(decision: PolicyDecision) -> str:
    """Answer `allow`, `deny` or `ask`."""
    match decision:
        case Allowed():
            return "allow"
        case Asks():
            return "ask"
        case Denied():
            return "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One policy that matched a request."""

    id: str
    effect: Effect
    reason: str
    file: str
    line: int
    """Where the policy starts, from 1."""
    approval: ApprovalLevel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One policy that could not be evaluated. Says what kind of failure, never the values involved."""

    policy: str
    """The policy's id; empty when the request itself could not be read."""
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that led to a decision. For who may read policy, never for an agent."""

    decision: PolicyDecision
    matches: tuple[Match, ...]
    errors: tuple[Broken, ...]
    context: str
    """What policy saw beside principal and tool, as JSON; holds argument values that a policy names."""
    changes: tuple[str, ...]
    """What would change the answer, one sentence each."""
