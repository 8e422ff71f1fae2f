"""Our MCP server, spoken to by the SDK's own client in both eras over HTTP."""

import asyncio
import contextlib
import json

import httpx2
import mcp.types as t
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from holdfast.contracts import InternalError, InvalidRequest, NotFound
from holdfast.server.mcp.sessions import MAX_SESSIONS_EACH

pytestmark = pytest.mark.anyio

ERAS = pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


@contextlib.asynccontextmanager
async def client(url, who="alice", **options):
    """The SDK's client, as *who*."""
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {who}"}, timeout=20, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), cache=None, **options) as spoken,
    ):
        yield spoken


async def post(url, body, who="alice", **headers):
    async with httpx2.AsyncClient(timeout=20, trust_env=False) as http:
        more = {"authorization": f"Bearer {who}"} if who else {}
        return await http.post(url, content=body, headers={**JSON, **more, **headers})


@ERAS
async def test_a_call_answers_with_the_wrapped_output_and_its_receipt(mcp_http, small_service, mode):
    async with mcp_http(small_service()) as (_endpoint, url), client(url, mode=mode) as spoken:
        result = await spoken.call_tool("echo", {"text": "hi"})

    assert result.content[0].text == "<tool_output>hi</tool_output>"
    assert not result.is_error
    meta = result.meta["dev.holdfast/result"]
    assert meta["status"] == "ok"
    assert meta["call_id"].startswith("c_")
    assert meta["audit"]["seq"] == 1


@ERAS
async def test_what_is_no_text_follows_the_envelope_and_no_text_is_outside_of_it(mcp_http, small_service, mode):
    async with mcp_http(small_service()) as (_endpoint, url), client(url, mode=mode) as spoken:
        result = await spoken.call_tool("rich")

    assert [block.type for block in result.content] == [
        "text",
        "image",
        "audio",
        "resource_link",
        "resource",
        "resource",
    ]
    assert result.structured_content == {"n": 3}
    written = json.dumps([block.model_dump(mode="json") for block in result.content])
    assert "hidden orders" not in written
    assert "previous instructions" not in written


@ERAS
async def test_a_denied_call_is_an_error_of_the_tool_with_its_reason(mcp_http, small_service, mode):
    async with mcp_http(small_service()) as (_endpoint, url), client(url, mode=mode) as spoken:
        result = await spoken.call_tool("deny")

    assert result.is_error
    assert result.meta["dev.holdfast/result"]["reason"] == "policy/no"


@ERAS
async def test_a_hidden_tool_is_neither_listed_nor_told_from_one_that_does_not_exist(mcp_http, small_service, mode):
    async with mcp_http(small_service()) as (_endpoint, url), client(url, "bob", mode=mode) as spoken:
        names = [tool.name for tool in (await spoken.list_tools()).tools]
        with pytest.raises(MCPError) as hidden:
            await spoken.call_tool("secret", {"text": "x"})
        with pytest.raises(MCPError) as missing:
            await spoken.call_tool("secre7", {"text": "x"})
        with pytest.raises(MCPError) as odd:
            await spoken.call_tool("no such name!")

    assert "secret" not in names
    assert "echo" in names
    assert (hidden.value.code, hidden.value.message) == (missing.value.code, missing.value.message)
    assert (odd.value.code, odd.value.message) == (missing.value.code, missing.value.message)


async def test_a_listing_is_for_its_caller_alone_and_for_now(mcp_http, small_service):
    async with mcp_http(small_service()) as (_endpoint, url), client(url, mode="2026-07-28") as spoken:
        listing = await spoken.list_tools()

    assert listing.ttl_ms == 0
    assert listing.cache_scope == "private"
    promised = {tool.name: tool.output_schema for tool in listing.tools if tool.output_schema is not None}
    assert list(promised) == ["rich"]
    assert promised["rich"]["required"] == ["n"]
    assert "x-mcp-header" not in json.dumps([[tool.input_schema, tool.output_schema] for tool in listing.tools])


async def test_a_call_does_not_list_the_tools_first(mcp_http, small_service):
    service = small_service()
    listed = []
    visible = service.visible
    service.visible = lambda principal: listed.append(1) or visible(principal)
    async with mcp_http(service) as (_endpoint, url), client(url, mode="2026-07-28") as spoken:
        await spoken.list_tools()  # else the SDK's client lists after the call, for output schemas
        listed.clear()
        await spoken.call_tool("echo", {"text": "x"})

    assert len(listed) == 1, "the service looked once, to find the tool"


@ERAS
async def test_giving_a_call_up_cancels_it(mcp_http, small_service, mode):
    service = small_service()
    async with mcp_http(service) as (_endpoint, url), client(url, mode=mode) as spoken:
        task = asyncio.create_task(spoken.call_tool("wait"))
        await service.started.wait()

        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            await service.one_ended.wait()

    assert service.ended == ["cancelled"]


