"""Secrets at rest: AES-256-GCM under a key of their own. Hands a value out to the egress broker, to nobody else.

1. Tenant, name and version are sealed with each value: a row moved to another place does not open.
2. A row that does not open is an error that names it, never an empty or a guessed value.
3. No value, and nothing made of one, is in a row that is listed, an error, a log or a record.
"""

import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import (
    IntegrityError,
    Json,
    NotFound,
    Secret,
    TenantId,
    check_secret,
)
from holdfast.contracts.json_values import canonical

from .engine import Store, changed
from .schema import secrets as table
from .times import Clock, rfc3339
from .turns import take_turn

_log = structlog.get_logger("holdfast.store")

_NONCE_BYTES: Final = 12
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
        self._cipher = AESGCM(key)
        self._clock = clock
        self._watching: list[Callable[[], Awaitable[None]]] = []

    async def exists(self, tenant: TenantId, name: str, /) -> bool:
        """Whether *tenant* has a secret called *name*."""
        return bool(await self._store.rows(select(table.c.version).where(_is(tenant, name))))

    async def value(self, tenant: TenantId, name: str, /) -> Secret | None:
        """The secret of *tenant* called *name*, or None.

        Raises: IntegrityError when the row is not what was put there.
        """
        rows = await self._store.rows(select(table).where(_is(tenant, name)))
        if not rows:
            return None
        row = rows[0]
        try:
            return Secret(self._cipher.decrypt(row["nonce"], row["sealed"], _bound(tenant, name, row["version"])))
        except (InvalidTag, ValueError):
            raise IntegrityError(
                f"the secret `{name}` does not open with the key of this data directory",
                remedy=f"holdfast secrets set {name}",
            ) from None

    async def put(self, tenant: TenantId, name: str, secret: Secret) -> SecretRow:
        """Keep *secret* under *name*, in place of what was there.

        Raises: InvalidRequest when `check_secret` would.
        """
        check_secret(name, secret)
        now = self._clock()

        async def work(connection: AsyncConnection) -> SecretRow:
            await take_turn(connection, "secrets", tenant, name)
            found = (await connection.execute(select(table).where(_is(tenant, name)))).mappings().first()
            version = 1 if found is None else found["version"] + 1
            nonce = os.urandom(_NONCE_BYTES)
            sealed = self._cipher.encrypt(nonce, secret.reveal(), _bound(tenant, name, version))
            values = {"version": version, "nonce": nonce, "sealed": sealed, "updated_at": now}
            if found is None:
                first = {"tenant": tenant, "name": name, "created_at": now}
                await changed(connection, insert(table).values(values | first))
            else:
                await changed(connection, update(table).where(_is(tenant, name)).values(values))
            created = now if found is None else found["created_at"]
            return SecretRow(tenant=tenant, name=name, created_at=created, updated_at=now)

        row = await self._store.transact(work)
        await self._changed()
        return row

    async def list(self, tenant: TenantId) -> tuple[SecretRow, ...]:
        """The secrets of *tenant*, by name."""
        columns = (table.c.name, table.c.created_at, table.c.updated_at)
        rows = await self._store.rows(select(*columns).where(table.c.tenant == tenant).order_by(table.c.name))
        return tuple(SecretRow(tenant=tenant, **row) for row in rows)

    async def remove(self, tenant: TenantId, name: str) -> None:
        """Forget one. Raises: NotFound."""
        if not await self._store.change(delete(table).where(_is(tenant, name))):
            raise NotFound("there is no secret of that name", remedy="`holdfast secrets list` shows those there are")
        await self._changed()

    async def all(self) -> tuple[Secret, ...]:
        """Every value of every tenant, for who looks for them in texts; rows that do not open are left out."""
        return tuple(self._opened(await self._store.rows(select(table))))

    def _opened(self, rows: Iterable[RowMapping]) -> Iterator[Secret]:
        for row in rows:
            bound = _bound(row["tenant"], row["name"], row["version"])
            try:
                yield Secret(self._cipher.decrypt(row["nonce"], row["sealed"], bound))
            except (InvalidTag, ValueError):
                _log.warning("secrets.sealed", name=row["name"], why="it does not open with the key of this directory")

    def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """From here on *changed* is awaited after each change, before whoever made it has an answer."""
        self._watching.append(changed)

    async def mark(self) -> str:
        """Something that differs once any row was set or removed, by whomever."""
        seen = select(func.count(), func.sum(table.c.version), func.max(table.c.updated_at))
        return str(tuple((await self._store.rows(seen))[0].values()))

    async def _changed(self) -> None:
        for tell in self._watching:
            await tell()


def _is(tenant: TenantId, name: str) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.name == name)


def _bound(tenant: TenantId, name: str, version: int) -> bytes:
    return canonical([_PURPOSE, tenant, name, version])
