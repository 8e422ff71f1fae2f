"""Proves on this machine that each grant of a sandboxed tool gives what it says, and that without it nothing is given.

1. A house of its own, in a folder of its own: no place, secret or tool of the house that asks is touched.
2. Every try is a call through the whole procedure, by a module of ours in a confined worker, over the real broker.
3. A grant is proven by two calls: with it what was asked for came, without it the call was refused for want of it.
   What cannot be tried is not proven, and what is not proven is given to nobody.
"""

import asyncio
import base64
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from holdfast.contracts import (
    Digest,
    Effect,
    Grants,
    HoldfastError,
    HttpGrant,
    Json,
    Limits,
    Reason,
    ToolCall,
    ToolName,
    ToolResult,
    ToolSpec,
    Wasm,
)
from holdfast.sandbox.wasm.abi import ASKING, WASI_COMMAND
from holdfast.sandbox.wasm.broker import CAPABILITIES, RANDOM

from .assembly import machine_proof, shared_artifacts
from .config import EgressSettings, LimitSettings, PolicySettings, Settings, WorkspaceSettings
from .house import House, Opening, Proving, open_house
from .inspecting import assemble_module
from .principals import OPERATOR
from .registrar import ModuleFiles
from .verbs.calls import new_call_id

ALL: Final = "grants"
"""The name of the one probe there is where none could be tried."""
_PROVEN: Final = "grants-proven"
_WITHHELD: Final = "it is off here, because its probe failed when the server started"
_SAID: Final = "granted"
_DATA: Final = base64.b64encode(_SAID.encode()).decode()
_READS: Final = frozenset({Effect.READ_PRIVATE})
_NOTHING: Final = Grants(clock=False, random=False)
_LIMITS: Final = Limits(fuel=1_000_000, memory_bytes=1 << 18, wall_ms=10_000, output_bytes=10_000, host_calls=10)
_ASKS: Final = """(module (import "holdfast" "ask" (func $ask (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "run") (param i32 i32) (result i64)
    (i64.or (i64.const 0x1000000000000)
      (i64.extend_i32_u (call $ask (local.get 0) (local.get 1) (i32.const 65536) (i32.const 65536))))))"""
_ROLLS: Final = """(module (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (if (call $random (i32.const 0) (i32.const 16)) (then unreachable))))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantProbe:
    """One grant, and whether it does what it says."""

    name: str
    """Of the host function; or `random`."""
    held: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    """What one grant is tried with."""

    name: str
    grants: Grants
    payload: dict[str, Json]
    came: Callable[[Json], bool]
    """Whether the answer is what was granted."""
    effects: frozenset[Effect] = frozenset()
    refusal: str = "host/not-granted"
    """The reason's code without the grant; empty where none is needed."""


async def probe_grants() -> tuple[GrantProbe, ...]:
    """Try every grant. Never raises: what could not be tried is in the answer."""
    try:
        async with _house_apart() as (house, tries):
            asks, rolls = await _modules(house)
            tried = [await _probed(house, asks, one) for one in tries]
            return (*tried, await _random(house, rolls))
    except (HoldfastError, OSError) as error:
        said = error.message if isinstance(error, HoldfastError) else error.strerror or type(error).__name__
        return (GrantProbe(name=ALL, held=False, detail=f"they cannot be tried: {said}"),)


async def prove_grants(house: House) -> Mapping[str, Reason]:
    """Try every grant, unless all held since the machine started; answers what *house* gives nobody from here on."""
    kept, proof = shared_artifacts(house.data), machine_proof()
    if "wasm" in house.off or (kept is not None and kept.load(_PROVEN) == proof):
        return {}
    off: dict[str, Reason] = {}
    for probe in await probe_grants():
        if not probe.held:
            for name in (*CAPABILITIES, RANDOM) if probe.name == ALL else (probe.name,):
                house.withhold(name, _WITHHELD)
                off[f"{name} of sandboxed tools"] = Reason(
                    code="wasm/grant-unproven",
                    layer="wasm",
                    message=f"no tool is given it, because its probe failed: {probe.detail}",
                    remedy="`holdfast doctor` tries each grant again",
                )
    if kept is not None and not off:
        kept.save(_PROVEN, proof)
    return off


@asynccontextmanager
async def _house_apart() -> AsyncGenerator[tuple[House, tuple[_Try, ...]]]:
    with tempfile.TemporaryDirectory(prefix="holdfast-probe-") as folder:
        workspace = Path(folder) / "workspace"
        (workspace / "granted").mkdir(parents=True)
        (workspace / "granted" / "read").write_text(_SAID, encoding="utf-8")
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        async with server:
            port: int = server.sockets[0].getsockname()[1]
            opening = Opening(proving=Proving.EACH_WORKER, builtins=frozenset({"echo"}))
            async with open_house(_settings(workspace, port), Path(folder) / "data", opening) as house:
                yield house, _tries(house.settings.egress[0].grant(), workspace)


def _settings(workspace: Path, port: int) -> Settings:
    loopback = EgressSettings.model_validate(
        {"host": "127.0.0.1", "scheme": "http", "port": port, "unsafe_allow_network": "127.0.0.0/8"}
    )
    return Settings(
        limits=LimitSettings(wasm_workers=1),
        policy=PolicySettings(profile="autonomous"),
        workspace=WorkspaceSettings(root=workspace),
        egress=(loopback,),
    )


