"""An MCP server with one echo tool, for `bench/upstreams.py`: `stdio` or `http`, then its list's time to live in ms."""

import asyncio
import sys
from typing import Any

import mcp.types as t
import uvicorn
from mcp.server import Server
from mcp.server.stdio import stdio_server


def echo_server(ttl_ms: int) -> Server[Any]:
    tool = t.Tool(name="echo", description="says it back", input_schema={"type": "object"})

    async def tools(_ctx: object, _params: object) -> t.ListToolsResult:
        return t.ListToolsResult(tools=[tool], ttl_ms=ttl_ms, cache_scope="private")

    async def call(_ctx: object, params: t.CallToolRequestParams) -> t.CallToolResult:
        return t.CallToolResult(content=[t.TextContent(text=str((params.arguments or {})["text"]))])

    return Server(
        "echo",
        on_list_tools=tools,
        on_call_tool=call,
        get_tool_input_schema=lambda _name: None,
    )


async def serve_stdio(ttl_ms: int) -> None:
    server = echo_server(ttl_ms)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def serve_http(ttl_ms: int) -> None:
    app = echo_server(ttl_ms).streamable_http_app(streamable_http_path="/")
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.01)
    print(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/", flush=True)
    await task


if __name__ == "__main__":
    asyncio.run((serve_stdio if sys.argv[1] == "stdio" else serve_http)(int(sys.argv[2])))
