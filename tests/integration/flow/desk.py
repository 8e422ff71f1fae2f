"""A real MCP server over HTTP: a desk with mail, notes, drafts and what was sent. It judges nothing."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import mcp.types as t
import uvicorn
from mcp.server import Server

_LIST_TTL_MS = 3_600_000
TOOLS: Mapping[str, tuple[str, ...]] = {
    "mail": ("folder",),
    "contacts": (),
    "get_note": ("id",),
    "put_note": ("text",),
    "set_note": ("id", "text"),
    "all_notes": (),
    "draft": ("to", "text"),
    "add_to_draft": ("id", "text"),
    "send_draft": ("id",),
    "send": ("to", "text", "cc"),
    "forward": ("id", "to"),
    "event": ("title", "attendees", "visibility"),
    "search": ("q",),
    "pay": ("to", "amount"),
    "fail": ("text",),
}
"""Each tool with its arguments; all of them are texts, and none is required."""


class Failed(Exception):
    """What a tool answers as an error of its own."""


@dataclass
class Desk:
    """What lies on the desk, and who is held at the door."""

    url: str = ""
    notes: dict[str, str] = field(default_factory=dict[str, str])
    drafts: dict[str, str] = field(default_factory=dict[str, str])
    sent: list[str] = field(default_factory=list[str])
    calls: list[str] = field(default_factory=list[str])
    """Tools in the order in which they began."""
    ended: list[str] = field(default_factory=list[str])
    held: dict[str, "Hold"] = field(default_factory=dict[str, "Hold"])

    def hold(self, tool: str) -> "Hold":
        """The next call of *tool* waits at the server."""
        self.held[tool] = hold = Hold()
        return hold

    async def call(self, tool: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer *tool*. Raises: Failed."""
        self.calls.append(tool)
        hold = self.held.pop(tool, None)
        if hold is not None:
            hold.reached.set()
            await hold.go_on.wait()
        try:
            return self._answer(tool, given)
        finally:
            self.ended.append(tool)

    def _answer(self, tool: str, given: Mapping[str, Any]) -> dict[str, Any]:
        match tool:
            case "put_note":
                return {"id": _put(self.notes, "n", str(given.get("text")))}
            case "draft":
                return {"id": _put(self.drafts, "d", str(given.get("text")))}
            case "set_note":
                self.notes[str(given.get("id"))] = str(given.get("text"))
            case "add_to_draft":
                self.drafts[str(given.get("id"))] = str(given.get("text"))
            case "send_draft" | "forward":
                self.sent.append(self.drafts.get(str(given.get("id")), ""))
            case "send" | "event" | "pay":
                self.sent.append(str(given.get("text") or given.get("title") or given.get("amount")))
            case "fail":
                raise Failed(str(given.get("text")))
            case "get_note":
                return {"text": self.notes.get(str(given.get("id")), "")}
            case _:
                return {"text": f"words of {tool}"}
        return {"done": True}


@dataclass
class Hold:
    """One call that is held at the server."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)


def _put(kept: dict[str, str], kind: str, text: str) -> str:
    name = f"{kind}{len(kept) + 1}"
    kept[name] = text
    return name


def _server(desk: Desk) -> Server[Any]:
    tools = [
        t.Tool(
            name=name,
            description=name,
            input_schema={"type": "object", "properties": {each: {"type": "string"} for each in arguments}},
        )
        for name, arguments in TOOLS.items()
    ]

    async def listed(_ctx: object, _params: object) -> t.ListToolsResult:
        return t.ListToolsResult(tools=tools, ttl_ms=_LIST_TTL_MS, cache_scope="private")

    async def call(_ctx: object, params: t.CallToolRequestParams) -> t.CallToolResult:
        try:
            said = await desk.call(params.name, params.arguments or {})
        except Failed as failed:
            return t.CallToolResult(content=[t.TextContent(text=str(failed))], is_error=True)
        return t.CallToolResult(content=[t.TextContent(text=str(said))], structured_content=said)

    return Server("desk", on_list_tools=listed, on_call_tool=call, get_tool_input_schema=lambda _name: None)


@asynccontextmanager
async def desk_serving() -> AsyncGenerator[Desk]:
    """A desk that listens on loopback while the block runs; leave it after the house that talks to it."""
    logging.getLogger("mcp").setLevel(logging.ERROR)
    desk = Desk()
    app = _server(desk).streamable_http_app(streamable_http_path="/", stateless_http=True, json_response=True)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=2)
    http = uvicorn.Server(config)
    task = asyncio.create_task(http.serve())
    while not http.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)
    desk.url = f"http://127.0.0.1:{http.servers[0].sockets[0].getsockname()[1]}/"
    try:
        yield desk
    finally:
        http.should_exit = True
        await task