def _tries(http: HttpGrant, workspace: Path) -> tuple[_Try, ...]:
    return (*_reaching(http, workspace), *_asking())


def _reaching(http: HttpGrant, workspace: Path) -> tuple[_Try, ...]:
    """What reaches a place outside the server."""
    url = f"http://{http.host}:{http.port}/"
    asked: dict[str, Json] = {"method": "GET", "url": url, "headers": [], "body": ""}
    made, within = workspace / "granted" / "made", ("granted/",)
    return (
        _Try(
            name="http",
            grants=replace(_NOTHING, http=(http,)),
            payload=asked,
            came=lambda said: _field(said, "body") == _DATA,
            effects=frozenset({Effect.EGRESS, Effect.READ_UNTRUSTED}),
        ),
        _Try(
            name="workspace-read",
            grants=replace(_NOTHING, workspace_read=within),
            payload={"path": "granted/read"},
            came=lambda said: said == {"data": _DATA},
            effects=_READS,
        ),
        _Try(
            name="workspace-write",
            grants=replace(_NOTHING, workspace_write=within),
            payload={"path": "granted/made", "data": _DATA},
            came=lambda _said: made.read_text(encoding="utf-8") == _SAID,
            effects=frozenset({Effect.WRITE}),
        ),
    )


def _asking() -> tuple[_Try, ...]:
    """What the server itself answers."""
    return (
        _Try(
            name="kv",
            grants=replace(_NOTHING, kv=True),
            payload={"op": "list", "key": ""},
            came=lambda said: said == {"keys": []},
            effects=_READS,
        ),
        _Try(
            name="secret-exists",
            grants=replace(_NOTHING, secret_exists=("probe",)),
            payload={"name": "probe"},
            came=lambda said: said == {"exists": False},
        ),
        _Try(
            name="tool-invoke",
            grants=replace(_NOTHING, tools=("echo",)),
            payload={"name": "echo", "arguments": {"text": _SAID}},
            came=lambda said: _field(said, "status") == "ok",
        ),
        _Try(
            name="now",
            grants=replace(_NOTHING, clock=True),
            payload={},
            came=lambda said: isinstance(_field(said, "ms"), int),
        ),
        _Try(
            name="log",
            grants=_NOTHING,
            payload={"level": "info", "message": _SAID},
            came=lambda said: said == {},
            refusal="",  # whoever runs may log
        ),
    )


def _field(said: Json, name: str) -> Json:
    return said.get(name) if isinstance(said, Mapping) else None


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The far side of the one request."""
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(_SAID) + _SAID.encode()
        )
        await writer.drain()
    finally:
        writer.close()


async def _modules(house: House) -> tuple[Wasm, Wasm]:
    found: list[Wasm] = []
    files = ModuleFiles(house.data.modules)
    for text, abi in ((_ASKS, ASKING), (_ROLLS, WASI_COMMAND)):
        module = await assemble_module(text)
        files.keep(Digest.of(module), module)
        found.append(Wasm(module=Digest.of(module), abi=abi))
    return found[0], found[1]


async def _probed(house: House, module: Wasm, tried: _Try) -> GrantProbe:
    question: dict[str, Json] = {"function": tried.name, "payload": tried.payload}
    # Without it first: what a refused call leaves behind would else be taken for what the granted one did.
    flaw = None
    if tried.refusal:
        without = await _called(house, module, _NOTHING, question, tried.effects)
        code = _field(without.structured, "code")
        if code != tried.refusal:
            flaw = "without the grant it was not refused"
    if flaw is None:
        granted = await _called(house, module, tried.grants, question, tried.effects)
        if not tried.came(_field(granted.structured, "ok")):
            flaw = f"with the grant it was not given: {_why(granted)}"
    return GrantProbe(
        name=tried.name, held=flaw is None, detail=flaw or ("given" + ", refused without" * bool(tried.refusal))
    )


async def _random(house: House, module: Wasm) -> GrantProbe:
    """Randomness is WASI's: without the grant a guest is answered that it is not capable, and this one gives up."""
    granted = await _called(house, module, replace(_NOTHING, random=True), {}, frozenset())
    without = await _called(house, module, _NOTHING, {}, frozenset())
    flaw = None
    if granted.status.value != "ok":
        flaw = f"with the grant it was not given: {_why(granted)}"
    elif without.status.value != "error":
        flaw = "without the grant it was not refused"
    return GrantProbe(name="random", held=flaw is None, detail=flaw or "given, refused without")


async def _called(
    house: House, module: Wasm, grants: Grants, arguments: dict[str, Json], effects: frozenset[Effect]
) -> ToolResult:
    spec = ToolSpec(
        name=ToolName("probe"),
        description="Tries one grant.",
        input_schema={"type": "object"},
        effects=effects,
        runtime=module,
        limits=_LIMITS,
        grants=grants,
    )
    call = ToolCall(id=new_call_id(), tool=spec.name, arguments=arguments)
    # Each try is somebody's of its own, who has read nothing: what a session learned can forbid what a grant allows.
    who = replace(OPERATOR, subject=f"probe-{call.id}")
    return await house.trial(spec).execute(call, who)


def _why(result: ToolResult) -> str:
    message = _field(result.structured, "message")
    said = message if isinstance(message, str) else "" if result.reason is None else result.reason.message
    return said or f"the call ended {result.status.value}"
