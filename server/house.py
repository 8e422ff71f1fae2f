"""The assembled house: every part of one running Holdfast, built in order and closed in the reverse order."""

import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from holdfast.contracts import Reason, ToolSpec
from holdfast.sandbox.builtin import BuiltinRuntime
from holdfast.sandbox.mcp import BreakerState, McpRuntime
from holdfast.sandbox.wasm.broker import Powers
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.registry import Registry

from .admin import DataDirLock
from .assembly import (
    Cleaning,
    Desks,
    Dispatching,
    KeyedFiles,
    Nesting,
    Secrecy,
    State,
    WithOne,
    Workshop,
    add_javascript,
    add_python,
    build_desk_of,
    build_layers,
    desks_of,
    ground_of,
    isolation_of,
    judging_of,
    observing_in,
    open_cleaning,
    open_state,
    open_upstreams,
    open_warming,
    open_wasm,
    open_webhook,
    open_workshop,
    output_mismatch,
    policies_of,
    powers_of,
    prove_wasm,
    secrecy_of,
    shared_artifacts,
    talking_of,
    wasm_off,
)
from .audit import AuditLog
from .build_desk import BuildDesk
from .catalogue.lock import lock_path
from .config import Settings
from .data_dir import DataDir
from .dispatch import Dispatcher, KeptOutputs, Runtimes
from .flow import Currents, Ground
from .guarding import guarded_paths
from .metrics import Metrics
from .policies import Policies
from .quarantining import Quarantining
from .registrar import Registrar
from .scanning import Scanner
from .store import Approvals, Sessions, Tokens
from .talking import AskingRuntime, Talking
from .upstreams.desk import UpstreamDesk
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
    talking: Talking
    """What passes between running calls and who made them."""
    metrics: Metrics
    off: Mapping[str, Reason]
    """Parts that cannot run here, and why."""
    builds: BuildDesk
    trial: Callable[[ToolSpec], Dispatcher]
    """A dispatcher that also knows one pending tool: every layer and record, but only the operator's hands on it."""

    powers: Powers
    """What a sandboxed tool can reach in the middle of its call, where its manifest grants it."""
    worker_pids: Callable[[], tuple[int, ...]]
    """The WASM workers that live now."""
    withhold: Callable[[str, str], None]
    """No sandboxed tool is given that capability from here on, and whoever asks is told why."""

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
        state, kept = await open_state(stack, settings, data), KeptOutputs()
        guarded, kept_artifacts = guarded_paths(settings, data, opening.config), shared_artifacts(data)
        scanning = build_layers(settings.limits, kept_artifacts, _cleaning(stack, settings), settings.pii)
        secrecy = secrecy_of(state, data, scanning)
        workshop = await open_workshop(stack, settings, kept, secrecy.scrubber, guarded, state.vault)
        registry, lock = _registry(workshop, opening), lock_path(settings.catalogue.lock, opening.config, data.root)
        policies = policies_of(settings, registry.specs)
        powers = powers_of(workshop, state, secrecy, nesting := Nesting())
        wasm, registrar = await open_wasm(stack, settings, data, state, registry, policies, powers)
        upstreams = await open_upstreams(stack, settings, state, registry, policies, workshop.launcher, guarded, lock)
        await _wasm_tools(stack, settings, data, opening, wasm, kept_artifacts, workshop, registry)
        policies.fit(registry.specs())
        talking, metrics = talking_of(secrecy, upstreams), _metrics(upstreams, policies, settings)
        judging, questions = _judging(stack, settings, opening, secrecy, policies, registry), Questions()
        runtimes = _runtimes(workshop, wasm, registrar, upstreams, talking)
        ground = ground_of(settings, workshop.files, upstreams.connections.names())
        dispatching = Dispatching(settings, state, judging, runtimes, ground, kept, metrics, asked=questions.asked)
        dispatcher = _bound(nesting, talking, dispatching, registry, ground, state)
        desks = desks_of(state, registry, policies, dispatching.flow)
        open_webhook(stack, settings, desks.approvals, questions)
        yield House(
            settings=settings,
            data=data,
            dispatcher=dispatcher,
            registry=registry,
            policies=policies,
            scanner=Scanner(scanning),
            registrar=registrar,
            upstreams=upstreams,
            state=state,
            desks=desks,
            talking=talking,
            metrics=metrics,
            off=_off(workshop, runtimes),
            builds=build_desk_of(settings, data, state, registrar, workshop, wasm, scanning),
            powers=powers,
            worker_pids=lambda: wasm.worker_pids,
            withhold=wasm.withhold,
            trial=lambda spec: dispatching.over(WithOne(registry, spec), policy=policies.trying(spec)),
        )


