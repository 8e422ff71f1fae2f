"""Leases as operators make and end them: checked against tools and policies, and on the record. Uses none."""

from collections.abc import Callable, Sequence

from holdfast.contracts import (
    Catalogue,
    Forbidden,
    InvalidRequest,
    Json,
    JsonObject,
    NotFound,
    Principal,
    TenantId,
    ToolName,
)
from holdfast.safety.policy import PolicyBundle

from .audit import AuditLog
from .store import Lease, Leases, Sessions


class RecordedLeases:
    """The store's leases, each made and ended on the audit chain before it is answered."""

    def __init__(
        self,
        *,
        leases: Leases,
        sessions: Sessions,
        audit: AuditLog,
        catalogue: Catalogue,
        policy: Callable[[], PolicyBundle],
    ) -> None:
        self._leases = leases
        self._sessions = sessions
        self._audit = audit
        self._catalogue = catalogue
        self._policy = policy

    async def list(self, *, tenant: TenantId | None = None) -> tuple[Lease, ...]:
        """The newest first, those that are over too."""
        return await self._leases.list(tenant=tenant)

    async def add(
        self,
        *,
        tenant: TenantId,
        principal: str,
        tool: str,
        arguments: JsonObject,
        forbids: Sequence[str],
        count: int,
        ttl_s: int,
        by: Principal,
    ) -> Lease:
        """Let *count* calls of *principal* to *tool*, as it is defined now, pass *forbids* without asking.

        Raises: InvalidRequest naming the field; NotFound for the tool; Forbidden for one's own side; Overloaded.
        """
        spec = self._catalogue.get(ToolName(tool))
        if spec is None:
            raise NotFound("there is no such tool", remedy="`holdfast tools list` shows what there is")
        if not arguments:
            raise InvalidRequest(
                "`arguments` must name what the calls are for", remedy='say `{"*": "any"}` to mean whatever arguments'
            )
        self._check_forbids(forbids)
        await self._check_apart(tenant, principal, by)
        lease = await self._leases.add(
            tenant=tenant,
            principal=principal,
            tool=spec.name,
            definition=spec.digest,
            arguments=arguments,
            forbids=forbids,
            count=count,
            ttl_s=ttl_s,
            by=by,
        )
        made: dict[str, Json] = {
            "tool": lease.tool,
            "principal": lease.principal,
            "forbids": [*lease.forbids],
            "count": lease.count,
            "expires_at": lease.to_json()["expires_at"],
        }
        await self._record("made", lease, made, by)
        return lease

    async def revoke(self, lease: str, *, by: Principal, tenant: TenantId | None = None) -> Lease:
        """End *lease* at once; of one *tenant* if given.

        Raises: NotFound.
        """
        ended = await self._leases.revoke(lease, tenant=tenant)
        await self._record("revoked", ended, {}, by)
        return ended

    def _check_forbids(self, forbids: Sequence[str]) -> None:
        bundle = self._policy()
        known = {one.id for one in bundle.policies}
        for forbid in forbids:
            if forbid not in known:
                raise InvalidRequest(
                    "`forbids` names a policy that is not loaded",
                    remedy="`holdfast approvals show` names those that ask",
                )
        if bundle.leasable(frozenset(forbids)) != frozenset(forbids):
            raise InvalidRequest(
                "`forbids` names a policy that no lease lifts: it does not ask, or asks for each call anew",
                remedy="have each such call approved",
            )

    async def _check_apart(self, tenant: TenantId, principal: str, by: Principal) -> None:
        if by.token_id is None:
            return
        if by.subject == principal or by.subject in await self._sessions.minters_of(tenant, principal):
            raise Forbidden(
                "a lease is made by somebody other than its principal and its host", remedy="ask the operator"
            )

    async def _record(self, decision: str, lease: Lease, fields: dict[str, Json], by: Principal) -> None:
        receipt = self._audit.event(
            "lease", {"id": lease.id, "decision": decision, "by": by.subject, "tenant": lease.tenant, **fields}
        )
        await self._audit.durable(receipt)
