"""What authorization servers gave us for upstreams, sealed at rest under a key of its own. Hands it to the MCP client.

As with secrets, tenant, upstream and version are sealed with each state: a row moved to another place does not open.
"""

import os
import time
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import IntegrityError, Secret, TenantId
from holdfast.contracts.json_values import canonical

from .engine import Store, changed
from .schema import upstream_tokens as table
from .times import Clock
from .turns import take_turn

_NONCE_BYTES: Final = 12
_PURPOSE: Final = "holdfast upstream tokens"


class UpstreamTokens:
    """The `TokenStore` port of one store."""

    def __init__(self, store: Store, *, key: bytes, clock: Clock = time.time) -> None:
        """Seal with *key*, 32 bytes."""
        self._store = store
        self._cipher = AESGCM(key)
        self._clock = clock

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

    async def forget(self, upstream: str, /) -> None:
        """Forget what there is of *upstream*, of every tenant."""
        await self._store.change(delete(table).where(table.c.upstream == upstream))


def _is(tenant: TenantId, upstream: str) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.upstream == upstream)


def _bound(tenant: TenantId, upstream: str, version: int) -> bytes:
    return canonical([_PURPOSE, tenant, upstream, version])
