"""Asks what every call looks up, straight from SQLite: on a connection that can only read. Changes nothing.

SQLAlchemy takes a connection out, opens and ends a transaction and wraps each row: several times what the answer takes.
Here a statement is spelled once; asking it again is one step of SQLite.
"""

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ClauseElement
from sqlalchemy.dialects.sqlite.pysqlite import dialect
from sqlalchemy.sql.compiler import SQLCompiler

_SPELLED: Final = 512
_DIALECT: Final = dialect()


class Glances:
    """Read-only connections to one database file, one for each thread that asks."""

    def __init__(self, path: str, pragmas: Sequence[str]) -> None:
        self._path = path
        self._pragmas = tuple(pragmas)
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []

    def rows(self, statement: ClauseElement) -> Sequence[Mapping[str, Any]]:
        """The rows that *statement* answers from what is committed.

        Raises: sqlite3.OperationalError when somebody holds the file for a moment.
        """
        text, values = _spelled(statement)
        cursor = self._connection().execute(text, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def close(self) -> None:
        """Close every connection."""
        while self._open:
            self._open.pop().close()

    def _connection(self) -> sqlite3.Connection:
        known: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if known is None:
            known = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._open.append(known)
            for pragma in self._pragmas:
                known.execute(pragma)
            self._local.connection = known
        return known


@lru_cache(maxsize=_SPELLED)
def _spelled(statement: ClauseElement) -> tuple[str, tuple[Any, ...]]:
    """*statement* as SQLite reads it, and its values in order. For columns of plain types alone."""
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 -- a query is never compiled to anything else
    values = compiled.construct_params()
    return str(compiled), tuple(values[name] for name in compiled.positiontup or ())
