"""What has been said about one call so far. It decides nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import structlog

from holdfast.contracts import (
    AuditReceipt,
    CallId,
    Decision,
    Deny,
    Digest,
    Finding,
    Pass,
    Review,
    Rewrite,
    ToolName,
    ToolSpec,
    Verdict,
    VerdictKind,
)
from holdfast.safety.policy import PolicyBundle, PolicyDecision, PolicyRequest, settle, verdict_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What policy was asked about a call, and what it said."""

    request: PolicyRequest
    found: tuple[Finding, ...]
    """By the detectors, in the arguments."""
    bundle: PolicyBundle
    decision: PolicyDecision
    lifted: frozenset[str] = frozenset()
    """The forbids that an approval or a lease lifted."""


_log = structlog.get_logger("holdfast.observed")

V = TypeVar("V", bound=Verdict[Any])


@dataclass(slots=True, kw_only=True)
class Trail:
    """The decisions and findings of one call, in order."""

    call_id: CallId
    tool: ToolName
    intent: AuditReceipt
    arguments: Digest
    """As they came in: the digest that the intent carries."""
    started: float
    """`time.monotonic()` seconds."""
    decisions: list[Decision] = field(default_factory=list[Decision])
    findings: list[Finding] = field(default_factory=list[Finding])
    spec: ToolSpec | None = None
    """The tool, once it is known."""
    asked: Asked | None = None
    """Once policy judged it."""
    gated: Asked | None = None
    """What policy was asked at the gate, if that was something else, or it said something else."""
    keeps: bool = False
    """Whether what policy saw is still to be kept."""
    ran: bool = False
    """Whether a runtime was given the call; from then on it may have had effects."""
    held_key: str | None = None
    """The idempotency key this call holds until it ends."""

    def ask(self, layer: str, question: Callable[[], V]) -> V:
        """Ask *layer*, and note what it said and how long it took."""
        began = time.perf_counter_ns()
        verdict = question()
        self.note(layer, kind_of(verdict), began)
        match verdict:
            case Rewrite(findings=findings) | Deny(findings=findings):
                self.findings.extend(findings)
            case Pass() | Review():
                pass
        return verdict

    def note(self, layer: str, verdict: VerdictKind, began_ns: int) -> None:
        """Note a verdict reached since *began_ns* (`time.perf_counter_ns()`)."""
        micros = (time.perf_counter_ns() - began_ns) // 1000
        self.decisions.append(Decision(layer=layer, verdict=verdict, micros=micros))

    def observe(self, layer: str, would: VerdictKind, rules: tuple[str, ...]) -> None:
        """Note what *layer* would have said, had *rules* counted."""
        self.decisions.append(Decision(layer=layer, verdict=VerdictKind.PASS, micros=0, would=would, rules=rules))
        _log.warning("observed", call=self.call_id, tool=self.tool, layer=layer, would=would.value, rules=rules)

    def at_gate(self, request: PolicyRequest, lifted: frozenset[str], decision: PolicyDecision) -> None:
        """Note what policy said at the gate, where that is kept. Time and counts alone make no other question."""
        first = self.asked
        if first is None or not self.keeps:
            return
        before = first.request
        same = (request.flow, request.session.labels, request.around.tooling) == (
            before.flow,
            before.session.labels,
            before.around.tooling,
        )
        if same and not lifted and verdict_of(decision) == verdict_of(first.decision):
            return
        settle(request.around, before.arguments)
        request = replace(request, arguments=before.arguments)
        self.gated = replace(first, request=request, decision=decision, lifted=lifted)

    @property
    def policy(self) -> Digest | None:
        """The set of policies that judged it, once one did."""
        return None if self.asked is None else self.asked.bundle.digest

    @property
    def wall_ms(self) -> float:
        """Milliseconds since the call came in."""
        return round((time.monotonic() - self.started) * 1000, 3)


def kind_of(verdict: Verdict[Any]) -> VerdictKind:
    """The name of *verdict* in results and records."""
    match verdict:
        case Pass():
            return VerdictKind.PASS
        case Rewrite():
            return VerdictKind.REWRITE
        case Deny():
            return VerdictKind.DENY
        case Review():
            return VerdictKind.REVIEW
