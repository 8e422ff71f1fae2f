"""HTTP with server-sent events, of 2024-11-05: found where nothing newer is there, and not trusted."""

import asyncio
import sys
from dataclasses import replace

import pytest

from holdfast.contracts import Completed, Failed, LimitName, Stopped, ToolError
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp import TransportKind, UpstreamConfig

pytestmark = pytest.mark.anyio


@pytest.fixture
async def old(house, serve, request):
    sys.path.insert(0, str(request.path.parents[2] / "hostile"))
    try:
        from sse_upstream import app
    finally:
        sys.path.pop(0)
    async with serve(app) as url:

        async def add(kind: str = "fine", transport: TransportKind = TransportKind.SSE) -> None:
            house.upstreams.add(UpstreamConfig(name="old", url=f"{url}/sse?k={kind}", transport=transport))
            await house.approve_all("old")

        yield add
        await house.upstreams.close()


@pytest.mark.parametrize("kind", ["fine", "not-found"])
async def test_a_server_that_knows_nothing_newer_is_found_by_itself(house, old, kind):
    await old(kind, TransportKind.AUTO)

    outcomes = await asyncio.gather(*(house.call("old__echo", {"text": str(n)}) for n in range(8)))

    assert [outcome.content[0].text for outcome in outcomes] == [str(n) for n in range(8)]
    assert house.upstreams.status()[0].version == "2024-11-05"


async def test_an_entry_may_say_so(house, old):
    await old("fine", TransportKind.SSE)

    assert isinstance(await house.call("old__echo", {"text": "x"}), Completed)


async def test_an_entry_may_say_that_it_is_not_so(old):
    with pytest.raises(ToolError, match="HTTP 405"):
        await old("fine", TransportKind.STREAMABLE)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("elsewhere", "not its own"),
        ("other-scheme", "not its own"),
        ("user", "not its own"),
        ("no-place", "does not begin with its endpoint"),
        ("redirect", "HTTP 307, not a stream"),
        ("html", "not a stream"),
        ("gzip", "compressed an answer unasked"),
    ],
)
async def test_a_stream_that_leads_elsewhere_is_not_opened(old, kind, why):
    with pytest.raises(ToolError, match=why):
        await old(kind)


@pytest.mark.parametrize("kind", ["foreign-id", "broken", "break-in-a-text", "ends", "flood", "not-taken"])
async def test_what_cannot_be_taken_fails_the_call_at_once_and_the_next_one_is_served(house, old, kind):
    await old(kind)

    for _ in range(2):
        outcome = await house.call("old__echo", {"text": "x"}, limits=replace(UPSTREAM, wall_ms=20_000))
        assert isinstance(outcome, Failed), outcome
        assert outcome.code in {"upstreams/protocol", "upstreams/closed"}


async def test_a_huge_event_stops_the_call(house, old):
    await old("huge")  # 20 MB

    outcome = await house.call("old__echo")

    assert isinstance(outcome, Failed | Stopped)
    if isinstance(outcome, Stopped):
        assert outcome.limit is LimitName.OUTPUT
    else:
        assert outcome.code == "upstreams/closed"
