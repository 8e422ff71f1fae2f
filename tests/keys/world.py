"""A real house opened on a configuration file, servers for it to reach, and short ways to call it."""

import http.server
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from holdfast.contracts import ApprovalId, Json, Label, Principal, Text, ToolCall, ToolName, ToolResult
from holdfast.server.config import load_settings
from holdfast.server.house import House, Opening, open_house
from holdfast.server.principals import acting_as
from holdfast.server.verbs.calls import new_call_id

_NUMBERS = count()


@dataclass(frozen=True)
class World:
    """A house, and the folder its configuration file is in."""

    house: House
    folder: Path

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Json],
        *,
        who: str | Principal | None = None,
        approval: str | None = None,
    ) -> ToolResult:
        """Call *tool* as the agent *who*; by default one whose session has read nothing yet."""
        lifted = None if approval is None else ApprovalId(approval)
        call = ToolCall(id=new_call_id(), tool=ToolName(tool), arguments=arguments, approval=lifted)
        caller = who if isinstance(who, Principal) else acting_as(who or f"agent-{next(_NUMBERS)}")
        return await self.house.dispatcher.execute(call, caller)

    async def minted(self, *labels: Label, request: str | None = None) -> Principal:
        """An agent in a session that a host opened with *labels*, on behalf of a user who asked for *request*."""
        who = acting_as(f"minted-{next(_NUMBERS)}")
        session = await self.house.sessions.mint(
            tenant=who.tenant, subject=who.subject, labels=frozenset(labels), user_request=request
        )
        return replace(who, session=session.id)

    async def labels(self, who: Principal) -> set[str]:
        """What the session that *who* is bound to has learned."""
        assert who.session is not None
        session = await self.house.sessions.get(who.session)
        assert session is not None
        return {label.value for label in session.labels}


@asynccontextmanager
async def opened(folder: Path, text: str = "") -> AsyncIterator[World]:
    """A house on `holdfast.toml` with *text*, in *folder*."""
    file = _written(folder, text)
    async with open_house(load_settings(file), folder / "data", Opening(config=file)) as house:
        yield World(house, folder)


def _written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "holdfast.toml"
    file.write_text(text, encoding="utf-8")
    return file


def code(result: ToolResult) -> str:
    """The status, or the reason's code when there is one."""
    return result.status.value if result.reason is None else result.reason.code


def said(result: ToolResult) -> str:
    """All text of *result*."""
    return "".join(block.text for block in result.content if isinstance(block, Text))


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers every request with `hello`, once the server's `gate` is open."""

    def do_GET(self) -> None:
        self.server.came.release()
        self.server.gate.wait(30)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    do_POST = do_GET  # noqa: N815 -- the library's name

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class McpOverHttp(Answering):
    """An MCP server with one tool, `where`, that says it was reached over HTTP."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answers = {
            "initialize": {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "there", "version": "1"},
            },
            "tools/list": {
                "tools": [{"name": "where", "description": "says where it is", "inputSchema": {"type": "object"}}]
            },
            "tools/call": {"content": [{"type": "text", "text": "reached over http"}]},
        }
        known = answers.get(body["method"])
        failed = {"error": {"code": -32601, "message": "unknown"}}
        written = json.dumps({"jsonrpc": "2.0", "id": body.get("id"), **({"result": known} if known else failed)})
        self.send_response(202 if "id" not in body else 200)
        self.send_header("Content-Type", "application/json")
        sent = b"" if "id" not in body else written.encode()
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)


class Loopback(http.server.ThreadingHTTPServer):
    """A server on 127.0.0.1; `came` counts what reached it."""

    daemon_threads = True

    def __init__(self, handler: type[Answering]) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.came = threading.Semaphore(0)
        super().__init__(("127.0.0.1", 0), handler)
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


@contextmanager
def listening(handler: type[Answering] = Answering) -> Iterator[Loopback]:
    """A server of *handler* while the block runs."""
    server = Loopback(handler)
    try:
        yield server
    finally:
        server.gate.set()
        server.shutdown()
        server.server_close()
