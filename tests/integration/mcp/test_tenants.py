"""Calls of one tenant never reach the child, or the session, of another."""

import asyncio
import contextlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.contracts import Completed, Failed, Stopped
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp import UpstreamConfig
from holdfast.sandbox.mcp.config import Era

from .asking_server import __file__ as ASKING  # noqa: N812 -- as COUNTER

pytestmark = pytest.mark.anyio

COUNTER = str(Path(__file__).with_name("stdio_counter.py"))


@pytest.fixture
async def counter(house):
    async def add(**more):
        house.upstreams.add(UpstreamConfig(name="counter", command=(sys.executable, COUNTER), **more))
        await house.approve_all("counter")

    return add


async def counted(house, tenant, **arguments):
    outcome = await house.call("counter__count", arguments, tenant=tenant)
    assert isinstance(outcome, Completed), outcome
    pid, calls = outcome.content[0].text.split()
    return int(pid), int(calls)


async def test_each_tenant_has_a_child_of_its_own(house, counter):
    await counter()

    first, second, third = [await counted(house, tenant) for tenant in ("a", "b", "a")]

    assert first[0] == third[0] != second[0]
    assert (first[1], second[1], third[1]) == (1, 1, 2)
    assert house.upstreams.status()[0].tenants == 2


async def test_what_was_started_to_look_becomes_the_child_of_who_calls_first(house, counter):
    await counter()

    await counted(house, "a")
    await house.upstreams.refresh("counter")

    assert len(house.starter.started) == 1


async def test_tenants_that_begin_at_once_share_nothing(house, counter):
    await counter()

    found = await asyncio.gather(*(counted(house, tenant) for tenant in "abcdef" for _ in range(3)))

    assert len({pid for pid, _calls in found}) == 6
    assert sorted(calls for _pid, calls in found) == [1] * 6 + [2] * 6 + [3] * 6


async def test_one_tenant_too_many_takes_the_place_of_the_one_that_called_longest_ago(house, counter):
    await counter(max_tenants=2)
    await counted(house, "a")
    kept, _ = await counted(house, "b")
    await counted(house, "c")

    assert house.upstreams.status()[0].tenants == 2
    assert await counted(house, "b") == (kept, 2)
    assert (await counted(house, "a"))[1] == 1


async def test_a_tenant_whose_call_is_under_way_is_not_put_out(house, counter):
    await counter(max_tenants=1)
    under_way = asyncio.create_task(house.call("counter__count", {"silent": True}, tenant="a"))
    while house.upstreams.connection("counter")._calls["a"] == 0:  # noqa: ASYNC110 -- it has no event of its own
        await asyncio.sleep(0)

    refused = await house.call("counter__count", tenant="b")

    assert isinstance(refused, Failed)
    assert "other tenants are under way" in refused.message
    under_way.cancel()
    await asyncio.wait({under_way})
    assert (await counted(house, "b"))[1] == 1


async def test_a_tenant_that_does_not_call_any_more_loses_its_child_and_the_last_one_stays(house, counter):
    await counter(idle_ms=50)
    await counted(house, "a")
    await counted(house, "b")
    gone = house.starter.started[1].process

    async with asyncio.timeout(20):
        await gone.wait()

    assert house.starter.started[0].process.returncode is None
    assert (await counted(house, "b"))[1] == 1


async def test_the_failures_of_one_tenant_do_not_stop_another(house, counter):
    await counter()
    await counted(house, "b")
    for _ in range(6):
        await house.call("counter__count", {"end": True}, tenant="a", limits=replace(UPSTREAM, wall_ms=20_000))

    assert house.upstreams.status()[0].breaker.value != "closed"
    assert (await counted(house, "b"))[1] == 2


class Sessions:
    """An MCP server of the handshake era over HTTP: what a session has counted is its own."""

    def __init__(self):
        self.calls = {}
        self.forgotten = set()
        self.ran = 0

    async def answer(self, request):
        if request.method != "POST":
            return Response(status_code=405)
        body = await request.json()
        if body.get("id") is None:
            return Response(status_code=202)
        answer = {"jsonrpc": "2.0", "id": body["id"]}
        session = request.headers.get("mcp-session-id")
        if session in self.forgotten:
            return Response(status_code=404)
        match body["method"]:
            case "initialize":
                session = f"s{len(self.calls)}"
                self.calls[session] = 0
                answer["result"] = {
                    "protocolVersion": "2025-11-25",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "sessions", "version": "1"},
                }
            case "tools/list":
                answer["result"] = {"tools": [{"name": "count", "inputSchema": {"type": "object"}}]}
            case "tools/call":
                self.ran += 1
                self.calls[session] += 1
                answer["result"] = {"content": [{"type": "text", "text": f"{session} {self.calls[session]}"}]}
            case _:
                answer["error"] = {"code": -32601, "message": "unknown"}
        return JSONResponse(answer, headers={"mcp-session-id": session} if session else {})


async def test_each_tenant_has_a_session_of_its_own_and_a_forgotten_one_is_opened_anew(house, serve):
    server = Sessions()
    async with serve(Starlette(routes=[Route("/mcp", server.answer, methods=["GET", "POST", "DELETE"])])) as url:
        house.upstreams.add(UpstreamConfig(name="web", url=f"{url}/mcp"))
        await house.approve_all("web")

        said = [(await house.call("web__count", tenant=tenant)).content[0].text for tenant in ("a", "b", "a")]
        server.forgotten = set(server.calls)
        again = await house.call("web__count", tenant="a")
        await house.upstreams.close()

    assert said == ["s0 1", "s1 1", "s0 2"]
    assert again.content[0].text == "s2 1"
    assert server.ran == 4


