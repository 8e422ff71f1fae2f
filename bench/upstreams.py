"""What a call to an MCP server costs: by the SDK's client, by our pooled one, and through our whole MCP side. p50, ms.

    python bench/upstreams.py [--json] [--calls N]

The server is one echo tool on the SDK's own low-level server, over stdio and over HTTP (2026-07-28), in a process of
its own. Its list has a time to live of zero, so ours reads it before every call; `ttl` is the same with a minute.
All rows come from one run; what travels is the difference. It decides nothing and fails on no number.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from holdfast.contracts import (
    Authorized,
    CallId,
    Completed,
    Digest,
    Line,
    Method,
    Offers,
    Principal,
    Scope,
    Session,
    SessionId,
    Status,
    TenantId,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from holdfast.contracts._mint import mint
from holdfast.sandbox.children import Launcher
from holdfast.sandbox.mcp import McpRuntime, UpstreamConfig, Upstreams
from holdfast.sandbox.mcp.confined import ConfinedStarter
from holdfast.server.mcp import Endpoint, HttpEndpoint

PRINCIPAL = Principal(subject="bench", tenant=TenantId("t"), scopes=frozenset({Scope.CALL}))
SESSION = Session(id=SessionId("s"), principal="bench", tenant=TenantId("t"), labels=frozenset())
ARGUMENTS: Mapping[str, Any] = {"text": "x" * 1_000}
WARM_UP = 30
ECHO = str(Path(__file__).parent / "echo_upstream.py")
Call = Callable[[], Awaitable[object]]


class Pins:
    """Pins in memory."""

    def __init__(self) -> None:
        self.held: dict[str, Digest] = {}

    async def get(self, upstream: str, /) -> Mapping[str, Digest]:
        return {
            key.removeprefix(upstream + "/"): pin for key, pin in self.held.items() if key.startswith(upstream + "/")
        }

    async def put(self, upstream: str, definitions: Mapping[str, Digest], /, *, by: str) -> None:  # noqa: ARG002 -- the port
        self.held.update({f"{upstream}/{key}": definition for key, definition in definitions.items()})

    async def remove(self, upstream: str, tool: str, /) -> None:
        self.held.pop(f"{upstream}/{tool}", None)


class Through:
    """A `ToolService` with no layers: what is left is our MCP server and our client."""

    def __init__(self, upstreams: Upstreams, runtime: McpRuntime) -> None:
        self._upstreams = upstreams
        self._runtime = runtime

    def visible(self, _principal: Principal, /) -> Sequence[ToolSpec]:
        return self._upstreams.specs()

    def offers(self, _principal: Principal, /) -> Offers:
        return Offers()

    def place(self, _method: Method, _served: str, /) -> None:
        return None

    async def execute(self, call: ToolCall, _principal: Principal, /, *, line: Line | None = None) -> ToolResult:
        del line  # nobody tells or asks anything
        spec = next(spec for spec in self._upstreams.specs() if spec.name == call.tool)
        outcome = await self._runtime.run(authorized(spec, call.arguments))
        assert isinstance(outcome, Completed)
        text = "".join(block.text for block in outcome.content if isinstance(block, Text))
        return ToolResult(call_id=call.id, tool=call.tool, status=Status.OK, output=text)


def authorized(spec: ToolSpec, arguments: Mapping[str, Any]) -> Authorized:
    return mint(
        {
            "call_id": CallId("c"),
            "spec": spec,
            "arguments": arguments,
            "principal": PRINCIPAL,
            "session": SESSION,
            "limits": spec.limits,
        }
    )


async def p50(call: Call, calls: int) -> float:
    for _ in range(WARM_UP):
        await call()
    took = []
    for _ in range(calls):
        began = time.perf_counter_ns()
        await call()
        took.append((time.perf_counter_ns() - began) / 1e6)
    return round(statistics.median(took), 3)


@asynccontextmanager
async def http_server(ttl_ms: int) -> AsyncGenerator[str]:
    """The echo server over HTTP in its own process; its first line says where."""
    command = [sys.executable, ECHO, "http", str(ttl_ms)]
    process = subprocess.Popen(  # noqa: ASYNC220 -- before anything is measured
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield (await asyncio.to_thread(process.stdout.readline)).strip()
    finally:
        process.terminate()
        process.wait()


@asynccontextmanager
async def serving(app: Any) -> AsyncGenerator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = server.force_exit = True
        await task


async def direct_http(url: str, calls: int) -> float:
    async with (
        httpx2.AsyncClient(timeout=30, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), mode="2026-07-28", cache=None) as client,
    ):
        await client.list_tools()
        return await p50(lambda: client.call_tool("echo", dict(ARGUMENTS)), calls)


async def direct_stdio(calls: int) -> float:
    parameters = StdioServerParameters(command=sys.executable, args=[ECHO, "stdio", "0"])
    async with Client(stdio_client(parameters), cache=None) as client:
        await client.list_tools()
        return await p50(lambda: client.call_tool("echo", dict(ARGUMENTS)), calls)


async def pooled(upstreams: Upstreams, config: UpstreamConfig, calls: int) -> float:
    upstreams.add(config)
    diff = await upstreams.refresh(config.name)
    await upstreams.approve(
        config.name,
        {entry.key: entry.definition.digest for entry in diff.entries if entry.definition is not None},
        by="bench",
    )
    runtime = McpRuntime(upstreams)
    spec = next(spec for spec in upstreams.specs() if spec.name == f"{config.name}__echo")
    return await p50(lambda: runtime.run(authorized(spec, ARGUMENTS)), calls)


async def whole(upstreams: Upstreams, name: str, calls: int) -> float:
    endpoint = HttpEndpoint(Endpoint(Through(upstreams, McpRuntime(upstreams)), version="1"))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await endpoint({**scope, "holdfast.principal": PRINCIPAL}, receive, send)

    async with (
        endpoint.running(),
        serving(app) as url,
        httpx2.AsyncClient(timeout=30, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), mode="2026-07-28", cache=None) as client,
    ):
        await client.list_tools()
        return await p50(lambda: client.call_tool(f"{name}__echo", dict(ARGUMENTS)), calls)


async def measure(calls: int) -> dict[str, float]:
    async with contextlib.AsyncExitStack() as stack:
        launcher = await stack.enter_async_context(await Launcher.open())
        upstreams = Upstreams(pins=Pins(), start=ConfinedStarter(launcher))
        stack.push_async_callback(upstreams.close)
        stale = await stack.enter_async_context(http_server(0))
        fresh = await stack.enter_async_context(http_server(60_000))
        command = (sys.executable, ECHO, "stdio", "0")
        return {
            "http direct": await direct_http(stale, calls),
            "http pooled": await pooled(upstreams, UpstreamConfig(name="stale", url=stale), calls),
            "http pooled, ttl": await pooled(upstreams, UpstreamConfig(name="fresh", url=fresh), calls),
            "http through our server": await whole(upstreams, "stale", calls),
            "http through our server, ttl": await whole(upstreams, "fresh", calls),
            "stdio direct, unconfined": await direct_stdio(calls),
            "stdio pooled, confined": await pooled(upstreams, UpstreamConfig(name="stdio", command=command), calls),
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--calls", type=int, default=400)
    options = parser.parse_args()
    rows = asyncio.run(measure(options.calls))
    if options.json:
        print(json.dumps(rows))
        return
    for name, took in rows.items():
        print(f"{name:32} {took:8.3f} ms")


if __name__ == "__main__":
    main()
