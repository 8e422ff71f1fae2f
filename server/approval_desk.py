"""Approvals with a record of who decided: the one desk that every way of answering goes to. It judges no call.

1. Nobody decides on a call of their own, nor on one that an agent made whose session they opened.
2. A decision is on the audit chain before it is answered.
3. Who made the call sees the fields of DESIGN section 4.6 and nothing of how it came about.
"""

from collections.abc import Callable, Mapping

from holdfast.contracts import ApprovalId, Forbidden, Json, JsonObject, NotFound, Principal, TenantId
from holdfast.safety.policy import PolicyBundle

from .audit import AuditLog
from .edited import Rebinding
from .store import Approval, Approvals, ApprovalState, Ruling, Sessions


class RecordedApprovals:
    """The store's approvals as people and programs decide on them."""

    def __init__(
        self,
        *,
        approvals: Approvals,
        sessions: Sessions,
        audit: AuditLog,
        policy: Callable[[], PolicyBundle],
        rebinding: Rebinding,
    ) -> None:
        self._approvals = approvals
        self._sessions = sessions
        self._audit = audit
        self._policy = policy
        self._rebinding = rebinding

    async def get(self, approval: ApprovalId, /) -> Approval | None:
        """The record with that id, or None."""
        return await self._approvals.get(approval)

    async def list(self, state: ApprovalState | None = None, *, tenant: TenantId | None = None) -> tuple[Approval, ...]:
        """The newest first."""
        return await self._approvals.list(state, tenant=tenant)

    def written(self, approval: Approval) -> dict[str, Json]:
        """All of it, with the reasons of the policies that ask, for whoever decides."""
        reasons: dict[str, Json] = {one.id: one.reason for one in self._policy().policies if one.id in approval.forbids}
        return {**approval.to_json(), "reasons": reasons}

    async def decide(
        self,
        approval: ApprovalId,
        ruling: Ruling,
        *,
        by: Principal,
        note: str | None = None,
        arguments: JsonObject | None = None,
    ) -> Approval:
        """Approve or deny, and record who did; *arguments* replace those of the call.

        Raises: NotFound, Forbidden, Conflict.
        """
        await self._check_apart(approval, by)
        again = None if arguments is None else await self._rebinding(await self._known(approval), arguments)
        decided = await self._approvals.decide(
            approval,
            ruling,
            by=by,
            note=note,
            arguments=arguments,
            references=None if again is None else again.to_json(),
            references_digest=None if again is None else again.digest,
        )
        fields: dict[str, Json] = {"id": decided.id, "call_id": decided.call_id, "decision": ruling.value}
        await self._record(fields | {"arguments": str(decided.digest)}, by)
        return decided

    async def reopen(self, tenant: TenantId, principal: str, *, by: Principal) -> None:
        """Let *principal* ask again, whatever was denied to it before. For the operator."""
        await self._approvals.reopen(tenant, principal)
        await self._record({"decision": "reopened", "tenant": tenant, "principal": principal}, by)

    async def _check_apart(self, approval: ApprovalId, by: Principal) -> None:
        """Two persons: who opened the session that the call was made in stands on the caller's side."""
        record = await self._approvals.get(approval)
        if record is None or by.token_id is None or by.tenant != record.tenant:
            return  # the local operator, or told that there is no such thing
        if by.subject in await self._sessions.minters(record.session):
            raise Forbidden(
                "who opened an agent's session does not decide on its calls", remedy="ask another principal"
            )

    async def _known(self, approval: ApprovalId) -> Approval:
        record = await self._approvals.get(approval)
        if record is None:
            raise NotFound("there is no such approval")
        return record

    async def _record(self, fields: Mapping[str, Json], by: Principal) -> None:
        receipt = self._audit.event("approval", {**fields, "by": by.subject})
        await self._audit.durable(receipt)