def _judging(
    stack: AsyncExitStack,
    settings: Settings,
    opening: Opening,
    secrecy: Secrecy,
    policies: Policies,
    registry: Registry,
) -> Secrecy:
    """What judges calls; made ready for them, but not where one call is all that comes."""
    judging = judging_of(settings, secrecy, policies)
    if opening.proving is Proving.LIVE:
        open_warming(stack, judging, policies, registry.specs())
    return judging


def _cleaning(stack: AsyncExitStack, settings: Settings) -> Cleaning:
    hosts = [row.host for row in settings.egress]
    return open_cleaning(stack, hosts=hosts, html_cleaner=settings.html_cleaner)


def _metrics(upstreams: UpstreamDesk, policies: Policies, settings: Settings) -> Metrics:
    metrics = Metrics()
    metrics.watch_drift(lambda: len(policies.drifted))
    metrics.observing(observing_in(settings).names)
    metrics.watch_upstreams(upstreams.connections.count, BreakerState)
    return metrics


async def _wasm_tools(
    stack: AsyncExitStack,
    settings: Settings,
    data: DataDir,
    opening: Opening,
    wasm: WasmRuntime,
    artifacts: KeyedFiles | None,
    workshop: Workshop,
    registry: Registry,
) -> None:
    """Prove that workers are confined, and add what runs in one of ours."""
    if opening.proving is Proving.LIVE:
        await prove_wasm(wasm, artifacts)
    for name, add in (("python", add_python), ("javascript", add_javascript)):
        wanted = opening.builtins is None or name in opening.builtins
        add(stack, settings, data, wasm, workshop, registry if wanted else None)


def _bound(
    nesting: Nesting, talking: Talking, dispatching: Dispatching, registry: Registry, ground: Ground, state: State
) -> Dispatcher:
    """The dispatcher of the house, which nested calls and the questions of servers go through as well."""
    dispatcher = dispatching.over(registry)
    currents = Currents(flow=dispatching.flow, ground=ground, sessions=state.sessions, places=state.places)
    nesting.bind(dispatcher, currents)
    talking.bind(dispatcher, dispatching.flow.passing)
    return dispatcher


NAMED_IN_POLICIES: Final = frozenset({"http_fetch"})
"""Of our own tools; no other may pass for one of them, even where ours is not there."""


def _registry(workshop: Workshop, opening: Opening) -> Registry:
    registry = Registry() if opening.builtins is None else Registry(ours=opening.builtins | NAMED_IN_POLICIES)
    for spec in workshop.specs:
        if opening.builtins is None or spec.name in opening.builtins:
            registry.add_builtin(spec)
    return registry


def _runtimes(
    workshop: Workshop, wasm: WasmRuntime, registrar: Registrar, upstreams: UpstreamDesk, talking: Talking
) -> Runtimes:
    return Runtimes(
        builtin=BuiltinRuntime(workshop.handlers),
        wasm=Quarantining(wasm, registrar) if wasm.unavailable is None else wasm_off(wasm.unavailable),
        upstream=AskingRuntime(McpRuntime(upstreams.connections, check_output=output_mismatch, talk=talking), talking),
        isolation=isolation_of(upstreams.connections),
    )


def _off(workshop: Workshop, runtimes: Runtimes) -> Mapping[str, Reason]:
    off = dict(workshop.off)
    if isinstance(runtimes.wasm, Reason):
        off["wasm"] = runtimes.wasm
    return off
