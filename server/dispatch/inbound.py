"""Steps 2 to 6: everything that is asked about a call before it may run. It runs nothing and writes nothing."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from holdfast.contracts import (
    Action,
    Deny,
    Effect,
    Finding,
    FlowFacts,
    Json,
    Pass,
    Principal,
    Reason,
    Session,
    ToolSpec,
    VerdictKind,
    Where,
)
from holdfast.contracts.json_values import strings
from holdfast.safety.detectors import Detectors, agreed
from holdfast.safety.injection import InjectionDetector, Signals
from holdfast.safety.policy import (
    Allowed,
    Around,
    Asks,
    Denied,
    Facts,
    PolicyBundle,
    PolicyDecision,
    PolicyRequest,
    decided_by,
    settle,
)
from holdfast.safety.sanitizer import Sanitizer
from holdfast.safety.validator import Validator

from ..flow import Look
from .outbound import counts
from .trail import Asked, Trail


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The five safety layers, built once."""

    validator: Validator
    sanitizer: Sanitizer
    detectors: Detectors
    injection: InjectionDetector
    policy: Callable[[Principal], PolicyBundle]
    """The bundle that judges a principal now."""
    lets: Callable[[Finding], bool] = counts
    """Whether a finding is only looked at, and does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A call as it was judged."""

    spec: ToolSpec
    arguments: Mapping[str, Json]
    principal: Principal
    facts: Facts
    look: Look
    bundle: PolicyBundle
    held: Asks | Denied | None
    """What holds it up, if anything: a question, or a denial that a lease would lift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call as it is put to the judges."""

    spec: ToolSpec
    arguments: Mapping[str, Json]
    """As the sanitizer left them."""
    principal: Principal
    session: Session
    look: Look
    around: Around


