"""What policy saw of calls, sealed under a key of their own. Never on the audit chain; gone when its days are over.

Call, time and tool are sealed with each row: one that was moved to another call does not open.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import RowMapping, func, select, tuple_
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import IntegrityError, Json, NotFound
from holdfast.contracts.json_values import canonical

from .engine import Store
from .rows import read_object
from .schema import decision_inputs as table
from .schema import decision_tools as tools
from .seals import Seal, Unopened
from .times import Clock

_log = structlog.get_logger("holdfast.store")

MOST: Final = 100_000
"""Rows handed out at once, the newest; a row is a few kilobytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedInput:
    """One row. What the two objects hold is its writer's matter."""

    call_id: str
    at: float
    """Seconds since the epoch."""
    definition: str
    said: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPage:
    """Some rows, one after the other."""

    rows: tuple[RecordedInput, ...]
    unopened: int
    """How many there are besides that do not open."""
    last: tuple[float, str] | None
    """Time and id of the last that was looked at, where there may be more."""


class DecisionInputs:
    """The rows of one store."""

    def __init__(self, store: Store, *, key: bytes, clock: Clock = time.time) -> None:
        """Seal with *key*, 32 bytes."""
        self._store = store
        self._seal = Seal(key=key, purpose="holdfast decision input")
        self._tool_seal = Seal(key=key, purpose="holdfast decision tool")
        self._clock = clock
        self.unopened = 0
        """How many of the rows that were asked for did not open."""

    def now(self) -> float:
        """The time rows are written with."""
        return self._clock()

    async def keep(self, rows: Sequence[RecordedInput], seen: Mapping[str, Mapping[str, Json]]) -> None:
        """Keep *rows*, and of the tools *seen* (by definition) those that are new. A call keeps its first row."""
        inputs = [self._sealed(row) for row in rows]
        sketches = [self._sealed_tool(name, sketch) for name, sketch in seen.items()]

        async def work(connection: AsyncConnection) -> None:
            if sketches:
                await connection.execute(insert(tools).on_conflict_do_nothing(), sketches)
            if inputs:
                await connection.execute(insert(table).on_conflict_do_nothing(), inputs)

        await self._store.transact(work)

    async def one(self, call_id: str) -> RecordedInput:
        """The row of one call.

        Raises: NotFound; IntegrityError when it is not what was put there.
        """
        rows = await self._store.rows(select(table).where(table.c.call_id == call_id))
        if not rows:
            raise NotFound(
                "there is no recorded input of that call",
                remedy='inputs are recorded with `[policy] record = "redacted"`, from then on',
            )
        opened = self._opened(rows)
        if not opened:
            raise IntegrityError("the recorded input does not open with the key of this data directory")
        return opened[0]

    async def since(self, at: float, *, most: int = MOST) -> tuple[RecordedInput, ...]:
        """The newest *most* rows from *at* on, the oldest first; rows that do not open are left out, and logged."""
        newest = select(table).where(table.c.at >= at).order_by(table.c.at.desc()).limit(most)
        return tuple(reversed(self._opened(await self._store.rows(newest))))

    async def page(self, since: float, *, after: tuple[float, str] | None, most: int) -> RecordedPage:
        """Up to *most* rows from *since* on and after *after*, the oldest first.

        Rows that do not open are left out, counted, and logged.
        """
        found = select(table).where(table.c.at >= since).order_by(table.c.at, table.c.call_id).limit(most)
        if after is not None:
            found = found.where(tuple_(table.c.at, table.c.call_id) > tuple_(*after))
        rows = await self._store.rows(found)
        last = (float(rows[-1]["at"]), str(rows[-1]["call_id"])) if len(rows) == most else None
        opened = tuple(self._opened(rows))
        return RecordedPage(rows=opened, unopened=len(rows) - len(opened), last=last)

    async def count(self) -> int:
        """How many rows there are."""
        rows = await self._store.rows(select(func.count().label("rows")).select_from(table))
        return int(rows[0]["rows"])

    async def tools(self, only: frozenset[str] | None = None) -> Mapping[str, Mapping[str, Json]]:
        """The tools that the rows are of, by definition; those alone that *only* names."""
        found: dict[str, Mapping[str, Json]] = {}
        wanted = select(tools) if only is None else select(tools).where(tools.c.definition.in_(sorted(only)))
        for row in await self._store.rows(wanted):
            try:
                opened = self._tool_seal.open(row["nonce"], row["sealed"], row["definition"])
            except Unopened:
                _log.warning("inputs.sealed", tool=row["definition"], why="it does not open with the key here")
                continue
            found[row["definition"]] = read_object(opened.decode("utf-8"))
        return found

    def _sealed(self, row: RecordedInput) -> dict[str, object]:
        nonce, sealed = self._seal.close(canonical(row.said), row.call_id, row.at, row.definition)
        place = {"call_id": row.call_id, "at": row.at, "definition": row.definition}
        return {**place, "nonce": nonce, "sealed": sealed}

    def _sealed_tool(self, definition: str, sketch: Mapping[str, Json]) -> dict[str, object]:
        nonce, sealed = self._tool_seal.close(canonical(sketch), definition)
        return {"definition": definition, "nonce": nonce, "sealed": sealed}

    def _opened(self, rows: Iterable[RowMapping]) -> list[RecordedInput]:
        found: list[RecordedInput] = []
        for row in rows:
            call_id, at, definition = row["call_id"], row["at"], row["definition"]
            try:
                opened = self._seal.open(row["nonce"], row["sealed"], call_id, at, definition)
            except Unopened:
                _log.warning("inputs.sealed", call=call_id, why="it does not open with the key of this directory")
                self.unopened += 1
                continue
            said = read_object(opened.decode("utf-8"))
            found.append(RecordedInput(call_id=call_id, at=at, definition=definition, said=said))
        return found
