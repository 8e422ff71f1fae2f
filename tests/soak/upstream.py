"""An MCP server over HTTP that answers, never answers, or answers with 60 MB: `python -m tests.soak.upstream`."""

import asyncio
from typing import Any

import mcp.types as t
import uvicorn
from mcp.server import Server

HUGE = 60_000_000
TOOLS = ("echo", "hang", "flood")


async def tools(_ctx: object, _params: object) -> t.ListToolsResult:
    listed = [t.Tool(name=name, description=name, input_schema={"type": "object"}) for name in TOOLS]
    return t.ListToolsResult(tools=listed, ttl_ms=60_000, cache_scope="private")


async def call(_ctx: object, params: t.CallToolRequestParams) -> t.CallToolResult:
    match params.name:
        case "hang":
            await asyncio.Event().wait()
            raise AssertionError
        case "flood":
            text = "x" * HUGE
        case _:
            text = str((params.arguments or {}).get("text"))
    return t.CallToolResult(content=[t.TextContent(text=text)])


async def serve() -> None:
    server: Server[Any] = Server(
        "soak", on_list_tools=tools, on_call_tool=call, get_tool_input_schema=lambda _name: None
    )
    app = server.streamable_http_app(streamable_http_path="/mcp")
    http = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="info"))  # it says where it listens
    await http.serve()


if __name__ == "__main__":
    asyncio.run(serve())
