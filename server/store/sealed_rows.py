"""Values sealed at rest: AES-256-GCM under a key of their own. It logs no value.

1. Purpose, place and version are sealed with each value: a row that was moved, changed or put back does not open.
2. A row that does not open is an error, never an empty or a guessed value.
3. Whoever watches is told of each change before whoever made it has an answer.
"""

from collections.abc import Awaitable, Callable

from sqlalchemy import ColumnElement, RowMapping, Table, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from .engine import Store, changed
from .seals import Seal, Unopened
from .times import Clock
from .turns import take_turn


class SealedRows:
    """One sealed value for each key of a table with `version`, `nonce`, `sealed` and `updated_at`."""

    def __init__(self, store: Store, table: Table, *, keys: tuple[str, ...], seal: Seal, clock: Clock) -> None:
        """*keys* are the columns of the table's primary key, in the order their values are given and sealed in."""
        self._store = store
        self._table = table
        columns = table.c
        self._seen = select(func.count(), func.sum(columns.version), func.max(columns.updated_at))
        self._keys = keys
        self._seal = seal
        self._clock = clock
        self._watching: list[Callable[[], Awaitable[None]]] = []

    async def has(self, *key: str) -> bool:
        """Whether there is a row for *key*."""
        return bool(await self._store.rows(select(self._table.c.version).where(self._is(key))))

    async def value(self, *key: str) -> bytes | None:
        """What was kept for *key*, or None.

        Raises: Unopened.
        """
        rows = await self._store.rows(select(self._table).where(self._is(key)))
        return self._opened(rows[0]) if rows else None

    async def put(self, *key: str, value: bytes) -> tuple[float | None, float]:
        """Keep *value* in place of what was there; answers when the row was made, where it says, and when this was."""
        now, table = self._clock(), self._table
        dated = "created_at" in table.c

        async def work(connection: AsyncConnection) -> float | None:
            await take_turn(connection, table.name.replace("_", "-"), *key)
            found = (await connection.execute(select(table).where(self._is(key)))).mappings().first()
            version = 1 if found is None else found["version"] + 1
            nonce, sealed = self._seal.close(value, *key, version)
            values = {"version": version, "nonce": nonce, "sealed": sealed, "updated_at": now}
            if found is not None:
                await changed(connection, update(table).where(self._is(key)).values(values))
                return found["created_at"] if dated else None
            first = dict(zip(self._keys, key, strict=True)) | ({"created_at": now} if dated else {})
            await changed(connection, insert(table).values(values | first))
            return now if dated else None

        made = await self._store.transact(work)
        await self._changed()
        return made, now

    async def remove(self, where: ColumnElement[bool]) -> int:
        """Forget the rows that *where* names, and count them."""
        count = await self._store.change(delete(self._table).where(where))
        if count:
            await self._changed()
        return count

    async def all(self) -> tuple[tuple[RowMapping, bytes | None], ...]:
        """Every row with its value; None for one that does not open."""
        return tuple((row, self._or_none(row)) for row in await self._store.rows(select(self._table)))

    def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """From here on *changed* is awaited after each change, before whoever made it has an answer."""
        self._watching.append(changed)

    async def mark(self) -> str:
        """Something that differs once any row was set or removed, by whomever."""
        return str(tuple((await self._store.glance(self._seen))[0].values()))

    def _or_none(self, row: RowMapping) -> bytes | None:
        try:
            return self._opened(row)
        except Unopened:
            return None

    def _opened(self, row: RowMapping) -> bytes:
        return self._seal.open(row["nonce"], row["sealed"], *(row[name] for name in self._keys), row["version"])

    def _is(self, key: tuple[str, ...]) -> ColumnElement[bool]:
        return and_(*(self._table.c[name] == value for name, value in zip(self._keys, key, strict=True)))

    async def _changed(self) -> None:
        for tell in self._watching:
            await tell()
