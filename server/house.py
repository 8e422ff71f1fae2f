"""The assembled house: every part of one running Holdfast, built in order and closed in the reverse order."""

import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path

from holdfast.contracts import Reason, ToolSpec
from holdfast.sandbox.builtin import BuiltinRuntime
from holdfast.sandbox.mcp import McpRuntime, Prefix
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.registry import Registry

from .admin import DataDirLock
from .assembly import (
    Desks,
    Dispatching,
    State,
    WithOne,
    Workshop,
    build_layers,
    desks_of,
    ground_of,
    open_state,
    open_upstreams,
    open_wasm,
    open_webhook,
    open_workshop,
    output_mismatch,
    prove_wasm,
    shared_artifacts,
    wasm_off,
)
from .audit import AuditLog
from .config import Settings
from .data_dir import DataDir
from .dispatch import Dispatcher, KeptOutputs, Runtimes
from .guarding import guarded_paths
from .metrics import Metrics
from .policies import Policies
from .registrar import Registrar
from .scanning import Scanner
from .scrubbing import DetectorScrubber
from .store import Approvals, Sessions, Tokens
from .upstream_desk import UpstreamDesk
from .webhooks import Questions


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything an HTTP, MCP or command-line face needs."""

    settings: Settings
    data: DataDir
    dispatcher: Dispatcher
    registry: Registry
    policies: Policies
    scanner: Scanner
    registrar: Registrar
    upstreams: UpstreamDesk
    state: State
    desks: Desks
    metrics: Metrics
    off: Mapping[str, Reason]
    """Parts that cannot run here, and why."""
    trial: Callable[[ToolSpec], Dispatcher]
    """A dispatcher that also knows one pending tool: every layer and record, but only the operator's hands on it."""

    worker_pids: Callable[[], tuple[int, ...]]
    """The WASM workers that live now."""

    @property
    def audit(self) -> AuditLog:
        """The record."""
        return self.state.audit

    @property
    def approvals(self) -> Approvals:
        """What waits for somebody."""
        return self.state.approvals

    @property
    def sessions(self) -> Sessions:
        """The model contexts."""
        return self.state.sessions

    @property
    def tokens(self) -> Tokens:
        """The local tokens."""
        return self.state.tokens


class Holding(Enum):
    """Who may be on a data directory."""

    ALONE = auto()
    SHARED = auto()
    """Others too, each with an audit chain of its own; there is then no admin socket."""


class Proving(Enum):
    """Whether confinement is proven by live probes before the house opens."""

    LIVE = auto()
    """Once for each start of the machine."""
    EACH_WORKER = auto()
    """Each worker's threads are looked at all the same; enough for one call of an operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a house is opened, beyond its settings."""

    config: Path | None = None
    """The file the settings came from; no tool may write it."""
    prefix: Prefix = Prefix.NAME
    holding: Holding = Holding.ALONE
    proving: Proving = Proving.LIVE
    builtins: frozenset[str] | None = None
    """Only these of our own tools; None means all."""


@asynccontextmanager
async def open_house(settings: Settings, root: Path, opening: Opening = Opening()) -> AsyncGenerator[House]:
    """Open the house on data directory *root*.

    Raises: OperatorError naming what is wrong and what to do; nothing is left running.
    """
    os.umask(0o077)
    data = DataDir.open(root)
    async with AsyncExitStack() as stack:
        if opening.holding is Holding.ALONE:
            stack.enter_context(DataDirLock(data.root))
        state = await open_state(stack, settings, data)
        kept = KeptOutputs()
        guarded = guarded_paths(settings, data, opening.config)
        kept_artifacts = shared_artifacts(data)
        scanning = build_layers(settings.limits, kept_artifacts)
        workshop = await open_workshop(stack, settings, kept, DetectorScrubber(scanning), guarded)
        registry = _registry(workshop, opening)
        policies = Policies(settings.policy.dir, settings.policy.profile, registry.specs)
        wasm, registrar = await open_wasm(stack, settings, data, state, registry, policies)
        upstreams = await open_upstreams(
            stack, settings, state, registry, policies, workshop.launcher, opening.prefix, guarded
        )
        policies.fit(registry.specs())
        if opening.proving is Proving.LIVE:
            await prove_wasm(wasm, kept_artifacts)
        layers = replace(scanning, policy=policies.of)
        runtimes = _runtimes(workshop, wasm, upstreams)
        metrics, questions = Metrics(), Questions()
        ground = ground_of(settings, workshop.files, upstreams.connections.names())
        dispatching = Dispatching(settings, state, layers, runtimes, ground, kept, metrics, asked=questions.asked)
        desks = desks_of(state, registry, policies, dispatching.flow)
        open_webhook(stack, settings, desks.approvals, questions)
        yield House(
            settings=settings,
            data=data,
            dispatcher=dispatching.over(registry),
            registry=registry,
            policies=policies,
            scanner=Scanner(layers),
            registrar=registrar,
            upstreams=upstreams,
            state=state,
            desks=desks,
            metrics=metrics,
            off=_off(workshop, runtimes),
            worker_pids=lambda: wasm.worker_pids,
            trial=lambda spec: dispatching.over(WithOne(registry, spec), policy=policies.trying(spec)),
        )


def _registry(workshop: Workshop, opening: Opening) -> Registry:
    registry = Registry()
    for spec in workshop.specs:
        if opening.builtins is None or spec.name in opening.builtins:
            registry.add_builtin(spec)
    return registry


def _runtimes(workshop: Workshop, wasm: WasmRuntime, upstreams: UpstreamDesk) -> Runtimes:
    return Runtimes(
        builtin=BuiltinRuntime(workshop.handlers),
        wasm=wasm if wasm.unavailable is None else wasm_off(wasm.unavailable),
        upstream=McpRuntime(upstreams.connections, check_output=output_mismatch),
    )


def _off(workshop: Workshop, runtimes: Runtimes) -> Mapping[str, Reason]:
    off = dict(workshop.off)
    if isinstance(runtimes.wasm, Reason):
        off["wasm"] = runtimes.wasm
    return off
