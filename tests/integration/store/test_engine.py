"""Opening a database: what is ours, what is not, and what a cancelled caller leaves behind."""

import asyncio
import sqlite3
import stat

import pytest
from sqlalchemy import insert, select, text

from holdfast.contracts import OperatorError
from holdfast.server.store import Store, schema
from holdfast.server.store.glances import Glances

pytestmark = pytest.mark.anyio


async def test_a_store_opens_again_with_what_was_in_it(tmp_path):
    url = f"sqlite:///{tmp_path / 'h.db'}"
    first = await Store.open(url, key=bytes(32))
    await first.change(insert(schema.upstreams).values(name="a", entry="{}", added_by="me", added_at=1.0))
    await first.close()

    second = await Store.open(url, key=bytes(32))
    assert [row["name"] for row in await second.rows(select(schema.upstreams))] == ["a"]
    await second.close()


async def test_a_store_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "h.db"
    await (await Store.open(f"sqlite:///{path}", key=bytes(32))).close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE schema_version SET version = version + 1")
    database.close()

    with pytest.raises(OperatorError, match="another version"):
        await Store.open(f"sqlite:///{path}", key=bytes(32))


async def test_a_database_of_something_else_is_refused(tmp_path):
    path = tmp_path / "h.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE somebody (id INTEGER)")
    database.close()

    with pytest.raises(OperatorError, match="something else"):
        await Store.open(f"sqlite:///{path}", key=bytes(32))


async def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "h.db"
    path.write_bytes(b"this is no database, but it is long enough to be looked at" * 100)

    with pytest.raises(OperatorError, match="not a database"):
        await Store.open(f"sqlite:///{path}", key=bytes(32))


async def test_only_its_owner_can_read_the_file(tmp_path):
    path = tmp_path / "h.db"
    path.touch(mode=0o666)
    path.chmod(0o666)

    store = await Store.open(f"sqlite:///{path}", key=bytes(32))

    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    await store.close()


async def test_a_link_in_its_place_is_not_followed(tmp_path):
    (tmp_path / "h.db").symlink_to(tmp_path / "elsewhere.db")

    with pytest.raises(OperatorError, match="cannot be opened"):
        await Store.open(f"sqlite:///{tmp_path / 'h.db'}", key=bytes(32))

    assert not (tmp_path / "elsewhere.db").exists()


@pytest.mark.parametrize("url", ["postgresql://h/d", "mysql://h/d", "sqlite:///x.db?mode=ro", "nonsense"])
async def test_a_url_that_cannot_be_honoured_is_refused(url):
    with pytest.raises(OperatorError, match="store `url`"):
        await Store.open(url, key=bytes(32))


async def test_commits_survive_a_power_cut(store):
    """WAL with `synchronous = FULL`; less could un-spend an approval."""
    assert (await store.rows(text("PRAGMA journal_mode")))[0]["journal_mode"] == "wal"
    assert (await store.rows(text("PRAGMA synchronous")))[0]["synchronous"] == 2


async def test_a_transaction_outlives_the_task_that_asked_for_it(store):
    """A client that leaves must not leave a connection in the middle of something."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work(connection):
        begun.set()
        await go_on.wait()
        await connection.execute(insert(schema.upstreams).values(name="a", entry="{}", added_by="me", added_at=1.0))

    task = asyncio.create_task(store.transact(work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()

    assert [row["name"] for row in await store.rows(select(schema.upstreams))] == ["a"]


async def test_a_transaction_that_raises_leaves_nothing(store):
    async def work(connection):
        await connection.execute(insert(schema.upstreams).values(name="a", entry="{}", added_by="me", added_at=1.0))
        raise LookupError

    with pytest.raises(LookupError):
        await store.transact(work)

    assert not await store.rows(select(schema.upstreams))


async def test_an_error_of_the_database_does_not_quote_values(store):
    row = insert(schema.upstreams).values(name="a", entry="hunter2", added_by="me", added_at=1.0)
    await store.change(row)

    with pytest.raises(Exception, match="UNIQUE") as caught:
        await store.change(row)

    assert "hunter2" not in str(caught.value)


async def test_a_store_in_memory_works_too():
    store = await Store.open("sqlite://", key=bytes(32))
    assert await store.rows(select(schema.schema_version))
    await store.close()


async def test_a_glance_sees_what_is_committed_and_can_change_nothing(store):
    row = insert(schema.upstreams).values(name="a", entry="{}", added_by="me", added_at=1.0)
    assert not await store.glance(select(schema.upstreams))
    await store.change(row)

    assert [row["name"] for row in await store.glance(select(schema.upstreams))] == ["a"]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._glances.rows(insert(schema.upstreams).values(name="b", entry="{}", added_by="me", added_at=1.0))


async def test_a_glance_that_cannot_be_had_becomes_an_ordinary_read(store, tmp_path):
    store._glances = Glances(str(tmp_path / "no" / "folder.db"), ())

    assert await store.glance(select(schema.schema_version))


async def test_a_store_in_memory_is_glanced_at_like_any():
    store = await Store.open("sqlite://", key=bytes(32))
    assert await store.glance(select(schema.schema_version))
    await store.close()
