"""An HTTP server may do what it likes: its call ends, with a reason of ours, and the connection serves the next one."""

import sys
from dataclasses import replace

import pytest

from holdfast.contracts import Completed, Failed, LimitName, Stopped, Text
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp import UpstreamConfig
from holdfast.sandbox.mcp.wire.resuming import MAX_RESUMES

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hostile(house, serve, request):
    sys.path.insert(0, str(request.path.parents[2] / "hostile"))
    try:
        from http_upstream import app
    finally:
        sys.path.pop(0)
    async with serve(app) as url:

        async def add(kind: str) -> None:
            house.upstreams.add(UpstreamConfig(name="evil", url=f"{url}/mcp?k={kind}"))
            await house.approve_all()

        yield add
        await house.upstreams.close()


async def test_a_well_behaved_server_is_called(house, hostile):
    await hostile("fine")

    outcome = await house.call("evil__echo", {"text": "hello"})

    assert isinstance(outcome, Completed)
    assert outcome.content == (Text(text="hello"),)
    assert outcome.isolation == ("mcp",)


async def test_an_answer_in_a_stream_is_read_and_notices_before_it_are_dropped(house, hostile):
    await hostile("event")

    outcome = await house.call("evil__echo", {"text": "hello"})

    assert isinstance(outcome, Completed)
    assert outcome.content == (Text(text="hello"),)


@pytest.mark.parametrize(
    "kind", ["foreign-id", "id-as-text", "foreign-event", "twice-the-key", "html", "gzip", "cut-stream", "redirect"]
)
async def test_what_cannot_be_taken_fails_the_call_at_once_and_the_next_one_is_served(house, hostile, kind):
    await hostile(kind)

    first = await house.call("evil__echo")
    second = await house.call("evil__echo")

    for outcome in (first, second):
        assert isinstance(outcome, Failed), outcome
        assert outcome.code.startswith("upstreams/")
        assert outcome.usage.wall_ms < UPSTREAM.wall_ms / 2


@pytest.mark.parametrize("kind", ["huge", "huge-event"])
async def test_sixty_megabytes_stop_the_call(house, hostile, kind):
    await hostile(kind)

    outcome = await house.call("evil__echo")

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT


async def test_a_compressed_answer_is_refused_unread(house, hostile):
    await hostile("gzip")

    outcome = await house.call("evil__echo")

    assert isinstance(outcome, Failed)
    assert outcome.message == "the server compressed an answer unasked"


async def test_an_error_to_nobody_is_taken_for_the_answer_to_the_request_it_came_for(house, hostile):
    await hostile("nobody")

    outcome = await house.call("evil__echo")

    assert isinstance(outcome, Failed)
    assert outcome.detail == "who?"


async def test_a_forgotten_session_is_opened_anew_for_the_next_call(house, hostile):
    await hostile("forgets")

    first = await house.call("evil__echo")
    second = await house.call("evil__echo")

    assert isinstance(first, Failed)
    assert first.code == "upstreams/closed"
    assert isinstance(second, Failed)
    assert second.code == "upstreams/closed"


async def test_a_server_that_is_not_there_is_unreachable(house, hostile):
    await hostile("fine")
    spec = house.spec("evil__echo")
    await house.upstreams.remove("evil")
    house.upstreams.add(UpstreamConfig(name="evil", url="http://127.0.0.1:9/mcp"))

    outcome = await house.call("evil__echo", spec=spec, limits=replace(UPSTREAM, wall_ms=5_000))

    assert isinstance(outcome, Failed)
    assert outcome.code == "upstreams/unreachable"


@pytest.fixture
def asked():
    """Where the server was asked to go on from, each time."""
    import http_upstream

    http_upstream.ASKED.clear()
    return http_upstream.ASKED


async def test_a_stream_that_ends_before_its_answer_is_taken_up_where_its_server_said(house, hostile, asked):
    await hostile("polls")

    outcome = await house.call("evil__echo", {"text": "hello"})

    assert isinstance(outcome, Completed)
    assert outcome.content == (Text(text="hello"),)
    assert asked == ["place-1", "place-1"]


async def test_a_stream_that_is_taken_up_may_not_answer_another_request(house, hostile, asked):
    await hostile("polls-elsewhere")

    outcome = await house.call("evil__echo")

    assert isinstance(outcome, Failed)
    assert outcome.code == "upstreams/protocol"


async def test_a_stream_that_never_answers_is_taken_up_so_often_and_no_more(house, hostile, asked):
    await hostile("polls-forever")

    outcome = await house.call("evil__echo")

    assert isinstance(outcome, Failed)
    assert outcome.code == "upstreams/closed"
    assert len(asked) == MAX_RESUMES
