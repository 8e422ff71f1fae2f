"""A real server on an ephemeral loopback port, with a small tool service behind it, and a plain client for it."""

import asyncio
import functools
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from holdfast.contracts import (
    Action,
    ApprovalNotice,
    Builtin,
    CallId,
    Digest,
    Finding,
    Forbidden,
    InvalidRequest,
    Json,
    Label,
    OperatorError,
    Principal,
    Reason,
    RuleId,
    Scope,
    Severity,
    Source,
    Standing,
    Status,
    TenantId,
    Text,
    ToolCall,
    ToolName,
    ToolResult,
    ToolSpec,
    Where,
)
from holdfast.contracts.limits import BUILTIN
from holdfast.server.approval_desk import RecordedApprovals
from holdfast.server.audit import AuditLog, ChainWriter, Durability
from holdfast.server.auth import Authenticator, TokenIssuer
from holdfast.server.build_desk import BuildOrder, BuildResult
from holdfast.server.flow.references import NO_REFERENCES, References
from holdfast.server.http import (
    HttpDeps,
    HttpLimits,
    Listen,
    Registration,
    Scanned,
    Surface,
    bind,
    build_app,
    loopback_hosts,
    run,
    serve,
)
from holdfast.server.lease_desk import RecordedLeases
from holdfast.server.metrics import Metrics
from holdfast.server.policies import Policies
from holdfast.server.policy_desk import PolicyDesk, nothing_waits
from holdfast.server.session_desk import RecordedSessions
from holdfast.server.store import Approval, Approvals, DecisionInputs, Leases, Sessions, Store, Tokens, digest_arguments

KEY = b"a key for tests only, 32 bytes.." * 2
TENANT = TenantId("acme")
DENIALS = {
    "deny": ("policy/no", "policy", 403),
    "too-large": ("validator/too-large", "validator", 413),
    "invalid": ("validator/schema", "validator", 422),
    "rate": ("admit/rate", "admit", 429),
    "overloaded": ("admit/overloaded", "admit", 503),
}


@functools.cache
def _spec(name: str) -> ToolSpec:
    return ToolSpec(
        name=ToolName(name),
        description=f"The tool {name}",
        input_schema={"type": "object", "properties": {"text": {"type": "string"}}},
        effects=frozenset(),
        runtime=Builtin(),
        limits=BUILTIN,
    )