async def test_tenants_share_a_modern_server_that_is_given_no_credential_of_theirs(house, mcp_http, small_service):
    async with mcp_http(small_service()) as (_endpoint, url):
        house.upstreams.add(UpstreamConfig(name="ours", url=url, headers=(("Authorization", "Bearer alice"),)))
        await house.approve_all("ours")

        for tenant in ("a", "b", "c"):
            assert isinstance(await house.call("ours__echo", {"text": "hi"}, tenant=tenant), Completed)

        assert house.upstreams.status()[0].tenants == 1
        await house.upstreams.close()


QUICK = replace(UPSTREAM, wall_ms=200)


@contextlib.asynccontextmanager
async def shared(house, mcp_http, service):
    async with mcp_http(service) as (_endpoint, url):
        token = (("Authorization", "Bearer alice"),)
        house.upstreams.add(UpstreamConfig(name="ours", url=url, headers=token, limits=QUICK))
        await house.approve_all("ours")
        yield
        await house.upstreams.close()


async def silence(house, tenant):
    return await house.call("ours__wait", tenant=tenant, limits=QUICK)


async def test_calls_of_one_tenant_that_get_no_answer_close_a_shared_server_to_that_tenant_alone(
    house, mcp_http, small_service
):
    async with shared(house, mcp_http, small_service()):
        silent = [await silence(house, "a") for _ in range(5)]
        status = house.upstreams.status()[0]
        refused = await house.call("ours__echo", {"text": "hi"}, tenant="a")
        other = await house.call("ours__echo", {"text": "hi"}, tenant="b")
        again = await house.call("ours__echo", {"text": "hi"}, tenant="a")

    assert all(isinstance(one, Stopped) for one in silent)
    assert (status.breaker.value, status.tenants) == ("open", 1)
    assert isinstance(refused, Failed)
    assert "5 times in a row" in refused.message
    assert isinstance(other, Completed)
    assert isinstance(again, Failed)  # an answer to another tenant says nothing of theirs


async def test_a_tenant_whose_calls_got_no_answer_is_back_on_a_shared_server_after_one_probe(
    house, mcp_http, small_service
):
    async with shared(house, mcp_http, small_service()):
        for _ in range(5):
            await silence(house, "a")
        next(iter(house.upstreams.connection("ours")._lines.values()))._silences["a"]._not_before = 0.0

        outcome = await house.call("ours__echo", {"text": "hi"}, tenant="a")

        assert isinstance(outcome, Completed)
        assert house.upstreams.status()[0].breaker.value == "closed"


async def test_calls_of_one_tenant_that_get_no_answer_leave_places_for_others(house, counter):
    await counter(max_in_flight=2)
    under_way = [asyncio.create_task(house.call("counter__count", {"silent": True}, tenant="a")) for _ in range(3)]
    while house.upstreams.connection("counter")._calls["a"] == 0:  # noqa: ASYNC110 -- it has no event of its own
        await asyncio.sleep(0)

    assert (await counted(house, "b"))[1] == 1
    for call in under_way:
        call.cancel()
    await asyncio.wait(under_way)


def watched_of(house, name):
    lines = house.upstreams.connection(name)._lines
    return {owner: line.latest._watched for owner, line in lines.items()}


async def test_a_resource_is_watched_over_the_connection_of_the_tenant_that_watches_it_alone(house):
    house.upstreams.add(UpstreamConfig(name="notes", command=(sys.executable, ASKING), era=Era.HANDSHAKE))
    await house.approve_all("notes")
    house.upstreams.watch("a", frozenset({"notes+memo://one"}))
    looked = watched_of(house, "notes")
    for tenant in ("a", "b"):
        assert isinstance(await house.call("notes__plain", tenant=tenant), Completed)
    opened = watched_of(house, "notes")
    house.upstreams.watch("b", frozenset({"notes+memo://three"}))
    house.upstreams.watch("a", frozenset())

    assert looked == {None: frozenset()}
    assert opened == {"a": {"memo://one"}, "b": frozenset()}
    assert watched_of(house, "notes") == {"a": frozenset(), "b": {"memo://three"}}


async def test_what_the_server_of_one_tenant_says_of_a_resource_is_news_to_that_tenant_alone(house):
    told, heard = [], asyncio.Event()

    def tell(uri, tenant):
        told.append((uri, tenant))
        heard.set()

    house.upstreams._tell_updated = tell
    house.upstreams.add(UpstreamConfig(name="notes", command=(sys.executable, ASKING), era=Era.HANDSHAKE))
    await house.approve_all("notes")
    assert isinstance(await house.call("notes__plain", tenant="a"), Completed)  # the only one connected
    house.upstreams.watch("a", frozenset({"notes+memo://one"}))
    async with asyncio.timeout(20):
        for _again in range(2):  # whatever it said with the first is through before the second
            heard.clear()
            while not heard.is_set():  # the server may get the first call before it is asked to tell
                assert isinstance(await house.call("notes__touch", tenant="a"), Completed)

    assert set(told) == {("notes+memo://one", "a")}
