"""What authorization servers gave us for upstreams, sealed at rest under a key of its own. Hands it to the MCP client.

As with secrets, tenant, upstream and version are sealed with each state: a row moved to another place does not open.
"""

import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import IntegrityError, Secret, TenantId
from holdfast.contracts.json_values import canonical

from .engine import Store, changed
from .schema import upstream_tokens as table
from .times import Clock
from .turns import take_turn

_log = structlog.get_logger("holdfast.store")

_NONCE_BYTES: Final = 12
_PURPOSE: Final = "holdfast upstream tokens"


class UpstreamTokens:
    """The `TokenStore` port of one store."""

    def __init__(self, store: Store, *, key: bytes, clock: Clock = time.time) -> None:
        """Seal with *key*, 32 bytes."""
        self._store = store
        self._cipher = AESGCM(key)
        self._clock = clock
        self._watching: list[Callable[[], Awaitable[None]]] = []

    async def load(self, tenant: TenantId, upstream: str, /) -> Secret | None:
        """What was kept last for *tenant* and *upstream*, or None.

        Raises: IntegrityError when the row is not what was put there.
        """
        rows = await self._store.rows(select(table).where(_is(tenant, upstream)))
        if not rows:
            return None
        row = rows[0]
        try:
            return Secret(self._cipher.decrypt(row["nonce"], row["sealed"], _bound(tenant, upstream, row["version"])))
        except (InvalidTag, ValueError):
            raise IntegrityError(
                f"the tokens for upstream `{upstream}` do not open with the key of this data directory",
                remedy=f"holdfast upstreams login {upstream}",
            ) from None

    async def keep(self, tenant: TenantId, upstream: str, state: Secret, /) -> None:
        """Keep *state* in place of what was there."""

        async def work(connection: AsyncConnection) -> None:
            await take_turn(connection, "upstream-tokens", tenant, upstream)
            found = await connection.execute(select(table.c.version).where(_is(tenant, upstream)))
            before = found.scalar_one_or_none()
            version = 1 if before is None else before + 1
            nonce = os.urandom(_NONCE_BYTES)
            sealed = self._cipher.encrypt(nonce, state.reveal(), _bound(tenant, upstream, version))
            values = {"version": version, "nonce": nonce, "sealed": sealed, "updated_at": self._clock()}
            if before is None:
                await changed(connection, insert(table).values(values | {"tenant": tenant, "upstream": upstream}))
            else:
                await changed(connection, update(table).where(_is(tenant, upstream)).values(values))

        await self._store.transact(work)
        await self._changed()

    async def forget(self, upstream: str, /) -> None:
        """Forget what there is of *upstream*, of every tenant."""
        await self._store.change(delete(table).where(table.c.upstream == upstream))
        await self._changed()

    async def all(self) -> tuple[Secret, ...]:
        """Every state of every tenant, for who looks for tokens in texts; rows that do not open are left out."""
        return tuple(self._opened(await self._store.rows(select(table))))

    def _opened(self, rows: Iterable[RowMapping]) -> Iterator[Secret]:
        for row in rows:
            bound = _bound(row["tenant"], row["upstream"], row["version"])
            try:
                yield Secret(self._cipher.decrypt(row["nonce"], row["sealed"], bound))
            except (InvalidTag, ValueError):
                _log.warning(
                    "tokens.sealed", upstream=row["upstream"], why="they do not open with the key of this directory"
                )

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


def _is(tenant: TenantId, upstream: str) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.upstream == upstream)


def _bound(tenant: TenantId, upstream: str, version: int) -> bytes:
    return canonical([_PURPOSE, tenant, upstream, version])
