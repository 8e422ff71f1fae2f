"""Makes the tables of a new store and brings an older one up, in the transaction of its caller. Takes nothing away.

1. A step says what it adds by name, so that it does the same after the tables have grown again.
2. A store is at one version or the next, never between: what was begun is committed whole or not at all.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from sqlalchemy import Connection, Table, insert, inspect, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateColumn

from holdfast.contracts import OperatorError

from . import schema
from .sealed_texts import Texts, seal_what_is_in_clear
from .turns import make_turns

_IN_CLEAR: Final = 7
"""The last version whose texts stood in clear."""

Step: TypeAlias = Callable[[AsyncConnection, Texts], Awaitable[None]]


async def prepare(connection: AsyncConnection, texts: Texts) -> bool:
    """Make or bring up the tables; answers whether something that was overwritten may still lie in the file.

    Raises: OperatorError when the database is somebody else's, or of a version that there is no step from.
    """
    if connection.dialect.name == "sqlite":
        # Its driver begins no transaction for DDL: two that start at once would both find nothing and make the tables.
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
    tables = frozenset(await connection.run_sync(_table_names))
    if schema.schema_version.name not in tables:
        if tables:
            raise OperatorError("the store is a database of something else", remedy="name another file")
        await _make(connection)
        return False
    stored = await _stored(connection)
    for version in range(stored[0], schema.VERSION) if len(stored) == 1 else ():
        if version not in STEPS:
            break
        await STEPS[version](connection, texts)
        await connection.execute(update(schema.schema_version).values(version=version + 1))
    if await _stored(connection) != [schema.VERSION]:
        raise OperatorError(
            "the store was written by another version of holdfast",
            remedy="run the version that wrote it, or a newer one",
        )
    return stored[0] <= _IN_CLEAR


async def _make(connection: AsyncConnection) -> None:
    await connection.run_sync(schema.metadata.create_all)
    await make_turns(connection)
    await connection.execute(insert(schema.schema_version).values(version=schema.VERSION))


async def _stored(connection: AsyncConnection) -> list[int]:
    return list((await connection.execute(select(schema.schema_version.c.version))).scalars().all())


async def _labels_and_places(connection: AsyncConnection, _texts: Texts) -> None:
    """1 to 2: what approvals are bound to, who opened a session, places, sources, uses, leases."""
    added = (
        "policy",
        "nonce",
        "binding",
        "refs",
        "refs_digest",
        "carried",
        "unresolved",
        "flow",
        "facts",
        "ran_before",
        "lineage",
    )
    await _add_columns(connection, schema.approvals, added)
    await _add_columns(connection, schema.sessions, ("minted_by",))
    await _add_index(connection, schema.approvals, "approvals_by_lineage")
    await _add_tables(connection, ("turns", "reopened", "places", "place_writes", "sources", "uses", "leases"))
    await make_turns(connection)


async def _kept_by_tools(connection: AsyncConnection, _texts: Texts) -> None:
    """2 to 3: what tools keep for themselves."""
    await _add_tables(connection, ("kept",))


async def _secrets(connection: AsyncConnection, _texts: Texts) -> None:
    """3 to 4: the store of secrets."""
    await _add_tables(connection, ("secrets",))


async def _signed_tools(connection: AsyncConnection, _texts: Texts) -> None:
    """4 to 5: by whose signature, and whose principal, a tool was registered."""
    await _add_columns(connection, schema.tools, ("tenant", "signature"))


async def _upstream_tokens(connection: AsyncConnection, _texts: Texts) -> None:
    """5 to 6: what authorization servers gave us."""
    await _add_tables(connection, ("upstream_tokens",))


async def _decision_inputs(connection: AsyncConnection, _texts: Texts) -> None:
    """6 to 7: what policy saw of calls."""
    await _add_tables(connection, ("decision_inputs", "decision_tools"))


async def _sealed_texts(connection: AsyncConnection, texts: Texts) -> None:
    """7 to 8: what calls were given, answered and said is sealed."""
    await connection.run_sync(seal_what_is_in_clear, texts)


STEPS: Final[Mapping[int, Step]] = {
    1: _labels_and_places,
    2: _kept_by_tools,
    3: _secrets,
    4: _signed_tools,
    5: _upstream_tokens,
    6: _decision_inputs,
    7: _sealed_texts,
}
"""From each older version to the next."""


async def _add_columns(connection: AsyncConnection, table: Table, names: tuple[str, ...]) -> None:
    for name in names:
        column = CreateColumn(table.c[name]).compile(dialect=connection.dialect)
        await connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column}"))


async def _add_index(connection: AsyncConnection, table: Table, name: str) -> None:
    index = next(one for one in table.indexes if one.name == name)
    await connection.run_sync(index.create)


async def _add_tables(connection: AsyncConnection, names: tuple[str, ...]) -> None:
    tables = [schema.metadata.tables[name] for name in names]
    await connection.run_sync(lambda sync: schema.metadata.create_all(sync, tables=tables, checkfirst=False))


def _table_names(connection: Connection) -> list[str]:
    return inspect(connection).get_table_names()
