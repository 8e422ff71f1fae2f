"""A real runtime with real workers, and hostile guests written for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pytest
import wasmtime

from holdfast.contracts import (
    CallId,
    Digest,
    Grants,
    Limits,
    Outcome,
    Principal,
    Scope,
    Session,
    SessionId,
    TenantId,
    ToolName,
    ToolSpec,
    Wasm,
)
from holdfast.contracts._mint import mint
from holdfast.contracts.limits import MIB
from holdfast.sandbox.wasm.module_scan import scan
from holdfast.sandbox.wasm.pool import PoolBounds
from holdfast.sandbox.wasm.report import ModuleRefused
from holdfast.sandbox.wasm.runtime import WasmRuntime

EVERYTHING = Grants()
KEY = bytes(range(32))
LIMITS = Limits(fuel=100_000_000, memory_bytes=4 * MIB, wall_ms=10_000, output_bytes=1000, host_calls=0)


@cache
def assembled(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def authorized(spec: ToolSpec, arguments: Mapping, tenant: str, limits: Limits | None):
    principal = Principal(subject="someone", tenant=TenantId(tenant), scopes=frozenset({Scope.CALL}))
    session = Session(id=SessionId("s"), principal="someone", tenant=TenantId(tenant), labels=frozenset())
    return mint(
        {
            "call_id": CallId("c"),
            "spec": spec,
            "arguments": arguments,
            "principal": principal,
            "session": session,
            "limits": limits or spec.limits,
        }
    )


@dataclass
class World:
    """One runtime, the modules it can fetch, and how to call them."""

    runtime: WasmRuntime
    modules: dict[Digest, bytes] = field(default_factory=dict)

    def tool(self, module: str | bytes, *, grants: Grants = EVERYTHING, abi: str | None = None, **limits) -> ToolSpec:
        wasm = assembled(module) if isinstance(module, str) else module
        digest = Digest.of(wasm)
        self.modules[digest] = wasm
        try:
            found = scan(wasm).abi
        except ModuleRefused:
            found = "wasi-command"
        return ToolSpec(
            name=ToolName("tool"),
            description="a guest of the tests",
            input_schema={"type": "object"},
            effects=frozenset(),
            runtime=Wasm(module=digest, abi=abi or found),
            limits=replace(LIMITS, **limits),
            grants=grants,
        )

    async def call(self, spec: ToolSpec, *, tenant: str = "one", limits: Limits | None = None, **arguments) -> Outcome:
        return await self.runtime.run(authorized(spec, arguments, tenant, limits))


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled modules, shared by the tests that do not tamper with them."""
    return tmp_path_factory.mktemp("artifacts") / "native"


@pytest.fixture
async def raised(artifacts: Path, anyio_backend: str):
    """Makes worlds with bounds of their own, and ends them."""
    worlds = []

    def make(folder: Path = artifacts, key: bytes = KEY, **bounds) -> World:
        modules: dict[Digest, bytes] = {}
        runtime = WasmRuntime(modules.__getitem__, artifacts=folder, artifact_key=key, bounds=PoolBounds(**bounds))
        worlds.append(World(runtime, modules))
        return worlds[-1]

    yield make
    for world in worlds:
        await world.runtime.close()
        assert world.runtime.worker_pids == ()


@pytest.fixture
async def world(raised) -> World:
    return raised()
