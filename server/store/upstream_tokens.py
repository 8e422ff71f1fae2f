"""What authorization servers gave us for upstreams, sealed at rest under a key of its own. Hands it to the MCP client.

As with secrets, tenant, upstream and version are sealed with each state: a row moved to another place does not open.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from holdfast.contracts import IntegrityError, Secret, TenantId

from .engine import Store
from .schema import upstream_tokens as table
from .sealed_rows import SealedRows
from .seals import Seal, Unopened
from .times import Clock

_log = structlog.get_logger("holdfast.store")

_PURPOSE: Final = "holdfast upstream tokens"


class UpstreamTokens:
    """The `TokenStore` port of one store."""

    def __init__(self, store: Store, *, key: bytes, clock: Clock = time.time) -> None:
        """Seal with *key*, 32 bytes."""
        seal = Seal(key=key, purpose=_PURPOSE)
        self._rows = SealedRows(store, table, keys=("tenant", "upstream"), seal=seal, clock=clock)

    async def load(self, tenant: TenantId, upstream: str, /) -> Secret | None:
        """What was kept last for *tenant* and *upstream*, or None.

        Raises: IntegrityError when the row is not what was put there.
        """
        try:
            value = await self._rows.value(tenant, upstream)
        except Unopened:
            raise IntegrityError(
                f"the tokens for upstream `{upstream}` do not open with the key of this data directory",
                remedy=f"holdfast upstreams login {upstream}",
            ) from None
        return None if value is None else Secret(value)

    async def keep(self, tenant: TenantId, upstream: str, state: Secret, /) -> None:
        """Keep *state* in place of what was there."""
        await self._rows.put(tenant, upstream, value=state.reveal())

    async def forget(self, upstream: str, /) -> None:
        """Forget what there is of *upstream*, of every tenant."""
        await self._rows.remove(table.c.upstream == upstream)

    async def all(self) -> tuple[Secret, ...]:
        """Every state of every tenant, for who looks for tokens in texts; rows that do not open are left out."""
        rows = await self._rows.all()
        for row in (row for row, value in rows if value is None):
            _log.warning(
                "tokens.sealed", upstream=row["upstream"], why="they do not open with the key of this directory"
            )
        return tuple(Secret(value) for _, value in rows if value is not None)

    def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """From here on *changed* is awaited after each change, before whoever made it has an answer."""
        self._rows.watch(changed)

    async def mark(self) -> str:
        """Something that differs once any row was set or removed, by whomever."""
        return await self._rows.mark()
