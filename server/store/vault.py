"""Secrets at rest, sealed under a key of their own. Hands a value out to the egress broker, to nobody else.

1. Tenant, name and version are sealed with each value: a row moved to another place does not open.
2. A row that does not open is an error that names it, never an empty or a guessed value.
3. No value, and nothing made of one, is in a row that is listed, an error, a log or a record.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import and_, select

from holdfast.contracts import (
    IntegrityError,
    Json,
    NotFound,
    Secret,
    TenantId,
    check_secret,
)

from .engine import Store
from .schema import secrets as table
from .sealed_rows import SealedRows
from .seals import Seal, Unopened
from .times import Clock, rfc3339

_log = structlog.get_logger("holdfast.store")

_PURPOSE: Final = "holdfast secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRow:
    """What may be known of a secret."""

    tenant: TenantId
    name: str
    created_at: float
    """Seconds since the epoch."""
    updated_at: float

    def to_json(self) -> dict[str, Json]:
        """As it is listed."""
        return {
            "name": self.name,
            "tenant": self.tenant,
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
        }


class Vault:
    """The secrets of one store: the ports `Secrets` and `SecretValues`, and what an operator does with them."""

    def __init__(self, store: Store, *, key: bytes, clock: Clock = time.time) -> None:
        """Seal with *key*, 32 bytes."""
        self._store = store
        seal = Seal(key=key, purpose=_PURPOSE)
        self._rows = SealedRows(store, table, keys=("tenant", "name"), seal=seal, clock=clock)

    async def exists(self, tenant: TenantId, name: str, /) -> bool:
        """Whether *tenant* has a secret called *name*."""
        return await self._rows.has(tenant, name)

    async def value(self, tenant: TenantId, name: str, /) -> Secret | None:
        """The secret of *tenant* called *name*, or None.

        Raises: IntegrityError when the row is not what was put there.
        """
        try:
            value = await self._rows.value(tenant, name)
        except Unopened:
            raise IntegrityError(
                f"the secret `{name}` does not open with the key of this data directory",
                remedy=f"holdfast secrets set {name}",
            ) from None
        return None if value is None else Secret(value)

    async def put(self, tenant: TenantId, name: str, secret: Secret) -> SecretRow:
        """Keep *secret* under *name*, in place of what was there.

        Raises: InvalidRequest when `check_secret` would.
        """
        check_secret(name, secret)
        made, now = await self._rows.put(tenant, name, value=secret.reveal())
        return SecretRow(tenant=tenant, name=name, created_at=now if made is None else made, updated_at=now)

    async def list(self, tenant: TenantId) -> tuple[SecretRow, ...]:
        """The secrets of *tenant*, by name."""
        columns = (table.c.name, table.c.created_at, table.c.updated_at)
        rows = await self._store.rows(select(*columns).where(table.c.tenant == tenant).order_by(table.c.name))
        return tuple(SecretRow(tenant=tenant, **row) for row in rows)

    async def remove(self, tenant: TenantId, name: str) -> None:
        """Forget one. Raises: NotFound."""
        if not await self._rows.remove(and_(table.c.tenant == tenant, table.c.name == name)):
            raise NotFound("there is no secret of that name", remedy="`holdfast secrets list` shows those there are")

    async def all(self) -> tuple[Secret, ...]:
        """Every value of every tenant, for who looks for them in texts; rows that do not open are left out."""
        rows = await self._rows.all()
        for row in (row for row, value in rows if value is None):
            _log.warning("secrets.sealed", name=row["name"], why="it does not open with the key of this directory")
        return tuple(Secret(value) for _, value in rows if value is not None)

    def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """From here on *changed* is awaited after each change, before whoever made it has an answer."""
        self._rows.watch(changed)

    async def mark(self) -> str:
        """Something that differs once any row was set or removed, by whomever."""
        return await self._rows.mark()
