"""Leases and uses: what runs without asking, how often, and what has been done already."""

import asyncio

import pytest
from sqlalchemy import insert, select

from holdfast.contracts import (
    CallId,
    Digest,
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    SessionId,
    TenantId,
    ToolName,
)
from holdfast.server.principals import OPERATOR
from holdfast.server.store import Leases, Store, Uses, leases, schema

pytestmark = pytest.mark.anyio

ACME = TenantId("acme")
CALL = {
    "tenant": ACME,
    "principal": "alice",
    "tool": ToolName("send"),
    "definition": Digest.of(b"definition"),
    "arguments": {"to": "bob@ours.example", "text": "hello"},
    "forbids": {"no-egress"},
}


@pytest.fixture
def desk(store, clock):
    return Leases(store, clock=clock)


@pytest.fixture
def add(desk, principal):
    async def make(by=None, **named):
        wanted = {
            "arguments": {"to": {"like": "*@ours.example"}, "*": "any"},
            "forbids": ("no-egress", "no-spending"),
            "count": 2,
            "ttl_s": 60,
        }
        lease = {name: CALL[name] for name in ("tenant", "principal", "tool", "definition")}
        return await desk.add(**(lease | wanted | named), by=by or principal("bob"))

    return make


async def test_a_lease_lifts_what_it_is_for(desk, add):
    lease = await add()

    assert (await desk.lift(**CALL)).id == lease.id
    assert (await desk.lift(**(CALL | {"forbids": {"no-egress", "no-spending"}}))).id == lease.id
    assert (await desk.get(lease.id)).used == 0


@pytest.mark.parametrize(
    "other",
    [
        {"tenant": TenantId("other")},
        {"principal": "carol"},
        {"tool": ToolName("pay")},
        {"definition": Digest.of(b"another")},
        {"arguments": {"to": "eve@theirs.example", "text": "hello"}},
        {"arguments": {"text": "hello"}},
        {"forbids": {"no-egress", "no-shell"}},
        {"forbids": set()},
    ],
    ids=["tenant", "principal", "tool", "definition", "argument", "argument missing", "forbid", "nothing"],
)
async def test_a_lease_lifts_nothing_else(desk, add, other):
    await add()

    assert await desk.lift(**(CALL | other)) is None


async def test_two_leases_do_not_add_up(desk, add):
    await add(forbids=("no-egress",))
    await add(forbids=("no-spending",))

    assert await desk.lift(**(CALL | {"forbids": {"no-egress", "no-spending"}})) is None


async def test_the_lease_that_ends_first_is_used_first(desk, add):
    await add(ttl_s=600)
    sooner = await add(ttl_s=60)

    assert (await desk.lift(**CALL)).id == sooner.id


async def test_a_lease_is_used_so_often_and_not_once_more(desk, add, clock, tmp_path):
    lease = await add(count=7)
    other = await Store.open(f"sqlite:///{tmp_path / 'holdfast.db'}", key=bytes(32))
    there = Leases(other, clock=clock)

    spent = await asyncio.gather(*(one.spend(lease.id) for _ in range(10) for one in (desk, there)))
    await other.close()

    assert spent.count(True) == 7
    assert await desk.lift(**CALL) is None
    assert (await desk.get(lease.id)).used == 7


async def test_a_lease_ends(desk, add, clock):
    lease = await add(ttl_s=60)
    clock.now += 60

    assert await desk.lift(**CALL) is None
    assert not await desk.spend(lease.id)


async def test_a_revoked_lease_lifts_nothing(desk, add):
    lease = await add()
    with pytest.raises(NotFound):
        await desk.revoke(lease.id, tenant=TenantId("other"))
    assert await desk.lift(**CALL) is not None

    revoked = await desk.revoke(lease.id, tenant=ACME)

    assert revoked.revoked_at is not None
    assert await desk.lift(**CALL) is None
    assert not await desk.spend(lease.id)
    assert await desk.revoke(lease.id) == revoked
    with pytest.raises(NotFound):
        await desk.revoke("nothing")


async def test_an_unknown_lease_is_not_spent(desk):
    assert not await desk.spend("nothing")


async def test_nobody_makes_a_lease_for_calls_of_their_own(add, principal):
    with pytest.raises(Forbidden):
        await add(by=principal("alice"))

    await add(by=principal("alice", local=True))


async def test_nobody_makes_a_lease_for_another_tenant(add, principal):
    with pytest.raises(NotFound):
        await add(by=principal("bob", tenant="other"))

    await add(by=principal("operator", tenant="other", local=True))


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 0},
        {"count": leases.MAX_COUNT + 1},
        {"ttl_s": 0},
        {"ttl_s": leases.MAX_TTL_S + 1},
        {"ttl_s": float("nan")},
        {"ttl_s": float("inf")},
        {"forbids": ()},
        {"arguments": {"*": "all"}},
        {"arguments": {"to": {"like": "a", "glob": True}}},
        {"arguments": {"to": {"like": 1}}},
    ],
)
async def test_a_lease_that_cannot_be_meant_is_refused(add, wrong):
    with pytest.raises(InvalidRequest):
        await add(**wrong)


async def test_a_tenant_has_so_many_leases_in_force(add, desk, store):
    first = await add()
    (row,) = await store.rows(select(schema.leases))
    more = [{**row, "id": str(n)} for n in range(leases.MAX_LIVE - 1)]

    async def fill(connection):
        await connection.execute(insert(schema.leases), more)

    await store.transact(fill)
    with pytest.raises(Overloaded):
        await add()
    await add(tenant=TenantId("other"), by=OPERATOR)
    await desk.revoke(first.id)
    await add()


async def test_leases_are_listed_newest_first(add, desk, clock):
    first = await add()
    clock.now += 1
    second = await add()

    assert [one.id for one in await desk.list(tenant=ACME)] == [second.id, first.id]
    assert await desk.list(tenant=TenantId("other")) == ()
    assert (await desk.list())[0].to_json()["expires_at"] == "2027-01-15T08:01:01.000Z"


async def test_a_use_is_spent_once_in_a_line_of_sessions(store, clock, tmp_path):
    uses, other = Uses(store, clock=clock), await Store.open(f"sqlite:///{tmp_path / 'holdfast.db'}", key=bytes(32))
    there = Uses(other, clock=clock)
    line, call = SessionId("s1"), Digest.of(b"call")
    assert await uses.spent(line, call) is None

    spent = await asyncio.gather(
        *(desk.spend(line, call, call_id=CallId(f"c{n}")) for n in range(5) for desk in (uses, there))
    )

    assert spent.count(True) == 1
    assert await there.spent(line, call) == await uses.spent(line, call) is not None
    assert await uses.spent(SessionId("s2"), call) is None
    assert await uses.spent(line, Digest.of(b"another")) is None
    await other.close()
