"""The parts that run what is not ours: WASM tools with their registrar, and MCP servers with their desk."""

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from holdfast.contracts import Reason
from holdfast.contracts.limits import JAVASCRIPT_CEILING, PYTHON_CEILING, UPSTREAM, WASM_CEILING
from holdfast.sandbox.children import Launcher
from holdfast.sandbox.mcp import Keyring, UpstreamConfig
from holdfast.sandbox.mcp.confined import ConfinedStarter
from holdfast.sandbox.wasm.broker import Powers
from holdfast.sandbox.wasm.pool import PoolBounds
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.manifest import Ceilings
from holdfast.tools.registry import Registry

from ..catalogue.lock import CatalogueLock
from ..config import LimitSettings, Settings
from ..data_dir import DataDir
from ..dispatch import Outbound
from ..guarding import Guarded, refuse_governing
from ..policies import Policies
from ..principals import LOCAL_TENANT
from ..registrar import ModuleFiles, Registrar
from ..screening import DetectorScreen
from ..talking import Talking
from ..trust import Trust
from ..upstreams.desk import UpstreamDesk
from .nesting import Nesting
from .secrecy import Secrecy
from .state import State
from .workshop import Workshop


async def open_wasm(
    stack: AsyncExitStack,
    settings: Settings,
    data: DataDir,
    state: State,
    registry: Registry,
    policies: Policies,
    powers: Powers,
) -> tuple[WasmRuntime, Registrar]:
    """The WASM runtime, whose tools reach *powers*, and the registrar with every approved tool in *registry*.

    Raises: OperatorError when the artifacts' folder will not do.
    """
    files = ModuleFiles(data.modules)
    runtime = WasmRuntime(
        files.read,
        artifacts=data.native / "wasm",
        artifact_key=data.key("native"),
        bounds=PoolBounds(workers=settings.limits.wasm_workers),
        powers=powers,
    )
    stack.push_async_callback(runtime.close)
    registrar = Registrar(
        tools=state.tools,
        files=files,
        registry=registry,
        runtime=runtime,
        refit=policies.fit,
        audit=state.audit,
        kept=state.kept,
        secrets=state.vault,
        ceilings=ceilings_of(settings.limits),
        trust=Trust(settings.trust),
    )
    await registrar.open()
    return runtime, registrar


def powers_of(workshop: Workshop, state: State, secrecy: Secrecy, nesting: Nesting) -> Powers:
    """What the broker of a call can reach, if the tool's manifest grants it."""
    return Powers(
        egress=workshop.egress,
        screen=DetectorScreen(secrecy.layers, secrecy.guessing),
        files=workshop.files,
        kv=state.kept,
        secrets=state.vault,
        invoke=nesting,
        labelling=nesting,
    )


async def open_upstreams(
    stack: AsyncExitStack,
    settings: Settings,
    state: State,
    registry: Registry,
    policies: Policies,
    launcher: Launcher | None,
    guarded: Guarded,
    lock: Path,
) -> UpstreamDesk:
    """The desk of MCP servers, every known one looked at once. What is approved of them is in the file *lock*.

    Raises: OperatorError when one of the configuration may write what is *guarded*.
    """
    for upstream in settings.upstreams:
        refuse_governing(upstream, guarded)
    desk = UpstreamDesk(
        entries=state.upstreams,
        lock=CatalogueLock(lock),
        start=None if launcher is None else ConfinedStarter(launcher),
        registry=registry,
        policies=policies,
        limits=replace(UPSTREAM, wall_ms=settings.limits.upstream_wall_ms, output_bytes=settings.limits.output_bytes),
        guarded=guarded,
        approver=settings.catalogue.approver,
        keyring=Keyring(vault=state.vault, tokens=state.upstream_tokens, looker=LOCAL_TENANT),
    )
    stack.push_async_callback(desk.close)
    await desk.open(settings.upstreams)
    return desk


def talking_of(secrecy: Secrecy, desk: UpstreamDesk) -> Talking:
    """What passes between running calls and who made them.

    What the entries of *desk* send along is a secret of the house from here on.
    """
    connections = desk.connections

    def entries() -> tuple[UpstreamConfig, ...]:
        known = map(connections.config, connections.names())
        return tuple(one for one in known if one is not None)

    secrecy.held.bind(entries)
    outbound = Outbound(secrecy.layers.sanitizer, secrecy.layers.detectors, secrecy.layers.injection)
    return Talking(outbound, connections.config, secrecy.guessing)


def ceilings_of(limits: LimitSettings) -> Ceilings:
    """The most a manifest may ask for here; source text, what the server gives the interpreter."""
    module = replace(
        WASM_CEILING,
        fuel=limits.wasm_fuel,
        memory_bytes=limits.wasm_memory_bytes,
        wall_ms=limits.wasm_wall_ms,
        output_bytes=limits.output_bytes,
    )
    python = replace(
        PYTHON_CEILING,
        output_bytes=limits.output_bytes,
        memory_bytes=limits.python_memory_bytes,
        wall_ms=limits.python_wall_ms,
    )
    javascript = replace(
        JAVASCRIPT_CEILING,
        output_bytes=limits.output_bytes,
        memory_bytes=limits.javascript_memory_bytes,
        wall_ms=limits.javascript_wall_ms,
    )
    return Ceilings(module=module, python=python, javascript=javascript)


def wasm_off(why: str) -> Reason:
    """The reason calls to WASM tools are denied with where they cannot be confined."""
    return Reason(
        code="wasm/unavailable",
        layer="wasm",
        message="WebAssembly tools cannot be confined on this machine",
        remedy=f"{why}; `holdfast doctor` shows each probe",
    )
