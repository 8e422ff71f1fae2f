"""Idempotency keys: the same key gives the same answer and never a second run. Runs nothing.

1. A key belongs to one principal of one tenant, one tool and one digest of arguments; anything else is a conflict.
2. A call that was interrupted has an unknown outcome, and its key says so instead of running again.
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import ColumnElement, RowMapping, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import Conflict, Digest, InvalidRequest, Json, JsonObject, Principal, ToolName

from .engine import Store, changed
from .rows import read_object, written
from .schema import idempotency as table
from .times import Clock

TTL_S = 24 * 3600
MAX_KEY = 256


class _State(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Begun:
    """The call is new: run it, then `finish` or `abandon` the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The call was made before; this is what it answered."""

    result: dict[str, Json]


Taken: TypeAlias = Begun | Replayed


class Idempotency:
    """The idempotency keys of one store, kept for 24 hours."""

    def __init__(self, store: Store, *, clock: Clock = time.time) -> None:
        self._store = store
        self._clock = clock

    @classmethod
    async def open(cls, store: Store, *, clock: Clock = time.time) -> "Idempotency":
        """Start after a stop: calls that were under way when this store was last closed have unknown outcomes."""
        running = update(table).where(table.c.state == _State.RUNNING.value)
        await store.change(running.values(state=_State.UNKNOWN.value))
        return cls(store, clock=clock)

    async def begin(self, principal: Principal, key: str, *, tool: ToolName, arguments: Digest) -> Taken:
        """Take *key* for a call of *tool* with arguments of that digest.

        Raises: Conflict when the key was used otherwise, is in use, or its call was interrupted; InvalidRequest.
        """
        if not 0 < len(key) <= MAX_KEY:
            raise InvalidRequest(f"`idempotency_key` must be 1 to {MAX_KEY} characters")

        async def work(connection: AsyncConnection) -> Taken:
            now = self._clock()
            await changed(connection, delete(table).where(table.c.expires_at <= now))
            query = select(table).where(_is(principal, key)).with_for_update()
            row = (await connection.execute(query)).mappings().first()
            if row is not None:
                return self._answer(row, tool, arguments)
            await changed(
                connection,
                insert(table).values(
                    tenant=principal.tenant,
                    principal=principal.subject,
                    key=key,
                    tool=tool,
                    arguments=str(arguments),
                    state=_State.RUNNING.value,
                    created_at=now,
                    expires_at=now + TTL_S,
                ),
            )
            return Begun()

        return await self._store.transact(work)

    async def finish(self, principal: Principal, key: str, result: JsonObject) -> None:
        """Keep *result* as the answer of the call that holds *key*."""
        running = update(table).where(_is(principal, key), table.c.state == _State.RUNNING.value)
        known_by = {"tenant": principal.tenant, "principal": principal.subject, "key": key}
        row = {"state": _State.FINISHED.value, "result": written(result)}
        await self._store.change(running.values(self._store.texts.closed(table, row, **known_by)))

    async def abandon(self, principal: Principal, key: str) -> None:
        """Give *key* back: the call that held it had no effect."""
        await self._store.change(delete(table).where(_is(principal, key), table.c.state == _State.RUNNING.value))

    async def lose(self, principal: Principal, key: str) -> None:
        """Mark *key*: the call that held it was cut off, and may have had its effect."""
        running = update(table).where(_is(principal, key), table.c.state == _State.RUNNING.value)
        await self._store.change(running.values(state=_State.UNKNOWN.value))

    def _answer(self, row: RowMapping, tool: ToolName, arguments: Digest) -> Replayed:
        if row["tool"] != tool or Digest.parse(row["arguments"]) != arguments:
            raise Conflict("the idempotency key was used for another call", remedy="use a fresh key for each call")
        match _State(row["state"]):
            case _State.FINISHED:
                return Replayed(result=read_object(self._store.texts.opened(table, row)["result"]))
            case _State.RUNNING:
                raise Conflict("a call with this idempotency key is in progress", remedy="wait for it, then ask again")
            case _State.UNKNOWN:
                raise Conflict(
                    "the call with this idempotency key was interrupted and its outcome is unknown",
                    remedy="look at what it did, then use a fresh key",
                )


def _is(principal: Principal, key: str) -> ColumnElement[bool]:
    return and_(
        table.c.tenant == principal.tenant,
        table.c.principal == principal.subject,
        table.c.key == key,
    )
