"""A real house, a real server on loopback, and calls of tools that were granted one thing or another."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from holdfast.contracts import (
    Authorized,
    CallId,
    Digest,
    Effect,
    Grants,
    HttpGrant,
    Label,
    Limits,
    Principal,
    Scope,
    Session,
    TenantId,
    ToolName,
    ToolSpec,
    Wasm,
)
from holdfast.contracts._mint import mint
from holdfast.sandbox.wasm.broker import CallBroker
from holdfast.sandbox.wasm.frames import HostAnswer, HostCall
from holdfast.server.config import load_settings
from holdfast.server.house import House, Opening, Proving, open_house
from holdfast.server.verbs.calls import new_call_id

LIMITS = Limits(fuel=1, memory_bytes=0, wall_ms=20_000, output_bytes=1000, host_calls=100)
_NUMBERS = count()


@dataclass
class Far:
    """A server that remembers what it was sent."""

    port: int = 0
    seen: list[bytes] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        self.seen.append(head + await reader.readexactly(length))
        path = head.split(b" ")[1]
        if path == b"/slow":
            await reader.read()  # until the other side gives up
            writer.close()
            return
        moved = b"HTTP/1.1 302 Found\r\nLocation: /moved\r\n" if path == b"/from" else b"HTTP/1.1 200 OK\r\n"
        said = _authorization(head) if path == b"/in/echo" else b"hello"
        writer.write(moved + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(said) + said)
        await writer.drain()
        writer.close()

    def grant(self, *methods: str, path: str = "/") -> HttpGrant:
        methods_granted = frozenset(methods or ("GET", "POST"))
        return HttpGrant(scheme="http", host="127.0.0.1", port=self.port, methods=methods_granted, path=path)

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def _authorization(head: bytes) -> bytes:
    """What came behind `Bearer`."""
    return next(line for line in head.split(b"\r\n") if line.startswith(b"authorization: ")).rpartition(b" ")[2]


@asynccontextmanager
async def far_side() -> AsyncIterator[Far]:
    far = Far()
    server = await asyncio.start_server(far.answer, "127.0.0.1", 0)
    far.port = server.sockets[0].getsockname()[1]
    try:
        yield far
    finally:
        server.close()


@dataclass
class Guest:
    """One call under way, and what its guest says and hears."""

    broker: CallBroker
    call: Authorized

    async def asks(self, function: str, **payload: Any) -> HostAnswer:
        return await self.broker(HostCall(name=function, payload=json.dumps(payload).encode()))

    async def gets(self, function: str, **payload: Any) -> Any:
        answer = await self.asks(function, **payload)
        assert answer.ok, (answer.code, answer.payload)
        return json.loads(answer.payload)

    async def refused(self, function: str, **payload: Any) -> str:
        answer = await self.asks(function, **payload)
        assert not answer.ok, answer.payload[:100]
        return answer.code

    async def http(
        self, url: str, *, method: str = "GET", body: bytes = b"", headers: Any = (), **more: Any
    ) -> HostAnswer:
        return await self.asks("http", method=method, url=url, headers=[*headers], body=b64(body), **more)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass
class World:
    """The house and what is around it."""

    house: House
    far: Far
    workspace: Path

    async def session(self, *labels: Label, tenant: str = "acme") -> Session:
        return await self.house.sessions.mint(
            tenant=TenantId(tenant), subject="agent", labels=frozenset(labels), by="host"
        )

    async def guest(
        self,
        grants: Grants,
        *,
        session: Session | None = None,
        name: str = "tool",
        depth: int = 0,
        limits: Limits = LIMITS,
        effects: frozenset[Effect] = frozenset(),
    ) -> Guest:
        session = session or await self.session()
        spec = ToolSpec(
            name=ToolName(name),
            description="a tool",
            input_schema={"type": "object"},
            effects=effects,
            runtime=Wasm(module=Digest.of(name.encode()), abi="component"),
            limits=limits,
            grants=grants,
        )
        principal = Principal(
            subject="agent", tenant=session.tenant, scopes=frozenset({Scope.CALL}), session=session.id
        )
        fields = {"call_id": CallId(new_call_id()), "spec": spec, "arguments": {}, "limits": limits, "depth": depth}
        call = mint({**fields, "principal": principal, "session": session})
        return Guest(CallBroker(call, self.house.powers), call)

    async def labels(self, session: Session) -> frozenset[Label]:
        now = await self.house.sessions.get(session.id)
        assert now is not None
        return now.labels

    def tool_name(self) -> str:
        """One that no other test keeps anything under."""
        return f"tool_{next(_NUMBERS)}"


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("broker")
    workspace = folder / "workspace"
    (workspace / "docs").mkdir(parents=True)
    (workspace / "inbox").mkdir()
    (workspace / "docs" / "a.txt").write_text("aaa")
    (workspace / "other.txt").write_text("not granted")
    (workspace / "docs" / "out").symlink_to("../other.txt")
    async with far_side() as far:
        file = folder / "holdfast.toml"
        file.write_text(
            f"""
[workspace]
root = "workspace"
[limits]
burst = 100000
calls_per_minute = 100000
[[egress]]
scheme = "http"
host = "127.0.0.1"
port = {far.port}
methods = ["GET", "POST"]
path = "/"
unsafe_allow_network = "127.0.0.0/8"
""",
            encoding="utf-8",
        )
        opening = Opening(config=file, proving=Proving.EACH_WORKER)
        async with open_house(load_settings(file), folder / "data", opening) as house:
            yield World(house, far, workspace)
