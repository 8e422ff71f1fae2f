"""Upstream servers, and their definitions as they were approved, to compare with. Connects to nothing."""

import time
from dataclasses import dataclass

from sqlalchemy import RowMapping, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import Digest, Json, JsonObject, NotFound

from .engine import Store, changed
from .rows import read_object, written
from .schema import pins, upstreams
from .times import Clock

_APPROVED = "approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRow:
    """One configured server."""

    name: str
    entry: dict[str, Json]
    added_by: str
    added_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One definition as it was approved, for comparison. That it is approved, the lock file says."""

    upstream: str
    tool: str
    """Its key: a tool's is the name the server uses, without our prefix."""
    digest: Digest
    definition: dict[str, Json]
    approved_by: str | None = None
    approved_at: float | None = None


class Upstreams:
    """The upstream servers of one store."""

    def __init__(self, store: Store, *, clock: Clock = time.time) -> None:
        self._store = store
        self._clock = clock

    async def put(self, name: str, entry: JsonObject, *, by: str) -> None:
        """Keep *entry* under *name*. A changed entry takes the definitions kept of it along."""

        async def work(connection: AsyncConnection) -> None:
            found = await connection.execute(select(upstreams.c.entry).where(upstreams.c.name == name))
            before = found.scalar_one_or_none()
            if before == written(entry):
                return
            await _forget(connection, name)
            values = {"name": name, "entry": written(entry), "added_by": by, "added_at": self._clock()}
            await changed(connection, insert(upstreams).values(values))

        await self._store.transact(work)

    async def get(self, name: str) -> UpstreamRow | None:
        """The server called *name*, or None."""
        found = await self._store.rows(select(upstreams).where(upstreams.c.name == name))
        return _read_upstream(found[0]) if found else None

    async def list(self) -> tuple[UpstreamRow, ...]:
        """Every server by name."""
        return tuple(
            _read_upstream(row) for row in await self._store.rows(select(upstreams).order_by(upstreams.c.name))
        )

    async def remove(self, name: str) -> None:
        """Forget *name* and its pins.

        Raises: NotFound.
        """

        async def work(connection: AsyncConnection) -> None:
            if not await _forget(connection, name):
                raise NotFound("there is no such upstream")

        await self._store.transact(work)

    async def keep(self, upstream: str, tool: str, *, digest: Digest, definition: JsonObject, by: str) -> None:
        """Keep a definition that was approved, in the place of the one before: differences are shown against it.

        Raises: NotFound for an unknown server.
        """

        async def work(connection: AsyncConnection) -> None:
            known = await connection.execute(select(upstreams.c.name).where(upstreams.c.name == upstream))
            if known.first() is None:
                raise NotFound("there is no such upstream")
            await changed(connection, delete(pins).where(pins.c.upstream == upstream, pins.c.tool == tool))
            values = {
                "upstream": upstream,
                "tool": tool,
                "state": _APPROVED,
                "digest": str(digest),
                "definition": written(definition),
                "seen_at": self._clock(),
                "approved_by": by,
                "approved_at": self._clock(),
            }
            await changed(connection, insert(pins).values(values))

        await self._store.transact(work)

    async def pins(self, upstream: str) -> dict[str, Pin]:
        """Every definition of *upstream* that was approved here last, by key."""
        query = select(pins).where(pins.c.upstream == upstream, pins.c.state == _APPROVED).order_by(pins.c.tool)
        return {row["tool"]: _read_pin(row) for row in await self._store.rows(query)}


async def _forget(connection: AsyncConnection, name: str) -> int:
    await changed(connection, delete(pins).where(pins.c.upstream == name))
    return await changed(connection, delete(upstreams).where(upstreams.c.name == name))


def _read_upstream(row: RowMapping) -> UpstreamRow:
    return UpstreamRow(
        name=row["name"], entry=read_object(row["entry"]), added_by=row["added_by"], added_at=row["added_at"]
    )


def _read_pin(row: RowMapping) -> Pin:
    return Pin(
        upstream=row["upstream"],
        tool=row["tool"],
        digest=Digest.parse(row["digest"]),
        definition=read_object(row["definition"]),
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
    )
