"""A world's servers as real MCP servers on loopback, in this process. They answer from the world and keep nothing."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import mcp.types as t
import uvicorn
from mcp.server import Server

from .reading import Json
from .world import ServerPlan, World

_LIST_TTL_MS = 3_600_000
"""The tools of a suite do not change, so nobody has to ask again."""


def mcp_server(plan: ServerPlan, world: World) -> "Server[Json]":
    """The server called as *plan* says, over *world*."""
    tools = [
        t.Tool(name=tool.name, description=tool.description, input_schema=dict(tool.schema))
        for tool in plan.tools.values()
    ]

    async def listed(_ctx: object, _params: object) -> t.ListToolsResult:
        return t.ListToolsResult(tools=tools, ttl_ms=_LIST_TTL_MS, cache_scope="private")

    async def call(_ctx: object, params: t.CallToolRequestParams) -> t.CallToolResult:
        said = world.call(plan.name, params.name, params.arguments or {})
        structured = said.value if said.ok and isinstance(said.value, dict) else None
        return t.CallToolResult(
            content=[t.TextContent(text=said.text)], structured_content=structured, is_error=not said.ok
        )

    return Server(plan.name, on_list_tools=listed, on_call_tool=call, get_tool_input_schema=lambda _name: None)


@asynccontextmanager
async def serving(world: World) -> AsyncGenerator[Mapping[str, str]]:
    """The address of each server of *world*, while the block runs."""
    logging.getLogger("mcp").setLevel(logging.ERROR)
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(_listening(mcp_server(plan, world)))
            for name, plan in world.plan.servers.items()
        }


@asynccontextmanager
async def _listening(server: "Server[Json]") -> AsyncGenerator[str]:
    app = server.streamable_http_app(streamable_http_path="/", stateless_http=True, json_response=True)
    http = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=2)
    )
    task = asyncio.create_task(http.serve())
    while not http.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{http.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        http.should_exit = True  # the house has left, so no connection is open
        await task
