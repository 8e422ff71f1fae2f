"""What becomes of a call that policy holds up: a lease lets it pass, somebody is asked, or it stays where it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import (
    ApprovalId,
    ApprovalNotice,
    CallerError,
    Digest,
    Json,
    Overloaded,
    Reason,
    Session,
    Status,
    ToolCall,
)
from holdfast.safety.policy import Asks, Denied

from ..flow import NO_REFERENCES, Flow, Look, References
from ..store import Approval, Approvals, Leases, Sessions, rfc3339
from .endings import Ending, refused
from .inbound import Judged

_NOTHING: Final = Digest.of(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifting:
    """What the gate is to spend for a call, and what that is bound to besides."""

    approval: ApprovalId | None = None
    lease: str | None = None
    leased: frozenset[str] = frozenset()
    references: Digest = NO_REFERENCES.digest
    carried: Digest = _NOTHING


NOTHING_TO_LIFT: Final = Lifting()


class Holding:
    """Leases and approvals, as the dispatcher asks for them."""

    def __init__(
        self,
        *,
        approvals: Approvals,
        leases: Leases,
        sessions: Sessions,
        flow: Flow,
        digest: Callable[[Mapping[str, Json]], Digest],
        asked: Callable[[Approval], None],
    ) -> None:
        """*asked* hears of each question that is new; it must not wait."""
        self._approvals = approvals
        self._leases = leases
        self._sessions = sessions
        self._flow = flow
        self._digest = digest
        self._asked = asked

    async def lifting(self, call: ToolCall, judged: Judged, session: Session) -> Lifting | Ending:
        """What lets *call* pass the gate; or how it ends here: pending, or denied."""
        held = judged.held
        if held is None:
            return NOTHING_TO_LIFT
        leased = await self.lease(judged, session)
        if leased is not None:
            return leased
        if isinstance(held, Denied):
            return refused(held.reason)
        references = await self._flow.references(judged.look, judged.arguments)
        carried = await self._flow.carried_state(judged.look, judged.principal)
        bound = Lifting(approval=call.approval, references=references.digest, carried=carried)
        return await self._ask(call, judged, held, session, references, bound) if call.approval is None else bound

    async def lease(self, judged: Judged, session: Session) -> Lifting | None:
        """A lease that lifts all that holds the call up. Nothing of it is used yet."""
        held = judged.held
        wanted = frozenset(held.leasable if isinstance(held, Denied) else held.forbids if held is not None else ())
        if not wanted or judged.bundle.leasable(wanted) != wanted:
            return None
        lease = await self._leases.lift(
            tenant=judged.principal.tenant,
            principal=judged.principal.subject,
            tool=judged.spec.name,
            definition=judged.spec.digest,
            arguments=judged.arguments,
            forbids=wanted,
            apart_from=await self._sessions.minters(session.id),
        )
        return None if lease is None else Lifting(lease=lease.id, leased=wanted)

    async def _ask(
        self,
        call: ToolCall,
        judged: Judged,
        asks: Asks,
        session: Session,
        references: References,
        bound: Lifting,
    ) -> Ending:
        spec, principal, look = judged.spec, judged.principal, judged.look
        try:
            approval = await self._approvals.create(
                call_id=call.id,
                principal=principal,
                session=session.id,
                lineage=look.line,
                tool=spec.name,
                definition=spec.digest,
                policy=judged.bundle.digest,
                arguments=judged.arguments,
                digest=self._digest(judged.arguments),
                forbids=asks.forbids,
                labels=session.labels,
                level=asks.level.value,
                references=references.to_json(),
                references_digest=references.digest,
                carried=bound.carried,
                unresolved=references.unresolved,
                flow=await self._sessions.flow(session.id),
                facts=_written(look) | {"carries": [*await self._flow.carried_writes(look, principal)]},
                ran_before=look.ran_before,
            )
        except Overloaded as error:
            return refused(Reason(code="admit/approvals", layer="admit", message=error.message, remedy=error.remedy))
        except CallerError as error:
            return refused(
                Reason(code="approvals/closed", layer="approvals", message=error.message, remedy=error.remedy)
            )
        if approval.call_id == call.id:  # else it repeats a question that waits
            self._asked(approval)
        notice = ApprovalNotice(id=approval.id, expires_at=rfc3339(approval.expires_at), forbids=approval.forbids)
        return Ending(status=Status.PENDING, reason=asks.reason, approval=notice)


def unasked(held: Asks | Denied) -> Reason:
    """Why a call that would ask is refused: by its own reason, or for want of somebody to ask."""
    if isinstance(held, Denied):
        return held.reason
    return Reason(
        code="flow/nested-asks",
        layer="flow",
        message="this call needs an approval, and a call that a tool makes cannot ask for one; make it directly",
        remedy=f"it is held up by {', '.join(held.forbids)}; a lease can lift them beforehand",
    )


def _written(look: Look) -> dict[str, Json]:
    """What policy was told of the flow, for who approves."""
    facts = look.facts
    return {
        "effects": [effect.value for effect in sorted(facts.effects)],
        "sink": facts.sink.value,
        "private": facts.private,
        "untrusted": facts.untrusted,
        "args_from_user": facts.args_from_user,
        "repeated": facts.repeated,
        "receivers_listed": facts.receivers_listed,
        "receivers_from_user": facts.receivers_from_user,
        "args_contain_private": facts.args_contain_private,
        "args_from_untrusted": facts.args_from_untrusted,
    }
