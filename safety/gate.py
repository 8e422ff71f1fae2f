"""The last word before a call runs, and the only maker of an `Authorized`. Pure: it awaits nothing but its ports.

1. What runs is a frozen copy, and its digest is the judged one: nothing changes what a judge approved.
2. The tool is still the definition that was judged, and the policy still the one that judged it.
3. No limit is wider than the tool's own.
4. An approval is spent for exactly this principal, session, tool, definition, arguments, policy, files and carried
   state, or not at all. Why it was not is never said: unknown, foreign, spent and expired read the same.
5. Policy judges again with the facts of now, lifting exactly what approval and leases lift. Only Allowed passes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Final, assert_never, final

from holdfast.contracts import (
    ApprovalId,
    ApprovalLedger,
    Authorized,
    CallId,
    Catalogue,
    Digest,
    FlowFacts,
    Json,
    LeaseLedger,
    Limits,
    MalformedJson,
    Principal,
    Reason,
    Session,
    ToolSpec,
)
from holdfast.contracts._mint import mint

from .frozen import FrozenObject, frozen
from .policy import Allowed, Approved, Around, Asks, Denied, Facts, PolicyBundle, PolicyDecision, PolicyRequest

_LAYER: Final = "gate"
_LIMITS: Final = tuple(one.name for one in fields(Limits))


def _reason(code: str, message: str, remedy: str) -> Reason:
    return Reason(code=f"{_LAYER}/{code}", layer=_LAYER, message=message, remedy=remedy)


TOOL_CHANGED: Final = _reason(
    "tool-changed",
    "the tool changed while this call was judged; list the tools and call again",
    "a definition was replaced, removed or rolled back during the call; nothing is wrong if that was meant",
)
POLICY_CHANGED: Final = _reason(
    "policy-changed",
    "policy changed while this call was judged; call again",
    "a policy set was loaded during the call; nothing is wrong if that was meant",
)
ARGUMENTS_CHANGED: Final = _reason(
    "arguments-changed",
    "the arguments are not those that were judged",
    "something changed the arguments after the layers had judged them; report this as a defect",
)
LIMITS_RAISED: Final = _reason(
    "limits-raised",
    "the limits of this call are wider than the tool's own",
    "raise the tool's own limits in its manifest or configuration",
)
APPROVAL_INVALID: Final = _reason(
    "approval-invalid",
    "this approval does not cover this call; ask for one again by calling without it",
    "an approval is spent once, in time, by the same principal in the same session, on the same tool and arguments",
)
LEASE_INVALID: Final = _reason(
    "lease-invalid",
    "the lease for this call is used up, revoked or over; call again to be told what it takes now",
    "a lease has a count and an end; `holdfast leases list` shows both",
)


def _unheard(_request: PolicyRequest, _lifted: frozenset[str], _decision: PolicyDecision) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRequest:
    """One call as the layers judged it."""

    call_id: CallId
    spec: ToolSpec
    """The definition that was judged."""
    arguments: Mapping[str, Json]
    arguments_digest: Digest
    """Of the arguments that were judged, as the gate's own *digest* computes it."""
    policy: Digest
    """The bundle that judged."""
    principal: Principal
    session: Session
    limits: Limits
    facts: Facts
    flow: FlowFacts
    """As it stands now: the session may have learned something since the call was judged first."""
    references: Digest
    """Of the workspace files that the call names, as they are now."""
    carried: Digest
    """Of the state inside an upstream that the call would carry along, as it is now."""
    around: Around
    """What the server knows around the call; asked anew here, for it may be another by now."""
    approval: ApprovalId | None = None
    lease: str | None = None
    leased: frozenset[str] = frozenset()
    """Forbids that *lease* lifts; those that ask for each call anew are not lifted by it."""
    depth: int = 0
    """Calls above this one, each made by the tool of the one before."""
    heard: Callable[[PolicyRequest, frozenset[str], PolicyDecision], None] = _unheard
    """Told what policy was asked here, with what lifted, and what it said. It must not wait."""


