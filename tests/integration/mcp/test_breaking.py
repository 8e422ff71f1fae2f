"""A server that does not answer is left alone for a while, tried once, and then called again. The others never wait."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.contracts import Completed, Failed, Stopped
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp import BreakerState, UpstreamConfig

pytestmark = pytest.mark.anyio

COUNTER = (sys.executable, str(Path(__file__).with_name("stdio_counter.py")))
QUICK = replace(UPSTREAM, wall_ms=200)


async def silent(house, times):
    return [await house.call("slow__count", {"silent": True}, limits=QUICK) for _ in range(times)]


@pytest.fixture
async def slow(house):
    house.upstreams.add(UpstreamConfig(name="slow", command=COUNTER, limits=QUICK))
    house.upstreams.add(UpstreamConfig(name="well", command=COUNTER))
    await house.approve_all("slow")
    await house.approve_all("well")
    return next(iter(house.upstreams.connection("slow")._lines.values())).breaker


async def test_a_server_that_leaves_calls_unanswered_is_called_no_more_for_a_while(house, slow):
    outcomes = await silent(house, 5)

    refused = await house.call("slow__count", {"silent": True}, limits=QUICK)

    assert all(isinstance(one, Stopped) for one in outcomes)
    assert house.upstreams.status()[0].breaker is BreakerState.OPEN
    assert isinstance(refused, Failed)
    assert "5 times in a row; it is tried again in" in refused.message
    assert isinstance(await house.call("well__count"), Completed)
    assert house.upstreams.status()[1].breaker is BreakerState.CLOSED


async def test_when_it_is_time_one_probe_without_effect_decides_and_then_calls_are_made(house, slow):
    await silent(house, 5)
    slow._not_before = 0.0
    half = house.upstreams.status()[0].breaker

    outcome = await house.call("slow__count")

    assert half is BreakerState.HALF_OPEN
    assert isinstance(outcome, Completed)
    assert outcome.content[0].text.split()[1] == "6"
    assert house.upstreams.status()[0].breaker is BreakerState.CLOSED


async def test_while_it_is_tried_nobody_else_calls_it(house, slow):
    await silent(house, 5)
    slow._not_before = 0.0
    both = await asyncio.gather(house.call("slow__count"), house.call("slow__count"))

    assert sorted(type(one).__name__ for one in both) == ["Completed", "Failed"]


async def test_the_hurry_of_a_caller_says_nothing_about_the_server(house, slow):
    for _ in range(8):
        assert isinstance(
            await house.call("slow__count", {"silent": True}, limits=replace(UPSTREAM, wall_ms=50)), Stopped
        )

    assert house.upstreams.status()[0].breaker is BreakerState.CLOSED


async def test_a_server_that_ends_in_the_middle_of_a_call_is_started_anew_and_the_call_is_not_repeated(house, slow):
    died = await house.call("well__count", {"end": True})
    after = await house.call("well__count")

    assert isinstance(died, Failed)
    assert died.code == "upstreams/closed"
    assert isinstance(after, Completed)
    assert after.content[0].text.split()[1] == "1"
    assert len(house.starter.started) == 3  # two to begin with, and one for the call after
