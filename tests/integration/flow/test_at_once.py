"""Calls at the same time: what one of them learns or writes, another that was judged before does not get away with."""

import asyncio

import pytest

from .conftest import BOTH, UNTRUSTED, Agent, World

pytestmark = pytest.mark.anyio
ROUNDS = 5


async def settled(world: World) -> None:
    """Until whatever could go on has gone on: calls that nothing holds up have been to the server and back."""
    bystander = await world.agent()
    for _ in range(ROUNDS):
        assert await bystander.does("contacts") == "ok"


async def draft_of(agent: Agent, text: str = "hello") -> str:
    result = await agent.call("draft", {"to": "ann", "text": text})
    assert result.structured is not None
    return result.structured["id"]


async def test_nothing_is_written_where_a_call_is_carrying_from(world: World) -> None:
    writer, carrier = await world.agent(*BOTH), await world.agent()
    draft = await draft_of(carrier)
    hold = world.desk.hold("send_draft")
    carrying = asyncio.create_task(carrier.does("send_draft", {"id": draft}))
    await hold.reached.wait()

    writing = asyncio.create_task(writer.does("add_to_draft", {"id": draft, "text": "words of contacts"}))
    await settled(world)
    assert "add_to_draft" not in world.desk.calls

    hold.go_on.set()
    assert await carrying == await writing == "ok"
    assert world.desk.sent[-1] == "hello"
    world.desk.calls.clear()


async def test_what_is_being_written_is_not_carried(world: World) -> None:
    writer, carrier = await world.agent(*BOTH), await world.agent()
    draft, other = await draft_of(carrier), await draft_of(carrier)
    hold = world.desk.hold("send_draft")
    first = asyncio.create_task(carrier.does("send_draft", {"id": other}))
    await hold.reached.wait()
    writing = asyncio.create_task(writer.does("add_to_draft", {"id": draft, "text": "words of contacts"}))
    await settled(world)
    judged_clean = asyncio.create_task(carrier.does("send_draft", {"id": draft}))
    await settled(world)

    hold.go_on.set()

    assert await first == await writing == "ok"
    assert await judged_clean == "policy/ask-tainted-egress"
    assert "words of contacts" not in world.desk.sent


async def test_what_a_session_learns_while_a_call_waits_counts_for_it(world: World) -> None:
    other, agent = await world.agent(), await world.agent()
    draft, own = await draft_of(other), await draft_of(agent)
    hold = world.desk.hold("send_draft")
    carrying = asyncio.create_task(other.does("send_draft", {"id": draft}))
    await hold.reached.wait()
    waiting = asyncio.create_task(agent.does("send_draft", {"id": own}))
    await settled(world)

    await agent.call("mail", {"folder": "in"})
    await agent.call("contacts")
    hold.go_on.set()

    assert await carrying == "ok"
    assert await waiting == "policy/ask-tainted-egress"


async def test_of_the_same_call_made_many_times_at_once_the_users_word_covers_one(world: World) -> None:
    agent = await world.agent(UNTRUSTED, request="pay carl@elsewhere.example 12 euro")
    before = len(world.desk.sent)
    paying = {"to": "carl@elsewhere.example", "amount": "12"}

    became = await asyncio.gather(*(agent.does("pay", paying) for _ in range(4)))

    assert len(world.desk.sent) - before == became.count("ok") == 1
    assert set(became) <= {"ok", "flow/spent", "policy/ask-untrusted-consequence"}


async def test_where_nobody_is_asked_the_same_call_runs_as_often_as_it_is_made(world: World) -> None:
    agent = await world.agent()

    became = await asyncio.gather(*(agent.does("pay", {"to": "ann", "amount": "1"}) for _ in range(4)))

    assert became == ["ok"] * 4