@ERAS
async def test_whatever_breaks_inside_stays_inside(mcp_http, small_service, mode):
    service = small_service()
    async with mcp_http(service) as (_endpoint, url), client(url, mode=mode) as spoken:
        for broken in (RuntimeError("hunter2"), InternalError("hunter2"), ValueError("hunter2")):
            service.broken = broken
            with pytest.raises(MCPError) as caught:
                await spoken.call_tool("echo")
            assert "hunter2" not in str(caught.value.error)
            assert caught.value.code == t.INTERNAL_ERROR
        service.broken = NotFound("no such session")
        with pytest.raises(MCPError, match="no such tool"):
            await spoken.call_tool("echo")
        service.broken = InvalidRequest("`session` is malformed")
        with pytest.raises(MCPError, match="malformed"):
            await spoken.call_tool("echo")


@pytest.mark.parametrize("who", ["", "mallory"])
async def test_without_a_principal_nothing_is_served(mcp_http, small_service, who):
    service = small_service()
    async with mcp_http(service) as (_endpoint, url):
        body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'
        posted = await post(url, body, who)
        async with httpx2.AsyncClient(trust_env=False) as http:
            got = await http.get(url)

    assert posted.status_code == 401
    assert got.status_code == 401
    assert service.calls == []


async def test_a_handshake_session_of_one_principal_does_not_exist_for_another(mcp_http, small_service):
    async with mcp_http(small_service()) as (_endpoint, url):
        hello = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "x", "version": "1"},
            },
        }
        opened = await post(url, json.dumps(hello).encode())
        session = opened.headers["mcp-session-id"]
        body = b'{"jsonrpc":"2.0","id":2,"method":"tools/list"}'
        own = await post(url, body, **{"mcp-session-id": session})
        others = await post(url, body, "bob", **{"mcp-session-id": session})

    assert own.status_code == 200
    assert others.status_code == 404


async def test_one_handshake_session_too_many_ends_the_oldest_of_the_same_principal(mcp_http, small_service):
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize"}
    client = {"clientInfo": {"name": "x", "version": "1"}}
    hello["params"] = {"protocolVersion": "2025-11-25", "capabilities": {}, **client}
    body = b'{"jsonrpc":"2.0","id":2,"method":"tools/list"}'
    async with mcp_http(small_service()) as (_endpoint, url):
        people = ["bob", *["alice"] * (MAX_SESSIONS_EACH + 1)]
        opened = [(await post(url, json.dumps(hello).encode(), who)).headers["mcp-session-id"] for who in people]
        asked = [
            (await post(url, body, people[which], **{"mcp-session-id": opened[which]})).status_code
            for which in (0, 1, 2, -1)
        ]

    assert asked == [200, 404, 200, 200]


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"deny","name":"echo"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":NaN}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":1e999}}}',
        b'[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]',
        b'{"jsonrpc":"2.0","id":1,"method":"\xff"}',
        b'"text"',
        b"{",
        b"[" * 2_000 + b"]" * 2_000,
    ],
)
@pytest.mark.parametrize("version", ["2026-07-28", "2025-11-25"])
async def test_what_two_readers_could_read_differently_is_refused_before_anybody_reads_it(
    mcp_http, small_service, body, version
):
    service = small_service()
    async with mcp_http(service) as (_endpoint, url):
        answer = await post(url, body, **{"mcp-protocol-version": version})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {-32700, -32600}
    assert answer.json()["id"] is None
    assert service.calls == []


async def test_another_charset_and_a_body_too_large_are_refused(mcp_http, small_service):
    async with mcp_http(small_service()) as (_endpoint, url):
        latin = await post(url, b"{}", **{"content-type": "application/json; charset=latin-1"})
        large = await post(url, b'{"a":"' + b"x" * (1 << 20) + b'"}')

    assert latin.status_code == 400
    assert large.status_code == 413


async def test_the_id_of_an_approval_reaches_the_dispatcher(mcp_http, small_service):
    service = small_service()
    async with mcp_http(service) as (_endpoint, url), client(url, mode="2026-07-28") as spoken:
        await spoken.call_tool("echo", {"text": "x"}, meta={"dev.holdfast/approval": "a_1"})

    assert service.calls[-1][2] == "a_1"


async def test_a_change_of_the_list_is_told_in_the_modern_era(mcp_http, small_service):
    async with (
        mcp_http(small_service()) as (endpoint, url),
        client(url, mode="2026-07-28") as spoken,
        spoken.listen(tools_list_changed=True) as events,
    ):
        await endpoint.changed()
        async with asyncio.timeout(10):
            event = await anext(events)

    assert type(event).__name__ == "ToolsListChanged"


async def test_a_change_of_the_list_is_told_in_the_handshake_era(mcp_http, small_service):
    told = asyncio.Event()

    async def hear(message):
        if isinstance(message, t.ToolListChangedNotification):
            told.set()

    async with (
        mcp_http(small_service()) as (endpoint, url),
        client(url, mode="legacy", message_handler=hear) as spoken,
    ):
        assert spoken.server_capabilities.tools.list_changed is True
        await spoken.list_tools()
        async with asyncio.timeout(10):
            while not told.is_set():
                await endpoint.changed()
                await asyncio.sleep(0.01)
