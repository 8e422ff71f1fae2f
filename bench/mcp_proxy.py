"""The least an MCP proxy can be on the SDK: one pooled client behind one server, and nothing looked at.

    python -m bench.mcp_proxy URL

It is what Holdfast's layers are measured against: whatever a proxy of this SDK costs, it costs as well.
"""

import asyncio
import sys
from typing import Any

import mcp.types as t
import uvicorn
from mcp import Client
from mcp.server import Server


async def serve(url: str) -> None:
    async with Client(url, mode="2026-07-28", cache=None) as upstream:
        listed = await upstream.list_tools()
        schemas = {tool.name: tool.input_schema for tool in listed.tools}

        async def tools(_ctx: object, params: t.PaginatedRequestParams | None) -> t.ListToolsResult:
            return await upstream.session.list_tools(params=params)

        async def call(_ctx: object, params: t.CallToolRequestParams) -> Any:
            return await upstream.session.call_tool(params.name, params.arguments)

        # Without the schema the SDK would list all tools before each call.
        server = Server("bare", on_list_tools=tools, on_call_tool=call, get_tool_input_schema=schemas.get)
        app = server.streamable_http_app(streamable_http_path="/")
        http = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
        task = asyncio.create_task(http.serve())
        while not http.started:  # noqa: ASYNC110 -- uvicorn has no event for it
            await asyncio.sleep(0.01)
        print(f"http://127.0.0.1:{http.servers[0].sockets[0].getsockname()[1]}/", flush=True)
        await task


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
