"""An HTTP server may do what it likes: its call ends, with a reason of ours, and the connection serves the next one."""

import sys
from dataclasses import replace

import pytest

from holdfast.contracts import Completed, Failed, LimitName, Stopped, Text
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp import UpstreamConfig
from holdfast.sandbox.mcp.wire.resuming import MAX_RESUMES

pytestmark = pytest.mark.anyio

HANDSHAKE, MODERN = "", "&e=modern"
SAID = frozenset(
    {"host", "accept", "accept-encoding", "content-type", "content-length", "user-agent", "connection"}
    | {"mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name"}
)
both_eras = pytest.mark.parametrize("era", [HANDSHAKE, MODERN], ids=["handshake", "modern"])


@pytest.fixture
async def hostile(house, serve, request):
    sys.path.insert(0, str(request.path.parents[2] / "hostile"))
    try:
        from http_upstream import app
    finally:
        sys.path.pop(0)
    async with serve(app) as url:

        async def add(kind: str, era: str = HANDSHAKE) -> None:
            house.upstreams.add(UpstreamConfig(name="evil", url=f"{url}/mcp?k={kind}{era}"))
            await house.approve_all()

        yield add
        await house.upstreams.close()


@both_eras
async def test_a_well_behaved_server_is_called(house, hostile, era):
    await hostile("fine", era)

    outcome = await house.call("evil__echo", {"text": "hello"})

    assert isinstance(outcome, Completed)
    assert outcome.content == (Text(text="hello"),)
    assert outcome.isolation == ("mcp",)


@both_eras
async def test_an_answer_in_a_stream_is_read_and_notices_before_it_are_dropped(house, hostile, era):
    await hostile("event", era)

    outcome = await house.call("evil__echo", {"text": "hello"})

    assert isinstance(outcome, Completed)
    assert outcome.content == (Text(text="hello"),)


@both_eras
@pytest.mark.parametrize(
    "kind", ["foreign-id", "id-as-text", "foreign-event", "twice-the-key", "html", "gzip", "cut-stream", "redirect"]
)
async def test_what_cannot_be_taken_fails_the_call_at_once_and_the_next_one_is_served(house, hostile, kind, era):
    await hostile(kind, era)

    first = await house.call("evil__echo")
    second = await house.call("evil__echo")

    for outcome in (first, second):
        assert isinstance(outcome, Failed), outcome
        assert outcome.code.startswith("upstreams/")
        assert outcome.usage.wall_ms < UPSTREAM.wall_ms / 2


@both_eras
@pytest.mark.parametrize("kind", ["huge", "huge-event"])
async def test_sixty_megabytes_stop_the_call(house, hostile, kind, era):
    await hostile(kind, era)

    outcome = await house.call("evil__echo")

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT


@both_eras
async def test_a_compressed_answer_is_refused_unread(house, hostile, era):
    await hostile("gzip", era)

    outcome = await house.call("evil__echo")

    assert isinstance(outcome, Failed)
    assert outcome.message == "the server compressed an answer unasked"


@both_eras
async def test_an_error_to_nobody_is_taken_for_the_answer_to_the_request_it_came_for(house, hostile, era):
    await hostile("nobody", era)

    outcome = await house.call("evil__echo")

    assert isinstance(outcome, Failed)
    assert outcome.detail == "who?"


@both_eras
async def test_a_call_is_followed_to_another_path_of_its_own_server(house, hostile, era):
    await hostile("moved", era)

    first = await house.call("evil__echo", {"text": "one"})
    second = await house.call("evil__echo", {"text": "two"})

    assert [one.content for one in (first, second)] == [(Text(text="one"),), (Text(text="two"),)]


@both_eras
async def test_a_server_learns_nothing_but_what_the_protocol_says_and_gets_no_cookie_back(house, hostile, era, heard):
    await hostile("cookie", era)

    await house.call("evil__echo", {"text": "one"})
    await house.call("evil__echo", {"text": "two"})

    calls = [said for method, said in heard if method == "tools/call"]
    assert len(calls) == 2
    for said in calls:
        assert set(said) <= SAID, set(said) - SAID
        assert (said["accept-encoding"], said["user-agent"]) == ("identity", "holdfast")


async def test_a_modern_call_says_outside_its_body_what_it_is(house, hostile, heard):
    await hostile("fine", MODERN)

    await house.call("evil__echo", {"text": "one"})

    method, said = heard[-1]
    assert method == said["mcp-method"] == "tools/call"
    assert said["mcp-name"] == "echo"
    assert said["mcp-protocol-version"] == "2026-07-28"


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
def heard():
    """What the server was asked, in order."""
    import http_upstream

    http_upstream.HEARD.clear()
    return http_upstream.HEARD


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
