"""A store of an older version is brought up with everything in it, whole or not at all."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect

from holdfast.contracts import Conflict, Digest, IntegrityError, Label, OperatorError, SessionId, TenantId, ToolName
from holdfast.server.store import Approvals, ApprovalState, Places, Ruling, Sessions, Store, Tokens, schema
from holdfast.server.store.migrating import STEPS
from holdfast.server.store.sealed_texts import SEALED, Texts
from holdfast.server.store.turns import SHARDS

pytestmark = pytest.mark.anyio

VERSION_1 = (Path(__file__).parent / "version_1.sql").read_text(encoding="utf-8")


@pytest.fixture
def path(tmp_path):
    """A database as version 1 left it."""
    database = sqlite3.connect(tmp_path / "old.db")
    database.executescript(VERSION_1)
    database.close()
    return tmp_path / "old.db"


@pytest.fixture
async def old(path):
    store = await Store.open(f"sqlite:///{path}", key=bytes(32))
    yield store
    await store.close()


def rows(path):
    """Every row of every table, by column."""
    with sqlite3.connect(path) as database:
        database.row_factory = sqlite3.Row
        names = [row["name"] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: [dict(row) for row in database.execute(f"SELECT * FROM {name}")] for name in names}
    database.close()
    return found


async def test_nothing_is_lost(path):
    before = rows(path)

    await (await Store.open(f"sqlite:///{path}", key=bytes(32))).close()

    after, texts = rows(path), Texts(bytes(32))
    for name in SEALED.keys() & after.keys():
        after[name] = [texts.opened(SEALED[name].table, row) for row in after[name]]
    assert after["schema_version"] == [{"version": schema.VERSION}]
    for name in before.keys() - {"schema_version"}:
        assert len(before[name]) == len(after[name]) > 0, name
        for was, is_now in zip(before[name], after[name], strict=True):
            assert is_now.items() >= was.items(), name


async def test_what_stood_in_clear_is_sealed_and_nowhere_in_the_file_any_more(path):
    said = (b"pay bob", b'"content":"b"', b'{"status":"ok"}')
    assert all(one in path.read_bytes() for one in said)

    store = await Store.open(f"sqlite:///{path}", key=bytes(32))
    left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert not any(one in left for one in said)
    await store.close()

    other = await Store.open(f"sqlite:///{path}", key=b"k" * 32)
    with pytest.raises(IntegrityError, match="does not open"):
        await Sessions(other).get(SessionId("s_1"))
    await other.close()


async def test_an_old_store_has_the_tables_of_a_new_one(old, tmp_path):
    new = await Store.open(f"sqlite:///{tmp_path / 'new.db'}", key=bytes(32))

    def described(connection):
        looked = inspect(connection)
        return {
            name: (
                {column["name"]: (str(column["type"]), column["nullable"]) for column in looked.get_columns(name)},
                looked.get_pk_constraint(name)["constrained_columns"],
                sorted((index["name"], *index["column_names"]) for index in looked.get_indexes(name)),
            )
            for name in looked.get_table_names()
        }

    async def look(connection):
        return await connection.run_sync(described)

    assert await old.transact(look) == await new.transact(look)
    assert (await old.rows(schema.turns.select())) == (await new.rows(schema.turns.select()))
    assert len(await old.rows(schema.turns.select())) == SHARDS
    await new.close()


async def test_an_old_store_works_on(old, clock, principal):
    sessions, tokens = Sessions(old, clock=clock), await Tokens.open(old, clock=clock)

    assert (await sessions.default(principal())).id == "s_default"
    assert await sessions.lineage(SessionId("s_2")) == "s_1"
    assert await sessions.flow(SessionId("s_2")) == ()
    assert tokens.holds("t1", Digest("3" * 64))
    assert await Places(old, clock=clock).list(TenantId("acme")) == ()


async def test_an_approval_of_an_older_version_is_shown_and_lifts_nothing(old, clock, principal):
    """It was not bound to what an approval is bound to now."""
    approvals = Approvals(old, clock=clock, key=b"k" * 32)

    shown = {one.id: one.to_json() for one in await approvals.list()}

    assert shown["a_approved"]["state"] == "approved"
    assert shown["a_pending"]["policy"] is None
    for policy in (Digest.of(b""), None):
        assert (
            await approvals.consume(
                "a_approved",
                tenant=TenantId("acme"),
                principal="alice",
                session="s_1",
                tool=ToolName("file_write"),
                definition=Digest("1" * 64),
                arguments=Digest("2" * 64),
                labels=frozenset({Label.UNTRUSTED}),
                policy=policy,
                references=policy,
                carried=policy,
            )
            is None
        )
    with pytest.raises(Conflict, match="older version"):
        await approvals.decide("a_pending", Ruling.APPROVE, by=principal("bob"))
    denied = await approvals.decide("a_pending", Ruling.DENY, by=principal("bob"))
    assert denied.state is ApprovalState.DENIED


async def test_two_that_open_an_old_store_at_once_bring_it_up_once(path):
    stores = await asyncio.gather(*(Store.open(f"sqlite:///{path}", key=bytes(32)) for _ in range(4)))

    for store in stores:
        await store.close()
    assert rows(path)["schema_version"] == [{"version": schema.VERSION}]


async def test_two_that_make_a_store_at_once_make_one(tmp_path):
    stores = await asyncio.gather(*(Store.open(f"sqlite:///{tmp_path / 'new.db'}", key=bytes(32)) for _ in range(4)))

    for store in stores:
        await store.close()
    assert rows(tmp_path / "new.db")["schema_version"] == [{"version": schema.VERSION}]


async def test_a_step_that_breaks_leaves_the_old_version(path):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE uses (somebody TEXT)")
    database.close()
    before = rows(path)

    with pytest.raises(OperatorError):
        await Store.open(f"sqlite:///{path}", key=bytes(32))

    assert rows(path) == before


async def test_a_version_without_a_step_is_refused(path):
    with sqlite3.connect(path) as database:
        database.execute("UPDATE schema_version SET version = 0")
    database.close()

    with pytest.raises(OperatorError, match="another version"):
        await Store.open(f"sqlite:///{path}", key=bytes(32))


def test_there_is_a_step_from_every_older_version():
    assert sorted(STEPS) == list(range(1, schema.VERSION))
