"""Labels of places: what was written there by a session that had read something. Judges no call.

1. Labels of a place only grow, until an operator clears it. There is no cache: another process may have written.
2. A place is asked for together with everything that covers it and everything it covers.
3. A call whose exact places only its answer tells has marked everything it may write before it runs; if it is cut off
   in between, that mark stays.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import structlog
from sqlalchemy import CompoundSelect, RowMapping, Select, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import CallId, Digest, Json, JsonObject, Label, Place, SessionId, TenantId, ToolName
from holdfast.contracts.flow import ANY
from holdfast.contracts.json_values import canonical

from .engine import Store, changed
from .place_keys import coarser, covered, fitting, labels_overlapping, overlapping
from .rows import read_labels, read_object, written, written_labels
from .schema import place_writes as writes
from .schema import places as table
from .sealed_texts import Texts
from .times import Clock, rfc3339
from .turns import take_turn

MAX_PLACES: Final = 50_000
"""Of a tenant and space. A row is about 300 bytes, so a space is 15 MB at most; then the whole space is marked."""
MAX_AT_ONCE: Final = 1000
"""Of one space in one call; of one that writes more, whole folders are marked, the deepest first."""
WRITES_KEPT: Final = 50
"""The newest of each place, for an operator to see where its labels come from."""
WRITES_SHOWN: Final = 100
KEPT_ARGUMENTS: Final = 64 * 1024
"""Characters of one write's arguments; of more, only that there were some."""
_LISTED: Final = 1000
_SETTLED: Final = ""
"""What stands for a call in a row that no single call owns."""

_log = structlog.get_logger("holdfast.store")


