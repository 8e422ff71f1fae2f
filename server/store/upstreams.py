"""Upstream servers and the definitions of their tools that were approved. Connects to nothing."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from sqlalchemy import ColumnElement, RowMapping, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import Conflict, Digest, Json, JsonObject, NotFound

from .engine import Store, changed
from .rows import read_object, written
from .schema import pins, upstreams
from .times import Clock


class PinState(StrEnum):
    """Whether a definition may be served."""

    APPROVED = "approved"
    SEEN = "seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRow:
    """One configured server."""

    name: str
    entry: dict[str, Json]
    added_by: str
    added_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One definition of one tool as a server gave it."""

    upstream: str
    tool: str
    """The name the server uses, without our prefix."""
    digest: Digest
    definition: dict[str, Json]
    state: PinState
    seen_at: float
    approved_by: str | None = None
    approved_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinPair:
    """What a difference is taken between: the definition in service, and a newer one that waits."""

    approved: Pin | None
    seen: Pin | None


class Upstreams:
    """The upstream servers of one store."""

    def __init__(self, store: Store, *, clock: Clock = time.time) -> None:
        self._store = store
        self._clock = clock

    async def put(self, name: str, entry: JsonObject, *, by: str) -> None:
        """Keep *entry* under *name*. A changed entry takes its pins' approvals with it: it may be another program."""

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

    async def saw(self, upstream: str, tool: str, *, digest: Digest, definition: JsonObject) -> PinPair:
        """Note what a server says a tool is now. Only the approved definition may be served.

        Raises: NotFound for an unknown server.
        """

        async def work(connection: AsyncConnection) -> None:
            known = await connection.execute(select(upstreams.c.name).where(upstreams.c.name == upstream))
            if known.first() is None:
                raise NotFound("there is no such upstream")
            await changed(connection, delete(pins).where(_is(upstream, tool, PinState.SEEN)))
            same = select(pins.c.digest).where(_is(upstream, tool, PinState.APPROVED), pins.c.digest == str(digest))
            if (await connection.execute(same)).first() is None:
                await changed(
                    connection,
                    insert(pins).values(
                        upstream=upstream,
                        tool=tool,
                        state=PinState.SEEN.value,
                        digest=str(digest),
                        definition=written(definition),
                        seen_at=self._clock(),
                    ),
                )

        await self._store.transact(work)
        return await self.pair(upstream, tool)

    async def approve(self, upstream: str, tool: str, digest: Digest, *, by: str) -> Pin:
        """Serve the definition that was seen, if it is still the one with *digest*.

        Raises: Conflict when it is not.
        """

        async def work(connection: AsyncConnection) -> None:
            await changed(connection, delete(pins).where(_is(upstream, tool, PinState.APPROVED)))
            seen = update(pins).where(_is(upstream, tool, PinState.SEEN), pins.c.digest == str(digest))
            approved = seen.values(state=PinState.APPROVED.value, approved_by=by, approved_at=self._clock())
            if not await changed(connection, approved):
                raise Conflict("that definition is not the one that waits", remedy="look at the difference again")

        await self._store.transact(work)
        pin = (await self.pair(upstream, tool)).approved
        if pin is None:
            raise Conflict("the definition was changed meanwhile", remedy="look at the difference again")
        return pin

    async def withdraw(self, upstream: str, tool: str) -> None:
        """Take back the approval of a tool; nothing happens when there is none."""
        await self._store.change(delete(pins).where(_is(upstream, tool, PinState.APPROVED)))

    async def pair(self, upstream: str, tool: str) -> PinPair:
        """The approved definition of a tool and the newer one that waits, each None when there is none."""
        query = select(pins).where(pins.c.upstream == upstream, pins.c.tool == tool)
        return _paired(_read_pin(row) for row in await self._store.rows(query))

    async def pins(self, upstream: str) -> dict[str, PinPair]:
        """Every tool of *upstream* with its two definitions, by the server's name for it."""
        query = select(pins).where(pins.c.upstream == upstream).order_by(pins.c.tool)
        found = (_read_pin(row) for row in await self._store.rows(query))
        return {tool: _paired(group) for tool, group in groupby(found, key=lambda pin: pin.tool)}


def _is(upstream: str, tool: str, state: PinState) -> ColumnElement[bool]:
    return and_(pins.c.upstream == upstream, pins.c.tool == tool, pins.c.state == state.value)


async def _forget(connection: AsyncConnection, name: str) -> int:
    await changed(connection, delete(pins).where(pins.c.upstream == name))
    return await changed(connection, delete(upstreams).where(upstreams.c.name == name))


def _paired(found: Iterable[Pin]) -> PinPair:
    by_state = {pin.state: pin for pin in found}
    return PinPair(approved=by_state.get(PinState.APPROVED), seen=by_state.get(PinState.SEEN))


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
        state=PinState(row["state"]),
        seen_at=row["seen_at"],
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
    )
