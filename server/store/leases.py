"""Leases: calls of one principal to one tool that run without asking, a number of times, for a while. Runs nothing.

1. A lease is for one definition of the tool; another definition has none.
2. Nobody makes a lease for calls of their own; only the local operator may.
3. One use is one UPDATE that says what must still hold: of two that try for the last, one gets it.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, and_, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import (
    Digest,
    Forbidden,
    InvalidRequest,
    Json,
    JsonObject,
    NotFound,
    Overloaded,
    Principal,
    TenantId,
    ToolName,
)

from .engine import Store, changed
from .lease_patterns import check_pattern, matches
from .rows import read_object, read_texts, written
from .schema import leases as table
from .sealed_texts import Texts
from .times import Clock, rfc3339
from .turns import take_turn

MAX_TTL_S: Final = 7 * 24 * 3600
"""A week: what still runs without asking then should be a policy."""
MAX_COUNT: Final = 10_000
MAX_FORBIDS: Final = 64
MAX_LIVE: Final = 1000
"""Leases of one tenant in force; each held call reads those of its principal and tool."""
_LISTED: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One lease."""

    id: str
    tenant: TenantId
    principal: str
    tool: ToolName
    definition: Digest
    arguments: JsonObject
    """The pattern, see `lease_patterns.py`."""
    forbids: tuple[str, ...]
    """What it lifts."""
    count: int
    used: int
    created_by: str
    created_at: float
    expires_at: float
    revoked_at: float | None = None

    def to_json(self) -> dict[str, Json]:
        """What an operator is shown."""
        return {
            "id": self.id,
            "tenant": self.tenant,
            "principal": self.principal,
            "tool": self.tool,
            "definition": str(self.definition),
            "arguments": dict(self.arguments),
            "forbids": list(self.forbids),
            "count": self.count,
            "used": self.used,
            "created_by": self.created_by,
            "created_at": rfc3339(self.created_at),
            "expires_at": rfc3339(self.expires_at),
            "revoked_at": None if self.revoked_at is None else rfc3339(self.revoked_at),
        }


class Leases:
    """The leases of one store; implements `contracts.LeaseLedger`. No cache: another process may have used one up."""

    def __init__(self, store: Store, *, clock: Clock = time.time) -> None:
        self._store = store
        self._clock = clock

    async def add(  # noqa: PLR0913 -- one value for each field of the record
        self,
        *,
        tenant: TenantId,
        principal: str,
        tool: ToolName,
        definition: Digest,
        arguments: JsonObject,
        forbids: Iterable[str],
        count: int,
        ttl_s: float,
        by: Principal,
    ) -> Lease:
        """Let *count* calls of *principal* to *tool* run that *arguments* stands for, for *ttl_s* seconds.

        Raises: InvalidRequest; Forbidden for calls of one's own; NotFound for another tenant's; Overloaded.
        """
        lifted = tuple(sorted(frozenset(forbids)))
        _check(arguments, lifted, count, ttl_s)
        if not _is_operator(by) and by.tenant != tenant:
            raise NotFound("there is no such tenant")
        if not _may_lease(by, principal):
            raise Forbidden("a lease is made by somebody other than its principal", remedy="ask the operator")
        now = self._clock()
        lease = Lease(
            id="l_" + secrets.token_hex(16),
            tenant=tenant,
            principal=principal,
            tool=tool,
            definition=definition,
            arguments=arguments,
            forbids=lifted,
            count=count,
            used=0,
            created_by=by.subject,
            created_at=now,
            expires_at=now + ttl_s,
        )
        await self._store.transact(lambda connection: _add(connection, lease, self._store.texts))
        return lease

    async def get(self, lease: str) -> Lease | None:
        """The lease with that id, or None."""
        found = await self._store.rows(select(table).where(table.c.id == lease))
        return self._read(found[0]) if found else None

    async def list(self, *, tenant: TenantId | None = None) -> tuple[Lease, ...]:
        """The newest thousand leases, newest first, of one *tenant* if given; those that are over too."""
        query = select(table).order_by(table.c.created_at.desc(), table.c.id).limit(_LISTED)
        if tenant is not None:
            query = query.where(table.c.tenant == tenant)
        return tuple(map(self._read, await self._store.rows(query)))

    async def revoke(self, lease: str, *, tenant: TenantId | None = None) -> Lease:
        """End *lease* at once and for good; of one *tenant* if given.

        Raises: NotFound.
        """
        found = await self.get(lease)
        if found is None or (tenant is not None and found.tenant != tenant):
            raise NotFound("there is no such lease")
        ended = update(table).where(table.c.id == lease, table.c.revoked_at.is_(None))
        await self._store.change(ended.values(revoked_at=self._clock()))
        return await self.get(lease) or found

    async def lift(
        self,
        *,
        tenant: TenantId,
        principal: str,
        tool: ToolName,
        definition: Digest,
        arguments: JsonObject,
        forbids: Iterable[str],
        apart_from: Iterable[str] = (),
    ) -> Lease | None:
        """A lease that lifts all of *forbids* for this call, the one that ends first, or None. Uses nothing up.

        Those that a subject in *apart_from* made do not count: whoever opened the caller's session is on its side.
        """
        wanted = frozenset(forbids)
        if not wanted:
            return None
        query = (
            select(table)
            .where(table.c.tenant == tenant)
            .where(table.c.principal == principal)
            .where(table.c.tool == tool)
            .where(table.c.definition == str(definition))
            .where(table.c.created_by.not_in(tuple(apart_from)))
            .where(_in_force(self._clock()))
            .order_by(table.c.expires_at, table.c.id)
        )
        for lease in map(self._read, await self._store.rows(query)):
            if wanted <= frozenset(lease.forbids) and matches(lease.arguments, arguments):
                return lease
        return None

    def _read(self, row: RowMapping) -> Lease:
        return _read(self._store.texts.opened(table, row))

    async def spend(self, lease: str, /) -> bool:
        """Take one use of *lease*; False when it has none left, is over or was revoked (see the port)."""
        used = update(table).where(table.c.id == lease).where(_in_force(self._clock()))
        return await self._store.change(used.values(used=table.c.used + 1)) == 1


