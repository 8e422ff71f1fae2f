"""Says what would change a decision, by deciding again with one thing different. Runs and approves nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from holdfast.contracts import FlowFacts, Label

from .decisions import Allowed, Asks, Broken, Denied, Effect, Explanation, Facts, Match, PolicyDecision, PolicyRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A decision and what was seen on the way to it."""

    decision: PolicyDecision
    matches: tuple[Match, ...]
    errors: tuple[Broken, ...]
    context: str


def explain(request: PolicyRequest, seen: Seen, decide: Callable[[PolicyRequest], PolicyDecision]) -> Explanation:
    """Complete *seen* with what would change it."""
    return Explanation(
        decision=seen.decision,
        matches=seen.matches,
        errors=seen.errors,
        context=seen.context,
        changes=(*_policies(seen), *_circumstances(request, seen.decision, decide)),
    )


def _policies(seen: Seen) -> Iterator[str]:
    match seen.decision:
        case Allowed(permits=permits):
            yield f"without {_listed(permits)} nothing would permit it"
        case Asks(forbids=forbids, level=level):
            yield f"an approval (level `{level.value}`) that lifts {_listed(forbids)} would let exactly this call run"
        case Denied(reason=reason):
            if reason.remedy is not None:
                yield reason.remedy
        case _:
            assert_never(seen.decision)
    for match in seen.matches:
        if match.effect is Effect.FORBID:
            yield f"`{match.file}` line {match.line} holds `{match.id}`"


def _circumstances(
    request: PolicyRequest, decision: PolicyDecision, decide: Callable[[PolicyRequest], PolicyDecision]
) -> Iterator[str]:
    for what, other in _others(request):
        answer = decide(other)
        if type(answer) is not type(decision):
            yield f"{what} the call would be {_named(answer)}"


def _others(request: PolicyRequest) -> Iterator[tuple[str, PolicyRequest]]:
    session, facts = request.session, request.facts
    for label in sorted(session.labels):
        cleared = replace(session, labels=session.labels - {label})
        flow = _without(request.flow, label)
        yield f"in a session without the label `{label.value}`", replace(request, session=cleared, flow=flow)
    if not request.flow.args_from_user:
        named = replace(request.flow, args_from_user=True, repeated=False)
        yield "if the user's request named every decisive argument", replace(request, flow=named)
    if not request.flow.receivers_listed:
        listed = replace(request.flow, receivers_listed=True)
        yield "if every receiver were `trusted` in `[[labels]]`", replace(request, flow=listed)
    if facts.leaks or facts.credentials or facts.injection or facts.pii:
        clean = Facts(leaks=0, credentials=0, injection=0, pii=0, rules=frozenset())
        yield "with nothing found by the detectors", replace(request, facts=clean)


def _without(flow: FlowFacts, label: Label) -> FlowFacts:
    match label:
        case Label.PRIVATE:
            return replace(flow, private=False)
        case Label.UNTRUSTED:
            return replace(flow, untrusted=False)
        case _:
            assert_never(label)


def _named(decision: PolicyDecision) -> str:
    match decision:
        case Allowed():
            return "allowed"
        case Asks(forbids=forbids):
            return f"asked for by {_listed(forbids)}"
        case Denied(reason=reason):
            return f"denied with `{reason.code}`"
        case _:
            assert_never(decision)


def _listed(ids: tuple[str, ...]) -> str:
    return ", ".join(f"`{one}`" for one in ids)