@lru_cache(maxsize=256)
def _asking(tenant: TenantId, places: tuple[Place, ...]) -> Select[tuple[str]] | CompoundSelect[tuple[str]]:
    """The statement for `labels`: built once, since building takes as long as asking, and calls ask the same again."""
    return labels_overlapping(tenant, places)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceWrite:
    """One write of a labelled session."""

    place: Place
    call_id: CallId
    tool: ToolName
    session: SessionId
    labels: frozenset[Label]
    at: float
    """Seconds since the epoch."""
    arguments: JsonObject | None
    """What the call was given; None when that was too much to keep."""

    def to_json(self) -> dict[str, Json]:
        """What an operator is shown."""
        return {
            "place": str(self.place),
            "arguments": None if self.arguments is None else dict(self.arguments),
            "call_id": self.call_id,
            "tool": self.tool,
            "session": self.session,
            "labels": [label.value for label in sorted(self.labels)],
            "at": rfc3339(self.at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedPlace:
    """One place that has labels."""

    place: Place
    labels: frozenset[Label]
    writes: int
    """How many labelled ones there have been."""
    at: float
    """Of the newest, in seconds since the epoch."""
    unsettled: CallId | None
    """The call that marked it until its exact places are known, when it is that."""

    def to_json(self) -> dict[str, Json]:
        """What an operator is shown."""
        return {
            "place": str(self.place),
            "labels": [label.value for label in sorted(self.labels)],
            "writes": self.writes,
            "at": rfc3339(self.at),
            "unsettled": self.unsettled,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What one call leaves at every place it writes."""

    tenant: TenantId
    labels: frozenset[Label]
    call_id: CallId
    tool: ToolName
    session: SessionId
    at: float
    arguments: str | None
    texts: Texts
    """Seals them, for each place by itself."""


class Places:
    """The labelled places of one store."""

    def __init__(self, store: Store, *, clock: Clock = time.time) -> None:
        self._store = store
        self._clock = clock

    async def labels(self, tenant: TenantId, places: Iterable[Place]) -> frozenset[Label]:
        """What whoever reads *places* learns: the labels of everything that overlaps one of them."""
        asked = tuple(places)
        if not asked:
            return frozenset()
        found = await self._store.glance(_asking(tenant, asked))
        return frozenset[Label]().union(*(read_labels(row["labels"]) for row in found))

    async def mark(
        self,
        tenant: TenantId,
        places: Iterable[Place],
        labels: frozenset[Label],
        *,
        call_id: CallId,
        tool: ToolName,
        session: SessionId,
        arguments: JsonObject | None = None,
        provisional: bool = False,
    ) -> None:
        """Add *labels* to each of *places*. *provisional*: in rows of this call's own, which `settle` replaces.

        *arguments* are kept, up to `KEPT_ARGUMENTS`, for whoever is asked whether a later call may carry this along.
        """
        wanted = frozenset(places)
        if not labels or not wanted:
            return
        mark = _Mark(
            tenant=tenant,
            labels=labels,
            call_id=call_id,
            tool=tool,
            session=session,
            at=self._clock(),
            arguments=_worth_keeping(arguments),
            texts=self._store.texts,
        )

        async def work(connection: AsyncConnection) -> None:
            await take_turn(connection, "places", tenant)
            await _add(connection, wanted, mark, owner=call_id if provisional else _SETTLED)

        await self._store.transact(work)

    async def settle(
        self,
        tenant: TenantId,
        *,
        call_id: CallId,
        provisional: Iterable[Place],
        exact: Iterable[Place],
        labels: frozenset[Label],
        tool: ToolName,
        session: SessionId,
        arguments: JsonObject | None = None,
    ) -> None:
        """Replace what *call_id* marked beforehand by its *exact* places, which get those labels and *labels*.

        No *exact* place says that the call wrote nothing. Whoever cannot tell gives a wildcard, or does not settle.
        """
        wanted = frozenset(exact)
        owned = _ids(tenant, (one for some in _gathered(provisional).values() for one in some), call_id)

        async def work(connection: AsyncConnection) -> None:
            await take_turn(connection, "places", tenant)
            found = await connection.execute(select(table.c.labels).where(table.c.id.in_([*owned])))
            grown = labels.union(*(read_labels(row) for row in found.scalars()))
            await _remove(connection, owned)
            mark = _Mark(
                tenant=tenant,
                labels=grown,
                call_id=call_id,
                tool=tool,
                session=session,
                at=self._clock(),
                arguments=_worth_keeping(arguments),
                texts=self._store.texts,
            )
            if grown and wanted:
                await _add(connection, wanted, mark, owner=_SETTLED)

        await self._store.transact(work)

    async def carried(self, tenant: TenantId, places: Iterable[Place]) -> tuple[PlaceWrite, ...]:
        """The labelled writes to whatever overlaps *places*, newest first, at most `WRITES_SHOWN`.

        Raises: IntegrityError when one does not open with the key here.
        """
        asked = tuple(places)
        if not asked:
            return ()
        query = (
            select(writes, table.c.space, table.c.key)
            .join_from(writes, table, writes.c.place == table.c.id)
            .where(overlapping(tenant, asked))
            .order_by(writes.c.at.desc(), writes.c.n.desc(), writes.c.place)
            .limit(WRITES_SHOWN)
        )
        return tuple(_read_write(self._store.texts.opened(writes, row)) for row in await self._store.rows(query))

    async def state(self, tenant: TenantId, places: Iterable[Place]) -> Digest:
        """What a call carries along that takes *places* with it; another one after any further labelled write there."""
        asked = tuple(places)
        if not asked:
            return Digest.of(canonical([]))
        # Each labelled write counts up `writes` and moves `at` on, so sums tell as much as all the rows.
        sums = (
            func.count().label("places"),
            func.sum(table.c.writes).label("writes"),
            func.max(table.c.at).label("last"),
        )
        query = select(table.c.labels, *sums).where(overlapping(tenant, asked))
        rows = await self._store.rows(query.group_by(table.c.labels).order_by(table.c.labels))
        kept: list[Json] = [[row["labels"], *(row[one] for one in ("places", "writes", "last"))] for row in rows]
        return Digest.of(canonical(kept))

    async def clear(self, tenant: TenantId, place: Place) -> int:
        """Forget the labels of *place* and, for a wildcard, of all below it; answers how many. For an operator."""
        ids = select(table.c.id).where(covered(tenant, fitting(place)))

        async def work(connection: AsyncConnection) -> int:
            await take_turn(connection, "places", tenant)
            await changed(connection, delete(writes).where(writes.c.place.in_(ids)))
            return await changed(connection, delete(table).where(covered(tenant, fitting(place))))

        return await self._store.transact(work)

    async def list(
        self, tenant: TenantId, limit: int = _LISTED, *, space: str | None = None
    ) -> tuple[MarkedPlace, ...]:
        """The places of *tenant* that were written last, newest first; of one *space* if given."""
        query = select(table).where(table.c.tenant == tenant).order_by(table.c.at.desc(), table.c.id).limit(limit)
        if space is not None:
            query = query.where(table.c.space == space)
        return tuple(_read_place(row) for row in await self._store.rows(query))


async def _add(connection: AsyncConnection, wanted: frozenset[Place], mark: _Mark, *, owner: str) -> None:
    for space, places in _gathered(wanted).items():
        if await _fits(connection, places, mark, space, owner):
            await _write(connection, places, mark, owner)
            continue
        _log.warning("places_full", tenant=mark.tenant, space=space, places=len(places))
        await _write(connection, frozenset({Place(space, ANY)}), mark, _SETTLED)


def _gathered(places: Iterable[Place]) -> Mapping[str, frozenset[Place]]:
    """What is kept for *places*, by space."""
    by_space: dict[str, set[Place]] = defaultdict(set)
    for place in places:
        by_space[place.space].add(fitting(place))
    return {space: coarser(some, MAX_AT_ONCE) for space, some in sorted(by_space.items())}


async def _fits(connection: AsyncConnection, places: frozenset[Place], mark: _Mark, space: str, owner: str) -> bool:
    known = select(func.count()).where(table.c.id.in_([*_ids(mark.tenant, places, owner)]))
    new = len(places) - (await connection.execute(known)).scalar_one()
    if new == 0:
        return True
    held = select(func.count()).where(table.c.tenant == mark.tenant, table.c.space == space)
    return (await connection.execute(held)).scalar_one() + new <= MAX_PLACES


async def _write(connection: AsyncConnection, places: frozenset[Place], mark: _Mark, owner: str) -> None:
    ids = _ids(mark.tenant, places, owner)
    found = await connection.execute(select(table).where(table.c.id.in_([*ids])))
    before = {row["id"]: row for row in found.mappings()}
    rows = [_written(one, place, mark, before.get(one), owner) for one, place in ids.items()]
    changed_rows = [{"place": row["id"]} | _kept(row) for row in rows if row["id"] in before]
    new_rows = [row for row in rows if row["id"] not in before]
    if changed_rows:
        await connection.execute(update(table).where(table.c.id == bindparam("place")), changed_rows)
    if new_rows:
        await connection.execute(insert(table), new_rows)
    await connection.execute(insert(writes), [_written_write(row, mark) for row in rows])
    old = [{"one": row["id"], "last": row["writes"] - WRITES_KEPT} for row in rows if row["writes"] > WRITES_KEPT]
    if old:
        gone = and_(writes.c.place == bindparam("one"), writes.c.n <= bindparam("last"))
        await connection.execute(delete(writes).where(gone), old)


def _written(one: str, place: Place, mark: _Mark, before: RowMapping | None, owner: str) -> dict[str, Any]:
    labels = mark.labels if before is None else mark.labels | read_labels(before["labels"])
    return {
        "id": one,
        "tenant": mark.tenant,
        "space": place.space,
        "key": place.key,
        "call": owner,
        "labels": written_labels(labels),
        "writes": 1 if before is None else before["writes"] + 1,
        "at": mark.at,
    }


def _kept(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("labels", "writes", "at")}


async def _remove(connection: AsyncConnection, ids: Iterable[str]) -> None:
    wanted = tuple(ids)
    await changed(connection, delete(writes).where(writes.c.place.in_(wanted)))
    await changed(connection, delete(table).where(table.c.id.in_(wanted)))


def _ids(tenant: TenantId, places: Iterable[Place], owner: str) -> Mapping[str, Place]:
    return {str(Digest.of(canonical([tenant, place.space, place.key, owner]))): place for place in places}


def _written_write(row: Mapping[str, Any], mark: _Mark) -> dict[str, object]:
    row_of_write: dict[str, object] = {
        "place": row["id"],
        "n": row["writes"],
        "call_id": mark.call_id,
        "tool": mark.tool,
        "session": mark.session,
        "labels": written_labels(mark.labels),
        "at": mark.at,
        "arguments": mark.arguments,
    }
    return mark.texts.closed(writes, row_of_write)


def _worth_keeping(arguments: JsonObject | None) -> str | None:
    text = None if arguments is None else written(arguments)
    return text if text is None or len(text) <= KEPT_ARGUMENTS else None


def _read_write(row: Mapping[str, Any]) -> PlaceWrite:
    return PlaceWrite(
        place=Place(row["space"], row["key"]),
        call_id=CallId(row["call_id"]),
        tool=ToolName(row["tool"]),
        session=SessionId(row["session"]),
        labels=read_labels(row["labels"]),
        at=row["at"],
        arguments=None if row["arguments"] is None else read_object(row["arguments"]),
    )


def _read_place(row: RowMapping) -> MarkedPlace:
    return MarkedPlace(
        place=Place(row["space"], row["key"]),
        labels=read_labels(row["labels"]),
        writes=row["writes"],
        at=row["at"],
        unsettled=CallId(row["call"]) if row["call"] else None,
    )
