"""What a tool keeps is its own and its tenant's, within a quota, and brings back the labels it was kept with."""

import asyncio
from dataclasses import replace

import pytest

from holdfast.contracts import Grants, KvLimits, Label, Refusal, TenantId, ToolName
from holdfast.server.store import Kept

from .conftest import b64

pytestmark = pytest.mark.anyio

KV = Grants(kv=True)
PRIVATE, UNTRUSTED = Label.PRIVATE, Label.UNTRUSTED
ACME, TOOL = TenantId("acme"), ToolName("quota")


async def test_what_is_kept_is_there_in_the_next_call_until_it_is_deleted(world):
    name = world.tool_name()
    guest = await world.guest(KV, name=name)

    assert await guest.gets("kv", op="get", key="a") == {"value": None}
    await guest.gets("kv", op="set", key="a", value=b64(b"\0one"))
    await guest.gets("kv", op="set", key="a/*", value=b64(b"two"))

    later = await world.guest(KV, name=name)
    assert await later.gets("kv", op="get", key="a") == {"value": b64(b"\0one")}
    assert await later.gets("kv", op="list", key="") == {"keys": ["a", "a/*"]}
    assert await later.gets("kv", op="list", key="a/") == {"keys": ["a/*"]}
    await later.gets("kv", op="delete", key="a")
    assert await later.gets("kv", op="list", key="") == {"keys": ["a/*"]}


async def test_neither_another_tool_nor_another_tenant_finds_it(world):
    name = world.tool_name()
    await (await world.guest(KV, name=name)).gets("kv", op="set", key="a", value=b64(b"mine"))

    for guest in (
        await world.guest(KV, name=world.tool_name()),
        await world.guest(KV, name=name, session=await world.session(tenant="rival")),
    ):
        assert await guest.gets("kv", op="get", key="a") == {"value": None}
        assert await guest.gets("kv", op="list", key="") == {"keys": []}
        await guest.gets("kv", op="delete", key="a")

    assert await (await world.guest(KV, name=name)).gets("kv", op="get", key="a") == {"value": b64(b"mine")}


async def test_a_mebibyte_is_kept_and_no_more(world):
    guest = await world.guest(KV, name=world.tool_name())
    half = b64(bytes(500_000))

    await guest.gets("kv", op="set", key="a", value=half)
    await guest.gets("kv", op="set", key="b", value=half)
    assert await guest.refused("kv", op="set", key="c", value=half) == "kv/quota"

    await guest.gets("kv", op="set", key="a", value=half)  # in the place of what was there, it fits
    await guest.gets("kv", op="delete", key="a")
    await guest.gets("kv", op="set", key="c", value=half)


async def test_keys_are_counted_also_when_they_come_at_once(world):
    kept = Kept(world.house.state.store, limits=KvLimits(keys=10))

    async def put(number: int) -> bool:
        try:
            await kept.put(ACME, TOOL, f"k{number}", b"")
        except Refusal:
            return False
        return True

    done = await asyncio.gather(*(put(number) for number in range(30)))

    assert sum(done) == 10
    assert len(await kept.keys(ACME, TOOL, "")) == 10


async def test_a_tool_that_is_gone_leaves_nothing_for_the_next_of_its_name(world):
    name = world.tool_name()
    await (await world.guest(KV, name=name)).gets("kv", op="set", key="a", value=b64(b"old"))

    await world.house.state.kept.forget(ToolName(name))

    assert await (await world.guest(KV, name=name)).gets("kv", op="get", key="a") == {"value": None}


@pytest.mark.parametrize(("op", "key"), [("get", "a"), ("list", "")])
async def test_labels_go_in_with_what_is_kept_and_come_out_with_it(world, op, key):
    name = world.tool_name()
    writer = await world.guest(KV, name=name, session=await world.session(PRIVATE))
    await writer.gets("kv", op="set", key="a", value=b64(b"secret plan"))
    reader = await world.session()

    await (await world.guest(KV, name=name, session=reader)).gets("kv", op=op, key=key)

    assert await world.labels(reader) == {PRIVATE}


async def test_another_key_brings_no_labels(world):
    name = world.tool_name()
    writer = await world.guest(KV, name=name, session=await world.session(PRIVATE))
    await writer.gets("kv", op="set", key="a", value=b64(b"x"))
    reader = await world.session()

    await (await world.guest(KV, name=name, session=reader)).gets("kv", op="get", key="a*")

    assert await world.labels(reader) == frozenset()


async def test_what_was_kept_with_labels_does_not_leave_in_the_same_call(world):
    name = world.tool_name()
    grants = replace(KV, http=(world.far.grant(),))
    writer = await world.guest(KV, name=name, session=await world.session(PRIVATE))
    await writer.gets("kv", op="set", key="a", value=b64(b"x"))
    guest = await world.guest(grants, name=name, session=await world.session())

    assert (await guest.http(world.far.url())).ok
    await guest.gets("kv", op="get", key="a")

    assert (await guest.http(world.far.url())).code == "flow/labels-grown"