def _check(arguments: JsonObject, forbids: tuple[str, ...], count: int, ttl_s: float) -> None:
    if not 0 < len(forbids) <= MAX_FORBIDS:
        raise InvalidRequest(f"`forbids` must name 1 to {MAX_FORBIDS} policies")
    if not 1 <= count <= MAX_COUNT:
        raise InvalidRequest(f"`count` must be 1 to {MAX_COUNT}")
    if not 1 <= ttl_s <= MAX_TTL_S:
        raise InvalidRequest(f"`ttl_s` must be 1 to {MAX_TTL_S} seconds")
    check_pattern(arguments)


def _is_operator(principal: Principal) -> bool:
    return principal.token_id is None


def _may_lease(by: Principal, principal: str) -> bool:
    return _is_operator(by) or by.subject != principal


def _in_force(now: float) -> ColumnElement[bool]:
    return and_(table.c.used < table.c.count, table.c.expires_at > now, table.c.revoked_at.is_(None))


async def _add(connection: AsyncConnection, lease: Lease, texts: Texts) -> None:
    await take_turn(connection, "leases", lease.tenant)
    live = select(func.count()).where(table.c.tenant == lease.tenant, _in_force(lease.created_at))
    if (await connection.execute(live)).scalar_one() >= MAX_LIVE:
        raise Overloaded(f"{MAX_LIVE} leases of this tenant are in force", remedy="revoke some")
    await changed(connection, insert(table).values(texts.closed(table, _columns(lease))))


def _columns(lease: Lease) -> dict[str, object]:
    return {
        "id": lease.id,
        "tenant": lease.tenant,
        "principal": lease.principal,
        "tool": lease.tool,
        "definition": str(lease.definition),
        "arguments": written(lease.arguments),
        "forbids": written(list(lease.forbids)),
        "count": lease.count,
        "used": lease.used,
        "created_by": lease.created_by,
        "created_at": lease.created_at,
        "expires_at": lease.expires_at,
    }


def _read(row: Mapping[str, Any]) -> Lease:
    return Lease(
        id=row["id"],
        tenant=TenantId(row["tenant"]),
        principal=row["principal"],
        tool=ToolName(row["tool"]),
        definition=Digest.parse(row["definition"]),
        arguments=read_object(row["arguments"]),
        forbids=read_texts(row["forbids"]),
        count=row["count"],
        used=row["used"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
