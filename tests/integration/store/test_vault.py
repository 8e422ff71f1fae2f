"""Secrets at rest: sealed to their tenant, name and version, opened by one key, and never shown."""

import asyncio
import sqlite3

import pytest

from holdfast.contracts import IntegrityError, InvalidRequest, NotFound, Secret, TenantId
from holdfast.server.store import Store, Vault, schema

pytestmark = pytest.mark.anyio

ACME, OTHER = TenantId("acme"), TenantId("other")
KEY = bytes(range(32))
VALUE = b"hunter2-hunter2"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vault.db"


@pytest.fixture
async def store(path):
    opened = await Store.open(f"sqlite:///{path}", key=bytes(32))
    yield opened
    await opened.close()


@pytest.fixture
def vault(store, clock):
    return Vault(store, key=KEY, clock=clock)


async def _value(vault, tenant, name):
    secret = await vault.value(tenant, name)
    return None if secret is None else secret.reveal()


def _altered(path, statement):
    with sqlite3.connect(path) as database:
        assert database.execute(statement).rowcount > 0
    database.close()


async def test_a_secret_is_there_for_its_tenant_under_its_name_and_for_nobody_else(vault):
    await vault.put(ACME, "github", Secret(VALUE))

    assert await _value(vault, ACME, "github") == VALUE
    assert await vault.exists(ACME, "github")
    for tenant, name in ((OTHER, "github"), (ACME, "gitlab")):
        assert await _value(vault, tenant, name) is None
        assert not await vault.exists(tenant, name)


async def test_a_new_value_stands_in_place_of_the_old_one(vault, clock):
    first = await vault.put(ACME, "github", Secret(VALUE))
    clock.now += 60
    second = await vault.put(ACME, "github", Secret(b"another-value"))

    assert await _value(vault, ACME, "github") == b"another-value"
    assert (second.created_at, second.updated_at) == (first.created_at, first.created_at + 60)
    assert [row.name for row in await vault.list(ACME)] == ["github"]


async def test_names_and_times_are_listed_and_nothing_made_of_the_value(vault):
    await vault.put(ACME, "b", Secret(VALUE))
    await vault.put(ACME, "a", Secret(VALUE))
    await vault.put(OTHER, "c", Secret(VALUE))

    listed = await vault.list(ACME)

    assert [row.name for row in listed] == ["a", "b"]
    assert set(listed[0].to_json()) == {"name", "tenant", "created_at", "updated_at"}
    assert "hunter2" not in repr(listed)


async def test_what_is_removed_is_gone_and_cannot_be_removed_again(vault):
    await vault.put(ACME, "github", Secret(VALUE))

    await vault.remove(ACME, "github")

    assert await _value(vault, ACME, "github") is None
    with pytest.raises(NotFound):
        await vault.remove(ACME, "github")


async def test_the_file_holds_no_value_in_the_clear_and_the_same_value_twice_differs(vault, store, path):
    await vault.put(ACME, "one", Secret(VALUE))
    await vault.put(ACME, "two", Secret(VALUE))
    await store.close()

    for file in path.parent.iterdir():
        assert b"hunter2" not in file.read_bytes()
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT nonce, sealed FROM secrets").fetchall()
    database.close()
    assert len({sealed for _nonce, sealed in rows}) == len({nonce for nonce, _sealed in rows}) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE secrets SET tenant = 'other' WHERE name = 'one'",
        "UPDATE secrets SET name = 'three' WHERE name = 'one'",
        "UPDATE secrets SET version = version + 1 WHERE name = 'one'",
        "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'two') WHERE name = 'one'",
        "UPDATE secrets SET sealed = x'00' WHERE name = 'one'",
        "UPDATE secrets SET sealed = zeroblob(length(sealed)) WHERE name = 'one'",
        "UPDATE secrets SET nonce = x'' WHERE name = 'one'",
        "UPDATE secrets SET nonce = zeroblob(12) WHERE name = 'one'",
    ],
)
async def test_a_row_that_was_changed_or_moved_does_not_open(vault, store, path, statement):
    await vault.put(ACME, "one", Secret(VALUE))
    await vault.put(ACME, "two", Secret(b"another-value"))
    _altered(path, statement)

    tenant, name = next(
        (TenantId(row["tenant"]), row["name"]) for row in await store.rows(_everything()) if row["name"] != "two"
    )
    with pytest.raises(IntegrityError, match=f"`{name}` does not open") as refused:
        await vault.value(tenant, name)
    assert "hunter2" not in refused.value.message
    assert await _value(vault, ACME, "two") == b"another-value"


def _everything():
    return schema.secrets.select()


async def test_an_older_row_put_back_under_a_newer_version_does_not_open(vault, store, path):
    await vault.put(ACME, "one", Secret(VALUE))
    (before,) = await store.rows(_everything())
    await vault.put(ACME, "one", Secret(b"another-value"))
    nonce, sealed = before["nonce"].hex(), before["sealed"].hex()
    _altered(path, f"UPDATE secrets SET nonce = x'{nonce}', sealed = x'{sealed}' WHERE name = 'one'")

    with pytest.raises(IntegrityError):
        await vault.value(ACME, "one")


async def test_another_key_opens_nothing_and_a_new_value_mends_it(vault, store, clock):
    await vault.put(ACME, "one", Secret(VALUE))
    other = Vault(store, key=bytes(32), clock=clock)

    with pytest.raises(IntegrityError, match="the key of this data directory"):
        await other.value(ACME, "one")

    await other.put(ACME, "one", Secret(b"another-value"))
    assert await _value(other, ACME, "one") == b"another-value"


async def test_of_two_that_are_set_at_once_one_stands_whole(vault):
    values = [f"value-number-{number}".encode() for number in range(8)]

    await asyncio.gather(*(vault.put(ACME, "one", Secret(value)) for value in values))

    assert await _value(vault, ACME, "one") in values


async def test_a_name_or_value_that_will_not_do_is_not_kept(vault):
    with pytest.raises(InvalidRequest):
        await vault.put(ACME, "Not A Name", Secret(VALUE))
    with pytest.raises(InvalidRequest):
        await vault.put(ACME, "short", Secret(b"1"))
    assert await vault.list(ACME) == ()
