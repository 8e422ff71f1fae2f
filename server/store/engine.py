"""Opens the database and runs statements on it. Knows no table.

1. A store of a newer version, or a database that is somebody else's, is refused; an older one is brought up.
2. The file is made with mode 0600 before anything is written; a link in its place is not followed.
3. A transaction that has begun ends, whatever happens to the task that asked for it.
4. What every call looks up is read on a connection of its own that can only read, on the event loop: a few dozen
   microseconds from SQLite's own cache, where each change of threads takes as long and a transaction has five.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import CompoundSelect, CursorResult, Executable, RowMapping, Select, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from holdfast.contracts import OperatorError

from .glances import Glances
from .migrating import prepare
from .sealed_texts import Texts

T = TypeVar("T")

# FULL: with NORMAL a power cut could undo the last commits, and an approval would be unspent or a token unrevoked.
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
)

_READING = ("PRAGMA query_only = ON", "PRAGMA busy_timeout = 0", "PRAGMA trusted_schema = OFF")


class Store:
    """An open database. `statements` counts every SQL statement sent since it was opened, pragmas included."""

    texts: Texts
    """Seals what of its rows is not to be read in a copy of the file."""

    def __init__(self, engine: AsyncEngine, texts: Texts) -> None:
        self.texts = texts
        self._engine = engine
        self._glances = _reading(engine.url)
        self._running: set[asyncio.Task[Any]] = set()
        self.statements = 0
        event.listen(engine.sync_engine, "before_cursor_execute", self._count)

    @classmethod
    async def open(cls, url: str, *, key: bytes) -> "Store":
        """Open the database at *url* (`sqlite:///PATH`, or `sqlite://` for memory) and make what is missing.

        *key*, 32 bytes, seals texts in it.

        Raises: OperatorError when the URL, the file, its owner or its version is not ours to use.
        """
        target = _target(url)
        store = cls(_engine(target), Texts(key))
        try:
            if await store.transact(lambda connection: prepare(connection, store.texts)):
                await store._overwrite()
        except DatabaseError:
            await store.close()
            raise OperatorError(
                "the store is not a database that can be read", remedy="restore it from a backup, or move it away"
            ) from None
        except OperatorError:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Wait for what is running, then close every connection."""
        while self._running:
            await asyncio.wait(self._running)
        await self._engine.dispose()
        if self._glances is not None:
            self._glances.close()

    async def glance(self, statement: Select[*tuple[Any, ...]] | CompoundSelect[Any]) -> Sequence[Mapping[Any, Any]]:
        """The rows that *statement*, which finds few by an index, answers from what is committed."""
        if self._glances is None:
            return await self.rows(statement)
        try:
            found = self._glances.rows(statement)
        except sqlite3.OperationalError:  # somebody holds the file for a moment: wait where waiting holds up nobody
            return await self.rows(statement)
        self.statements += 1
        return found

    async def rows(self, statement: Executable) -> Sequence[RowMapping]:
        """Every row that *statement* answers, in a transaction of its own."""

        async def work(connection: AsyncConnection) -> Sequence[RowMapping]:
            return (await connection.execute(statement)).mappings().all()

        return await self.transact(work)

    async def change(self, statement: Executable) -> int:
        """Run *statement* in a transaction of its own and count the rows it changed."""

        async def work(connection: AsyncConnection) -> int:
            return await changed(connection, statement)

        return await self.transact(work)

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run *work* in one transaction, which is committed when it returns and rolled back when it raises."""
        task = asyncio.ensure_future(self._transaction(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _transaction(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with self._engine.begin() as connection:
            return await work(connection)

    async def _overwrite(self) -> None:
        """Write the file anew, without what its rows held before, and empty what is ahead of it."""
        async with self._engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.exec_driver_sql("VACUUM")
            await alone.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _count(self, *_event: object) -> None:
        self.statements += 1


async def changed(connection: AsyncConnection, statement: Executable) -> int:
    """Run *statement* and count the rows it changed."""
    result: CursorResult[Any] = await connection.execute(statement)
    return result.rowcount


def _target(url: str) -> URL:
    try:
        target = make_url(url)
    except ArgumentError:
        raise OperatorError("store `url` is not a database URL", remedy="write `sqlite:///PATH`") from None
    if target.get_backend_name() != "sqlite":
        raise OperatorError(
            "store `url` must be SQLite: other databases are not supported yet", remedy="write `sqlite:///PATH`"
        )
    if target.query:
        raise OperatorError("store `url` takes no query: its options are fixed", remedy="write `sqlite:///PATH`")
    return target.set(drivername="sqlite+aiosqlite")


def _engine(target: URL) -> AsyncEngine:
    if target.database not in (None, "", ":memory:"):
        _make_private(Path(str(target.database)))
    # One connection: transactions then run one after the other, and none of this process can meet SQLITE_BUSY.
    engine = create_async_engine(
        target, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0, hide_parameters=True
    )
    event.listen(engine.sync_engine, "connect", _configure)
    return engine


def _reading(target: URL) -> Glances | None:
    """The connections for glances; None for a database in memory, which has only the one."""
    return None if target.database in (None, "", ":memory:") else Glances(str(target.database), _READING)


def _make_private(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OperatorError(
            f"the store cannot be opened: {error.strerror}", remedy="check the data directory's owner and mode"
        ) from None
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _configure(connection: Any, _record: object) -> None:
    _set(connection, _PRAGMAS)


def _set(connection: Any, pragmas: Sequence[str]) -> None:
    with contextlib.closing(connection.cursor()) as cursor:
        for pragma in pragmas:
            cursor.execute(pragma)