@final
class Gate:
    """Lets through exactly what was judged."""

    __slots__ = ("_approvals", "_catalogue", "_digest", "_leases", "_policy")

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        approvals: ApprovalLedger,
        leases: LeaseLedger,
        policy: Callable[[Principal], PolicyBundle],
        digest: Callable[[Mapping[str, Json]], Digest],
    ) -> None:
        """Read tools from *catalogue*, a principal's bundle from *policy*; *digest* is the server's keyed one."""
        self._catalogue = catalogue
        self._approvals = approvals
        self._leases = leases
        self._policy = policy
        self._digest = digest

    async def authorize(self, request: GateRequest) -> Authorized | Reason:
        """Answer the witness that *request* may run, or why it may not. Spends its approval once it gets that far."""
        arguments = frozen(request.arguments)
        now = self._unchanged(request, arguments)
        if isinstance(now, Reason):
            return now
        lifted, approved = frozenset[str](), Approved.NONE
        if request.lease is not None:
            if not await self._leases.spend(request.lease):
                return LEASE_INVALID
            lifted, approved = now.bundle.leasable(request.leased), Approved.LEASE
        if request.approval is not None:
            spent = await self._spend(request.approval, request)
            if spent is None:
                return APPROVAL_INVALID
            lifted, approved = lifted | frozenset(spent), Approved.APPROVAL
        if request.lease is not None or request.approval is not None:
            # Waiting for the ledger let others run: what was compared above may be another thing by now.
            now = self._unchanged(request, arguments)
            if isinstance(now, Reason):
                return now
        refused = _judged(request, arguments, now, _Lifted(lifted, approved))
        return _minted(request, arguments, now.spec) if refused is None else refused

    def _unchanged(self, request: GateRequest, arguments: FrozenObject) -> "_Now | Reason":
        """Read tool and policy again and compare everything with what was judged."""
        spec, bundle = self._catalogue.get(request.spec.name), self._policy(request.principal)
        if spec is None or spec.digest != request.spec.digest:
            return TOOL_CHANGED
        if bundle.digest != request.policy:
            return POLICY_CHANGED
        if _widened(request.limits, spec.limits):
            return LIMITS_RAISED
        try:
            same = self._digest(arguments) == request.arguments_digest
        except MalformedJson:
            same = False
        return _Now(spec, bundle) if same else ARGUMENTS_CHANGED

    async def _spend(self, approval: ApprovalId, request: GateRequest) -> tuple[str, ...] | None:
        return await self._approvals.consume(
            approval,
            tenant=request.principal.tenant,
            principal=request.principal.subject,
            session=request.session.id,
            tool=request.spec.name,
            definition=request.spec.digest,
            arguments=request.arguments_digest,
            labels=request.session.labels,
            policy=request.policy,
            references=request.references,
            carried=request.carried,
        )


@dataclass(frozen=True, slots=True)
class _Now:
    """The tool and the policies as they are now, found to be those that were judged."""

    spec: ToolSpec
    bundle: PolicyBundle


@dataclass(frozen=True, slots=True)
class _Lifted:
    """What was spent, and the forbids it lifts."""

    forbids: frozenset[str]
    by: Approved


def _judged(request: GateRequest, arguments: FrozenObject, now: _Now, lifted: _Lifted) -> Reason | None:
    """Judge again; None when the call is allowed."""
    around = request.around
    if around.approved is not lifted.by:
        around = replace(around, approved=lifted.by)
    question = PolicyRequest(
        principal=request.principal,
        session=request.session,
        spec=now.spec,
        arguments=arguments,
        facts=request.facts,
        flow=request.flow,
        around=around,
    )
    decision = now.bundle.decide(question, lifted=lifted.forbids)
    request.heard(question, lifted.forbids, decision)
    match decision:
        case Allowed():
            return None
        case Denied(reason=reason) | Asks(reason=reason):
            return reason
        case _:
            assert_never(decision)


def _widened(asked: Limits, own: Limits) -> bool:
    return asked is not own and any(getattr(asked, name) > getattr(own, name) for name in _LIMITS)


def _minted(request: GateRequest, arguments: FrozenObject, spec: ToolSpec) -> Authorized:
    return mint(
        {
            "call_id": request.call_id,
            "spec": spec,
            "arguments": arguments,
            "principal": request.principal,
            "session": request.session,
            "limits": request.limits,
            "depth": request.depth,
        }
    )