class SmallService:
    """`echo` answers, `slow` waits for ever, `short` until `go_on`, `break` fails, `secret` only insiders know."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.cancelled = threading.Event()
        self.go_on = asyncio.Event()
        self.calls: list[ToolCall] = []
        self.finished: list[CallId] = []

    def visible(self, principal: Principal) -> Sequence[ToolSpec]:
        names = ["echo", "slow", "short", "break", "ask", *DENIALS]
        return [_spec(name) for name in (*names, *(["secret"] if principal.subject == "insider" else []))]

    def specs(self) -> Sequence[ToolSpec]:
        return [_spec("echo")]

    def get(self, name: ToolName) -> ToolSpec | None:
        return _spec(name) if name == "echo" else None

    def quarantined(self, name: ToolName) -> bool:
        return False

    def standing(self, name: ToolName) -> Standing:
        return Standing.APPROVED

    async def execute(self, call: ToolCall, principal: Principal) -> ToolResult:
        self.calls.append(call)
        result = await self._result(call, principal)
        self.finished.append(call.id)
        return result

    async def explain(self, call: ToolCall, principal: Principal) -> ToolResult:
        return ToolResult(call_id=call.id, tool=call.tool, status=Status.OK, output="the call would run")

    async def _result(self, call: ToolCall, principal: Principal) -> ToolResult:
        if call.tool not in {spec.name for spec in self.visible(principal)}:
            reason = Reason(code="tools/unknown", layer="tools", message="there is no such tool")
            return ToolResult(call_id=call.id, tool=call.tool, status=Status.DENIED, output="", reason=reason)
        if call.tool in DENIALS:
            code, layer, _ = DENIALS[call.tool]
            reason = Reason(code=code, layer=layer, message="no", remedy="for operators only")
            return ToolResult(call_id=call.id, tool=call.tool, status=Status.DENIED, output="", reason=reason)
        if call.tool == "ask":
            notice = ApprovalNotice(id="a1", expires_at="2030-01-01T00:00:00.000Z", forbids=("f",))
            return ToolResult(call_id=call.id, tool=call.tool, status=Status.PENDING, output="", approval=notice)
        if call.tool == "slow":
            self.started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        if call.tool == "short":
            self.started.set()
            await self.go_on.wait()
        if call.tool == "break":
            raise RuntimeError("the secret is hunter2")
        text = str(call.arguments.get("text", ""))
        return ToolResult(call_id=call.id, tool=call.tool, status=Status.OK, output=text, content=(Text(text=text),))


async def nothing_named(_approval: Approval, _arguments: object) -> References:
    """No call here names a file."""
    return NO_REFERENCES


class SmallScanning:
    """Finds the word `hunter2`."""

    async def scan(self, text: str, where: Where, principal: Principal) -> Scanned:
        at = text.find("hunter2")
        if at < 0:
            return Scanned(findings=(), text=text)
        finding = Finding(
            rule=RuleId("leaks/test"),
            layer="leaks",
            severity=Severity.HIGH,
            action=Action.REDACT,
            where=where,
            start=at,
            end=at + 7,
        )
        return Scanned(findings=(finding,), text=text.replace("hunter2", "[redacted]"))


class SmallUpstreams:
    """Knows `files`, which is up, and `web`, which is not."""

    def all(self) -> Sequence[dict[str, Json]]:
        return [self._row("files", reason=None), self._row("web", reason="unreachable")]

    def one(self, name: str, /) -> dict[str, Json] | None:
        row = next((row for row in self.all() if row["name"] == name), None)
        return None if row is None else row | {"definitions": []}

    def _row(self, name: str, *, reason: str | None) -> dict[str, Json]:
        return {
            "name": name,
            "reached": {"by": "command", "at": name},
            "connected": reason is None,
            "version": None if reason else "2025-11-25",
            "breaker": "closed",
            "reason": reason,
            "counts": {"tool": {"approved": 2}},
        }


class SmallRegistrar:
    """Takes any manifest that starts with `[tool]`."""

    async def register(
        self, manifest: str, module: bytes, principal: Principal, *, signature: str | None = None
    ) -> Registration:
        if not manifest.startswith("[tool]"):
            raise OperatorError("the manifest has no table `tool`", remedy="begin with `[tool]`")
        if not module.startswith(b"\x00asm"):
            raise InvalidRequest("the module is not WebAssembly")
        digest = Digest.of(module)
        return Registration(name="t", version="1", module=digest, definition=digest, state="pending", signer=signature)

    async def register_source(
        self, source: bytes, file: str, principal: Principal, *, written: str = ""
    ) -> Registration:
        if not file.endswith(".py"):
            raise InvalidRequest("that is no ending of source text")
        digest = Digest.of(source)
        return Registration(
            name="t", version="1", module=digest, definition=digest, state="pending", manifest=f"[tool]\n{written}"
        )

    async def withdraw(self, source: str, by: Principal) -> Sequence[str]:
        if source != by.subject:
            raise Forbidden("only your own")
        return ("t",)


class SmallBuilding:
    """Refuses whatever it is given."""

    async def build(self, order: BuildOrder, principal: Principal) -> BuildResult:
        return BuildResult(state="refused", reason="nothing is built here", said="no")


class Ready:
    """Ready unless told otherwise."""

    now = True

    def ready(self) -> bool:
        return self.now


async def show_caller(scope: Any, receive: Any, send: Any) -> None:
    """A mounted application that answers with its caller's name and its path."""
    while (await receive()).get("more_body", False):
        pass
    body = json.dumps([scope["holdfast.principal"].subject, scope["path"], scope["root_path"]]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class World:
    """A running server and what is inside it."""

    port: int
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    service: SmallService
    issuer: TokenIssuer
    tokens: Tokens
    approvals: Approvals
    sessions: Sessions
    store: Store
    ready: Ready
    _kept: dict[str, str] = field(default_factory=dict)

    def do(self, work: Any) -> Any:
        """Run a coroutine where the server runs."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def token(self, *scopes: str, subject: str = "alice", tenant: str = TENANT) -> str:
        key = f"{subject} {tenant} {scopes}"
        if key not in self._kept:
            issued = self.do(
                self.issuer.issue(subject=subject, scopes=[Scope(s) for s in scopes], ttl_s=600, tenant=tenant)
            )
            self._kept[key] = issued.token
        return self._kept[key]

    def send(self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str) -> Answer:
        """One request of a well-behaved client."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def call(self, tool: str, token: str | None = None, **more: Any) -> Answer:
        """One call of a tool."""
        return self.send("POST", "/v1/call", {"tool": tool, "arguments": {}, **more}, token or self.token("call"))

    def raw(self, data: bytes) -> Answer:
        """Whatever bytes, on a connection of their own."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(data)
            response = http.client.HTTPResponse(connection)
            response.begin()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def head(self, method: str, path: str, *lines: str, host: str | None = None) -> bytes:
        """The head of a request with exactly those header lines."""
        names = [f"Host: {host or f'127.0.0.1:{self.port}'}"] if host != "" else []
        return "\r\n".join([f"{method} {path} HTTP/1.1", *names, *lines, "", ""]).encode("latin-1")

    def ask_approval(self, subject: str = "alice", tenant: str = TENANT, call: str = "c1") -> Approval:
        """A call that waits."""
        principal = Principal(subject=subject, tenant=TenantId(tenant), scopes=frozenset(), token_id="t")
        session = self.do(self.sessions.mint(tenant=TenantId(tenant), subject=subject))
        arguments = {"text": "hi"}
        nothing = Digest.of(b"")
        return self.do(
            self.approvals.create(
                call_id=CallId(call),
                principal=principal,
                session=session.id,
                lineage=session.id,
                tool=ToolName("echo"),
                definition=Digest.of(b"definition"),
                policy=Digest.of(b"policy"),
                arguments=arguments,
                digest=digest_arguments(arguments),
                forbids=("no-dotenv",),
                labels=frozenset({Label.PRIVATE}),
                level="operator",
                references=[],
                references_digest=nothing,
                carried=nothing,
                flow=[_SOURCE],
                facts={"sink": "send"},
            )
        )


_SOURCE = Source(call_id="c0", tool="file_read", labels=frozenset({Label.PRIVATE}), places=("file:a",), at=0.0)
LIMITS = HttpLimits(body_s=1.0, request_s=600.0)


def running(folder: Path, listen: Listen | None = None, **surface: Any) -> Iterator[World]:
    """Run a server until the block ends."""
    where = listen or Listen(port=0)
    worlds: list[World] = []
    failed: list[BaseException] = []
    started = threading.Event()

    async def live() -> None:
        store = await Store.open(f"sqlite:///{folder / 'holdfast.db'}", key=bytes(32))
        tokens = await Tokens.open(store)
        listening = bind(where)
        port = listening.getsockname()[1]
        issuer = TokenIssuer(key=KEY, issuer="holdfast:local", tokens=tokens)
        service, approvals, ready, metrics = SmallService(), Approvals(store, key=b"k" * 32), Ready(), Metrics()
        sessions, inputs = Sessions(store), DecisionInputs(store, key=b"k" * 32)
        chain = ChainWriter(folder / "audit", key=b"k" * 32, durability=Durability.PROCESS)
        policies = Policies(None, "supervised", service.specs)
        shared = {"sessions": sessions, "audit": AuditLog(chain), "policy": policies.current}
        settings = {"hosts": loopback_hosts(port), "limits": LIMITS, "admin_http": True, **surface}
        app = build_app(
            HttpDeps(
                surface=Surface(**settings),
                tools=service,
                scanning=SmallScanning(),
                registrar=SmallRegistrar(),
                building=SmallBuilding(),
                approvals=RecordedApprovals(approvals=approvals, rebinding=nothing_named, **shared),
                leases=RecordedLeases(leases=Leases(store), catalogue=service, **shared),
                upstreams=SmallUpstreams(),
                policies=PolicyDesk(specs=service.specs, inputs=inputs, flush=nothing_waits),
                sessions=sessions,
                session_desk=RecordedSessions(sessions=sessions, audit=shared["audit"]),
                session_tokens=issuer,
                authenticating=Authenticator(key=KEY, issuer="holdfast:local", tokens=tokens),
                readiness=ready,
                metrics=metrics,
                mounts={"/mcp": show_caller},
            )
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        worlds.append(World(port, loop, stop, service, issuer, tokens, approvals, sessions, store, ready))
        try:
            await serve(app, listening, where, started=started.set, stop=stop)
        finally:
            await store.close()
            await chain.aclose()

    def body() -> None:
        try:
            run(live())
        except BaseException as error:  # noqa: BLE001 -- handed to the test's own thread
            failed.append(error)
            started.set()

    thread = threading.Thread(target=body, name="holdfast-test-server")
    thread.start()
    assert started.wait(30)
    if failed:
        raise failed[0]
    yield worlds[0]
    worlds[0].loop.call_soon_threadsafe(worlds[0].stop.set)
    thread.join(30)
    assert not thread.is_alive()
    assert not failed, failed


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server for all tests of a module."""
    yield from running(tmp_path_factory.mktemp("http"))


@pytest.fixture(scope="module")
def closed_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server as it comes: approvals are not answered over HTTP."""
    yield from running(tmp_path_factory.mktemp("closed"), admin_http=False)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Start a server of one's own, with other settings."""
    begun: list[Iterator[World]] = []

    def begin(**settings: Any) -> World:
        begun.append(running(tmp_path, **settings))
        return next(begun[-1])

    yield begin
    for one in begun:
        assert next(one, None) is None
