"""One tenant has a share of the places at an upstream, never all of them."""

import asyncio

import pytest

from holdfast.sandbox.mcp.places import Places, share_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("places", "share"), [(1, 1), (2, 1), (3, 2), (4, 3), (16, 12), (1024, 768)])
def test_a_tenant_may_hold_all_but_a_quarter_and_one_is_left_where_there_are_more(places, share):
    assert share_of(places) == share


async def test_who_holds_its_share_waits_and_others_find_a_place():
    places = Places(4)
    held = [places.slot("a") for _ in range(3)]
    for slot in held:
        await slot.take()
    fourth = asyncio.create_task(places.slot("a").take())
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await places.slot("b").take()

    assert not fourth.done()
    held[0].give()
    async with asyncio.timeout(10):
        await fourth


async def test_who_gives_up_waiting_for_a_place_keeps_nothing_of_its_share():
    places = Places(2)
    first, second = places.slot("a"), places.slot("b")
    await first.take()
    await second.take()
    third = places.slot("c")
    waiting = asyncio.create_task(third.take())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    first.give()

    async with asyncio.timeout(10):
        await third.take()
