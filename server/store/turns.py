"""Lets transactions that look before they change run one after the other. Holds no lock beyond its transaction.

SQLite and PostgreSQL both let two transactions read the same state before either changes it. An UPDATE of an agreed
row makes the second wait for the first: on SQLite for the database, on PostgreSQL for that row.
"""

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import Digest
from holdfast.contracts.json_values import canonical

from .schema import turns as table

SHARDS = 64
"""Rows to wait at. Unrelated names share one now and then, which costs a wait and nothing else."""


async def take_turn(connection: AsyncConnection, *names: str) -> None:
    """Wait until no other transaction that took its turn at *names* is under way. Comes before the first SELECT."""
    shard = int(Digest.of(canonical([*names])).hex[:8], 16) % SHARDS
    await connection.execute(update(table).where(table.c.id == shard).values(taken=table.c.taken + 1))


async def make_turns(connection: AsyncConnection) -> None:
    """Make the rows, once in the life of a store."""
    await connection.execute(insert(table).values([{"id": shard, "taken": 0} for shard in range(SHARDS)]))
