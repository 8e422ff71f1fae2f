"""Tokens for upstreams at rest: sealed to their tenant, upstream and version, and forgotten with their upstream."""

import sqlite3

import pytest

from holdfast.contracts import IntegrityError, Secret, TenantId
from holdfast.server.store import Store, UpstreamTokens

pytestmark = pytest.mark.anyio

ACME, OTHER = TenantId("acme"), TenantId("other")
STATE = b'{"tokens": {"access_token": "%s"}}' % b"-".join((b"t0ken", b"t0ken"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.db"


@pytest.fixture
async def store(path):
    opened = await Store.open(f"sqlite:///{path}", key=bytes(32))
    yield opened
    await opened.close()


@pytest.fixture
def tokens(store):
    return UpstreamTokens(store, key=bytes(range(32)))


async def loaded(tokens, tenant, upstream):
    state = await tokens.load(tenant, upstream)
    return None if state is None else state.reveal()


async def test_a_state_is_there_for_its_tenant_and_upstream_until_the_next_and_for_nobody_else(tokens):
    await tokens.keep(ACME, "web", Secret(b"first"))
    await tokens.keep(ACME, "web", Secret(STATE))

    assert await loaded(tokens, ACME, "web") == STATE
    assert await loaded(tokens, OTHER, "web") is None
    assert await loaded(tokens, ACME, "other") is None


async def test_an_upstream_is_forgotten_for_every_tenant(tokens):
    for tenant in (ACME, OTHER):
        await tokens.keep(tenant, "web", Secret(STATE))
    await tokens.keep(ACME, "other", Secret(STATE))

    await tokens.forget("web")

    assert [await loaded(tokens, tenant, "web") for tenant in (ACME, OTHER)] == [None, None]
    assert await loaded(tokens, ACME, "other") == STATE


async def test_nothing_of_it_is_in_the_file(tokens, store, path):
    await tokens.keep(ACME, "web", Secret(STATE))
    await store.close()

    files = [one.read_bytes() for one in path.parent.iterdir()]
    assert files
    assert not any(b"t0ken" in one for one in files)


@pytest.mark.parametrize(
    ("change", "tenant", "upstream"),
    [("tenant = 'other'", OTHER, "web"), ("upstream = 'another'", ACME, "another"), ("version = 7", ACME, "web")],
)
async def test_a_row_that_was_moved_does_not_open(tokens, path, change, tenant, upstream):
    await tokens.keep(ACME, "web", Secret(STATE))
    with sqlite3.connect(path) as database:
        assert database.execute(f"UPDATE upstream_tokens SET {change}").rowcount == 1
    database.close()

    with pytest.raises(IntegrityError, match="do not open"):
        await tokens.load(tenant, upstream)
