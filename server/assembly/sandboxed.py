"""The parts that run what is not ours: WASM tools with their registrar, and MCP servers with their desk."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from holdfast.contracts import Limits, Reason
from holdfast.contracts.limits import UPSTREAM, WASM_CEILING
from holdfast.sandbox.children import Launcher
from holdfast.sandbox.mcp import Prefix
from holdfast.sandbox.mcp.confined import ConfinedStarter
from holdfast.sandbox.wasm.pool import PoolBounds
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.registry import Registry

from ..config import LimitSettings, Settings
from ..data_dir import DataDir
from ..guarding import refuse_governing
from ..policies import Policies
from ..registrar import ModuleFiles, Registrar
from ..upstream_desk import UpstreamDesk
from .state import State


async def open_wasm(
    stack: AsyncExitStack, settings: Settings, data: DataDir, state: State, registry: Registry, policies: Policies
) -> tuple[WasmRuntime, Registrar]:
    """The WASM runtime, and the registrar with every approved tool in *registry*.

    Raises: OperatorError when the artifacts' folder will not do.
    """
    files = ModuleFiles(data.modules)
    runtime = WasmRuntime(
        files.read,
        artifacts=data.native / "wasm",
        artifact_key=data.key("native"),
        bounds=PoolBounds(workers=settings.limits.wasm_workers),
    )
    stack.push_async_callback(runtime.close)
    registrar = Registrar(
        tools=state.tools,
        files=files,
        registry=registry,
        runtime=runtime,
        refit=policies.fit,
        audit=state.audit,
        ceiling=wasm_ceiling(settings.limits),
    )
    await registrar.open()
    return runtime, registrar


async def open_upstreams(
    stack: AsyncExitStack,
    settings: Settings,
    state: State,
    registry: Registry,
    policies: Policies,
    launcher: Launcher | None,
    prefix: Prefix,
    guarded: Sequence[Path],
) -> UpstreamDesk:
    """The desk of MCP servers, every known one looked at once.

    Raises: OperatorError when one of the configuration may write what is *guarded*.
    """
    for upstream in settings.upstreams:
        refuse_governing(upstream, guarded)
    desk = UpstreamDesk(
        entries=state.upstreams,
        start=None if launcher is None else ConfinedStarter(launcher),
        registry=registry,
        refit=policies.fit,
        limits=replace(UPSTREAM, wall_ms=settings.limits.upstream_wall_ms, output_bytes=settings.limits.output_bytes),
        prefix=prefix,
        guarded=guarded,
    )
    stack.push_async_callback(desk.close)
    await desk.open(settings.upstreams)
    return desk


def wasm_ceiling(limits: LimitSettings) -> Limits:
    """The most a manifest may ask for here."""
    return replace(
        WASM_CEILING,
        fuel=limits.wasm_fuel,
        memory_bytes=limits.wasm_memory_bytes,
        wall_ms=limits.wasm_wall_ms,
        output_bytes=limits.output_bytes,
    )


def wasm_off(why: str) -> Reason:
    """The reason calls to WASM tools are denied with where they cannot be confined."""
    return Reason(
        code="wasm/unavailable",
        layer="wasm",
        message="WebAssembly tools cannot be confined on this machine",
        remedy=f"{why}; `holdfast doctor` shows each probe",
    )
