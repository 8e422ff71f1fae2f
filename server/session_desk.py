"""Sessions as operators and hosts look at them and clear them: on the record. It takes no label off any session."""

from holdfast.contracts import NotFound, Principal, Session, TenantId

from .audit import AuditLog
from .store import Sessions


class RecordedSessions:
    """The store's sessions, each clearing on the audit chain before it is done."""

    def __init__(self, *, sessions: Sessions, audit: AuditLog) -> None:
        self._sessions = sessions
        self._audit = audit

    async def list(self, tenant: TenantId) -> tuple[Session, ...]:
        """The unexpired sessions of *tenant*, newest first, at most 1000."""
        return await self._sessions.of_tenant(tenant)

    async def clear_default(self, tenant: TenantId, principal: str, *, by: Principal) -> Session:
        """End the default session of *principal* and open a clean one: its next call begins a new conversation.

        Raises: NotFound when it has none.
        """
        ended = await self._sessions.known_default(tenant, principal)
        if ended is None:
            raise NotFound("that principal has no default session")
        receipt = self._audit.event(
            "session",
            {
                "decision": "cleared",
                "principal": principal,
                "tenant": tenant,
                "session": ended.id,
                "labels": [label.value for label in sorted(ended.labels)],
                "by": by.subject,
            },
        )
        # On the record first: labels that went without one would be a hole that nobody sees.
        await self._audit.durable(receipt)
        return await self._sessions.clear_default(tenant, principal)