class Inbound:
    """Asks each layer in the order of the procedure; the first denial ends it."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers

    def judge(self, trail: Trail, question: Question) -> Judged | Deny:
        """Take a rewritten call through detectors and policy."""
        # 4  inspect
        found = self._inspect(trail, question.arguments)
        signals = self._signals(trail, question.arguments)
        looked_at = tuple(filter(self._layers.lets, found))
        facts = facts_of(tuple(one for one in found if one not in looked_at) if looked_at else found, signals)
        # 5  policy
        bundle = self._layers.policy(question.principal)
        request = PolicyRequest(
            principal=question.principal,
            session=question.session,
            spec=question.spec,
            arguments=question.arguments,
            facts=facts,
            flow=question.look.facts,
            around=question.around,
        )
        began = time.perf_counter_ns()
        decision = bundle.decide(request)
        if trail.keeps:
            settle(request.around, request.arguments)
        trail.asked = Asked(request=request, found=found, bundle=bundle, decision=decision)
        trail.note("policy", _kind(decision), began)
        if not isinstance(decision, Denied) and decision.observed is not None:
            trail.observe("policy", _kind(decision.observed), _rules(decision.observed))
        if looked_at:
            self._observe(trail, replace(request, facts=facts_of(found, signals)), bundle, decision, looked_at)
        if isinstance(decision, Denied) and not decision.leasable:
            return Deny(reason=decision.reason)
        # 6  the detectors' own floor, whatever policy says
        floor = trail.ask("floor", lambda: _floor(question.look.facts, found))
        if isinstance(floor, Deny):
            return floor
        return Judged(
            spec=question.spec,
            arguments=question.arguments,
            principal=question.principal,
            facts=facts,
            look=question.look,
            bundle=bundle,
            held=None if isinstance(decision, Allowed) else decision,
        )

    def _observe(
        self,
        trail: Trail,
        request: PolicyRequest,
        bundle: PolicyBundle,
        decision: PolicyDecision,
        looked_at: tuple[Finding, ...],
    ) -> None:
        """Note what policy would have said of *request*, had the findings *looked_at* counted."""
        would = bundle.decide(request)
        if _kind(would) is not _kind(decision):
            rules = tuple(sorted({finding.rule for finding in looked_at}))
            trail.observe(looked_at[0].layer, _kind(would), rules)

    def rewrite(self, trail: Trail, spec: ToolSpec, arguments: Mapping[str, Json]) -> Mapping[str, Json] | Deny:
        """Take *arguments* through validator and sanitizer: what comes out is what everything after judges."""
        # 2  validator: refuses, never repairs
        refused = self._validate(trail, spec, arguments)
        if refused is not None:
            return refused
        # 3  sanitizer: the only rewriter of ours; a rewrite is validated again
        verdict = trail.ask("sanitizer", lambda: self._layers.sanitizer.arguments(arguments))
        if isinstance(verdict, Pass):
            return arguments
        refused = self._validate(trail, spec, verdict.to)
        return verdict.to if refused is None else refused

    def _validate(self, trail: Trail, spec: ToolSpec, arguments: Mapping[str, Json]) -> Deny | None:
        validator = self._layers.validator

        def both() -> Pass | Deny:
            shape = validator.shape(arguments)
            return shape if isinstance(shape, Deny) else validator.arguments(spec, arguments)

        verdict = trail.ask("validator", both)
        return verdict if isinstance(verdict, Deny) else None

    def _inspect(self, trail: Trail, arguments: Mapping[str, Json]) -> tuple[Finding, ...]:
        detectors = self._layers.detectors
        leaks: tuple[Finding, ...] = ()
        personal: tuple[Finding, ...] = ()
        credentials: tuple[Finding, ...] = ()

        def scan_leaks() -> Pass:
            nonlocal leaks, personal
            leaks = detectors.leaks.scan_arguments(arguments, Where.ARGUMENTS)
            personal = detectors.pii.scan(tuple(strings(arguments)), Where.ARGUMENTS)
            return Pass()

        def scan_credentials() -> Pass:
            nonlocal credentials
            credentials = detectors.credentials.scan_arguments(arguments, Where.ARGUMENTS)
            return Pass()

        trail.ask("leaks", scan_leaks)
        trail.ask("credentials", scan_credentials)
        found = (*agreed(leaks, credentials), *personal)
        trail.findings.extend(found)
        return found

    def _signals(self, trail: Trail, arguments: Mapping[str, Json]) -> Signals:
        """How much the arguments try to steer whoever reads them; what the sanitizer took out of them counts too."""
        signals = self._layers.injection.scan(tuple(strings(arguments)), Where.ARGUMENTS, trail.findings)
        trail.findings.extend(signals.findings)
        return signals


def facts_of(found: tuple[Finding, ...], signals: Signals) -> Facts:
    """What policy is told of the detectors' findings: counts, rule names and a score, never text."""
    if not found and not signals.findings:
        return Facts(leaks=0, credentials=0, injection=signals.score, pii=0, rules=frozenset())
    grave = [finding for finding in found if finding.action in (Action.REDACT, Action.DENY)]
    personal = [finding for finding in found if finding.layer == "pii"]
    return Facts(
        leaks=sum(finding.layer == "leaks" for finding in grave),
        credentials=sum(finding.layer == "credentials" for finding in grave),
        injection=signals.score,
        pii=len(personal),
        rules=frozenset(finding.rule for finding in (*grave, *signals.findings, *personal)),
    )


def _rules(decision: Denied | Asks) -> tuple[str, ...]:
    """What would have stopped it: policies, or a code of ours."""
    return tuple(f"policy/{one}" for one in decided_by(decision))


def _kind(decision: PolicyDecision) -> VerdictKind:
    match decision:
        case Allowed():
            return VerdictKind.PASS
        case Denied():
            return VerdictKind.DENY
        case Asks():
            return VerdictKind.REVIEW
        case _:
            assert_never(decision)


def _floor(flow: FlowFacts, found: tuple[Finding, ...]) -> Pass | Deny:
    """A secret never leaves to an egress sink. No policy and no approval lifts this."""
    if Effect.EGRESS not in flow.effects:
        return Pass()
    grave = [finding for finding in found if finding.action in (Action.REDACT, Action.DENY)]
    if not grave:
        return Pass()
    layer = grave[0].layer
    return Deny(
        reason=Reason(
            code=f"{layer}/secret-to-egress",
            layer=layer,
            message=f"the arguments hold what looks like a secret (`{grave[0].rule}`), and this tool can send it out",
            remedy="keep the secret out of the arguments; this floor cannot be lifted by policy or approval",
        )
    )
