"""Approvals with a record of who decided: the one desk that HTTP and the command line go to. It judges nothing."""

from holdfast.contracts import ApprovalId, JsonObject, Principal, TenantId

from .audit import AuditLog
from .store import Approval, Approvals, ApprovalState, Ruling


class RecordedApprovals:
    """The store's approvals, each decision on the audit chain before it is answered."""

    def __init__(self, approvals: Approvals, audit: AuditLog) -> None:
        self._approvals = approvals
        self._audit = audit

    async def get(self, approval: ApprovalId, /) -> Approval | None:
        """The record with that id, or None."""
        return await self._approvals.get(approval)

    async def list(self, state: ApprovalState | None = None, *, tenant: TenantId | None = None) -> tuple[Approval, ...]:
        """The newest first."""
        return await self._approvals.list(state, tenant=tenant)

    async def decide(
        self,
        approval: ApprovalId,
        ruling: Ruling,
        *,
        by: Principal,
        note: str | None = None,
        arguments: JsonObject | None = None,
    ) -> Approval:
        """Approve or deny, and record who did.

        Raises: NotFound, Forbidden, Conflict.
        """
        decided = await self._approvals.decide(approval, ruling, by=by, note=note, arguments=arguments)
        receipt = self._audit.event(
            "approval",
            {
                "id": decided.id,
                "call_id": decided.call_id,
                "decision": ruling.value,
                "by": by.subject,
                "arguments": str(decided.digest),
            },
        )
        await self._audit.durable(receipt)
        return decided
