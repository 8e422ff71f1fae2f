"""What tools keep for themselves: the `KeyValue` port. A row belongs to one tool of one tenant; nobody else sees it."""

import time
from typing import Final

from sqlalchemy import and_, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import KV_LIMITS, KvLimits, Reason, Refusal, TenantId, ToolName

from .engine import Store, changed
from .schema import kept as table
from .times import Clock
from .turns import take_turn

_AFTER_EVERYTHING: Final = "\U0010ffff"


class Kept:
    """The keys and values of one store."""

    def __init__(self, store: Store, *, limits: KvLimits = KV_LIMITS, clock: Clock = time.time) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock

    async def get(self, tenant: TenantId, tool: ToolName, key: str, /) -> bytes | None:
        """What is kept under *key*, or None."""
        query = select(table).where(table.c.tenant == tenant, table.c.tool == tool, table.c.key == key)
        found = await self._store.rows(query)
        return bytes(self._store.texts.opened(table, found[0])["value"]) if found else None

    async def put(self, tenant: TenantId, tool: ToolName, key: str, value: bytes, /) -> None:
        """Keep *value* under *key*. Of two that come at once, each counts the other.

        Raises: Refusal `kv/quota` when the tool would then keep more than it may.
        """
        size = len(key.encode()) + len(value)
        if len(key.encode()) > self._limits.key_bytes:
            raise _over(f"a key has at most {self._limits.key_bytes} bytes")
        mine = and_(table.c.tenant == tenant, table.c.tool == tool)
        row = {"tenant": tenant, "tool": tool, "key": key, "value": value, "bytes": size, "at": self._clock()}

        async def work(connection: AsyncConnection) -> None:
            await take_turn(connection, "kept", tenant, tool)
            await changed(connection, delete(table).where(mine, table.c.key == key))
            held = (await connection.execute(select(func.count(), func.sum(table.c.bytes)).where(mine))).one()
            if held[0] + 1 > self._limits.keys:
                raise _over(f"a tool keeps at most {self._limits.keys} keys")
            if (held[1] or 0) + size > self._limits.bytes:
                raise _over(f"a tool keeps at most {self._limits.bytes} bytes")
            await connection.execute(insert(table).values(self._store.texts.closed(table, row)))

        await self._store.transact(work)

    async def delete(self, tenant: TenantId, tool: ToolName, key: str, /) -> None:
        """Forget *key*, if it is there."""
        await self._store.change(
            delete(table).where(table.c.tenant == tenant, table.c.tool == tool, table.c.key == key)
        )

    async def keys(self, tenant: TenantId, tool: ToolName, prefix: str, /) -> tuple[str, ...]:
        """The keys that begin with *prefix*, sorted."""
        query = select(table.c.key).where(
            table.c.tenant == tenant,
            table.c.tool == tool,
            table.c.key >= prefix,
            table.c.key < prefix + _AFTER_EVERYTHING,
        )
        return tuple(sorted(row["key"] for row in await self._store.rows(query)))

    async def forget(self, tool: ToolName) -> None:
        """Delete everything *tool* keeps, for every tenant: another tool of that name must not find it."""
        await self._store.change(delete(table).where(table.c.tool == tool))


def _over(rule: str) -> Refusal:
    return Refusal(Reason(code="kv/quota", layer="kv", message=f"{rule}; delete some first"))
