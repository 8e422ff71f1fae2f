"""Real layers, store, gate, flow and dispatcher around the modelled world; only the upstreams are not ours."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from holdfast.contracts import Authorized, Effect, Label, Outcome, Principal, ToolName, ToolSpec
from holdfast.safety.policy import PolicyBundle
from holdfast.sandbox.builtin import BuiltinRuntime
from holdfast.sandbox.workspace import WorkspaceBroker
from holdfast.server.assembly import Dispatching, State, build_layers, ground_of, open_state, secrecy_of
from holdfast.server.config import AuditSettings, LimitSettings, Settings, StoreSettings
from holdfast.server.data_dir import DataDir
from holdfast.server.dispatch import Dispatcher, KeptOutputs, Layers, Runtimes
from holdfast.server.metrics import Metrics
from holdfast.server.policies import PROFILES
from holdfast.server.policy_files import read_policy_files
from holdfast.server.store import Approval
from holdfast.server.upstream_settings import UpstreamSettings
from holdfast.tools.builtin import echo, file_grep, file_list, file_read, file_write, output_read
from holdfast.tools.registry import Registry

from .flow_tools import PLANS, SERVERS, rows
from .flow_world import World

SHOWN_BYTES = 60
"""Of an answer of `file_read`, so that something stays behind `output_read`."""
BUILTINS = (
    echo.SPEC,
    replace(file_read.SPEC, limits=replace(file_read.SPEC.limits, output_bytes=SHOWN_BYTES)),
    file_write.SPEC,
    file_list.SPEC,
    file_grep.SPEC,
    output_read.SPEC,
)


def catalogue() -> Registry:
    """Every tool of the world."""
    registry = Registry()
    for spec in BUILTINS:
        registry.add_builtin(spec)
    for plan in PLANS:
        registry.add(plan.spec())
    return registry


@lru_cache(maxsize=1)
def bundles() -> Mapping[str, PolicyBundle]:
    """The shipped policies of every profile."""
    sources, cases = read_policy_files(None)
    specs = catalogue().specs()
    return {profile: PolicyBundle.load(sources, cases, profile=profile, specs=specs) for profile in PROFILES}


@lru_cache(maxsize=1)
def scanning() -> Layers:
    """The layers, built once: the leak rules take seconds to compile."""
    return build_layers()


def judging(principal: Principal) -> PolicyBundle:
    """The profile that a principal names, or `supervised`."""
    return bundles()[principal.profile or "supervised"]


@dataclass
class Switch:
    """The `Runtime` of all upstreams: the world of whatever example runs now."""

    world: World = field(default_factory=World)

    async def run(self, call: Authorized) -> Outcome:
        return await self.world.run(call)


@dataclass
class Seen:
    """The `Runtime` of our own tools, with who reached it."""

    runtime: BuiltinRuntime
    ran: list[Authorized] = field(default_factory=list)

    async def run(self, call: Authorized) -> Outcome:
        self.ran.append(call)
        return await self.runtime.run(call)


@dataclass(kw_only=True)
class House:
    """What the laws look at."""

    state: State
    dispatcher: Dispatcher
    registry: Registry
    upstream: Switch
    builtin: Seen
    workspace: Path
    asked: list[Approval]


@asynccontextmanager
async def open_house(root: Path, *, store: str | None = "sqlite://") -> AsyncGenerator[House]:
    """A house on *root*, in memory unless *store* says otherwise; None: a file."""
    workspace = root / "workspace"
    workspace.mkdir(exist_ok=True)
    settings = Settings(
        audit=AuditSettings(durability="process"),
        limits=LimitSettings(burst=1_000_000, calls_per_minute=1_000_000),
        store=StoreSettings(url=store),
        labels=rows(),
        upstreams=tuple(_upstream(name) for name in SERVERS),
    )
    async with AsyncExitStack() as stack:
        state = await open_state(stack, settings, DataDir.open(root / "data"))
        files = stack.enter_context(WorkspaceBroker(workspace))
        kept, asked, registry, upstream = KeptOutputs(), list[Approval](), catalogue(), Switch()
        secrecy = secrecy_of(state, DataDir.open(root / "data"), replace(scanning(), policy=judging))
        handlers = {
            echo.SPEC.name: echo.echo,
            file_read.SPEC.name: file_read.FileRead(files, secrecy.scrubber),
            file_write.SPEC.name: file_write.FileWrite(files),
            file_list.SPEC.name: file_list.FileList(files),
            file_grep.SPEC.name: file_grep.FileGrep(files, secrecy.scrubber),
            output_read.SPEC.name: output_read.OutputRead(kept),
        }
        builtin = Seen(BuiltinRuntime(handlers))
        runtimes = Runtimes(builtin=builtin, wasm=upstream, upstream=upstream)
        ground = ground_of(settings, files, SERVERS)
        dispatching = Dispatching(settings, state, secrecy, runtimes, ground, kept, Metrics(), asked.append)
        yield House(
            state=state,
            dispatcher=dispatching.over(registry),
            registry=registry,
            upstream=upstream,
            builtin=builtin,
            workspace=workspace,
            asked=asked,
        )


def _upstream(name: str) -> UpstreamSettings:
    tools = tuple(plan.settings() for plan in PLANS if plan.server == name)
    return UpstreamSettings(name=name, url="http://127.0.0.1:9/mcp", effects=None, tools=tools)


def spec_of(house: House, name: ToolName) -> ToolSpec:
    found = house.registry.get(name)
    assert found is not None
    return found


CONSEQUENTIAL = frozenset({Effect.WRITE, Effect.EGRESS, Effect.EXECUTE, Effect.SPEND})
BOTH = frozenset(Label)
