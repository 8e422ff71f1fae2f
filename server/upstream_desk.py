"""MCP servers as operators deal with them: entries kept, definitions compared and approved, the registry kept in step.

1. A server of the configuration file and one added by verb are alike; the file's wins its name.
2. A definition nobody approved is never in the registry, whatever its server says.
3. What is approved is what an operator was shown last: a server that lists something else by then is not approved.
4. When a catalogue changes, the registry follows before the next call; a tool that policy cannot fit stays out.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import cast

import structlog

from holdfast.contracts import (
    ALL_EFFECTS,
    Conflict,
    Digest,
    HoldfastError,
    Json,
    JsonObject,
    Limits,
    NotFound,
    OperatorError,
    ToolSpec,
    Upstream,
)
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp import (
    CatalogueDiff,
    ChildStarter,
    Definition,
    PinEntry,
    PinState,
    Prefix,
    ToolEntry,
    UpstreamConfig,
    UpstreamStatus,
)
from holdfast.sandbox.mcp import Upstreams as Connections
from holdfast.tools.registry import Registry

from .config import UpstreamSettings
from .flow.fitting import misfit
from .flow_settings import UpstreamToolSettings
from .guarding import refuse_governing
from .store import Upstreams as Entries

_log = structlog.get_logger("holdfast.upstreams")

_CONFIGURED = "configuration"


class StoredPins:
    """The `PinStore` port over the store: what was approved, by server and tool."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    async def get(self, upstream: str, /) -> Mapping[str, Digest]:
        """The approved digests of *upstream*."""
        pairs = await self._entries.pins(upstream)
        return {tool: pair.approved.digest for tool, pair in pairs.items() if pair.approved is not None}

    async def put(self, upstream: str, tool: str, definition: Digest, /) -> None:
        """Approve what was seen; nothing is left to do where somebody else approved exactly that meanwhile."""
        try:
            await self._entries.approve(upstream, tool, definition, by="operator")
        except Conflict:
            approved = (await self._entries.pair(upstream, tool)).approved
            if approved is None or approved.digest != definition:
                raise

    async def remove(self, upstream: str, tool: str, /) -> None:
        """Withdraw an approval."""
        await self._entries.withdraw(upstream, tool)


class UpstreamDesk:
    """What an operator asks about MCP servers."""

    def __init__(
        self,
        *,
        entries: Entries,
        start: ChildStarter | None,
        registry: Registry,
        refit: Callable[[Sequence[ToolSpec]], None],
        limits: Limits = UPSTREAM,
        prefix: Prefix = Prefix.NAME,
        guarded: Sequence[Path] = (),
    ) -> None:
        """*guarded* is what no server may be granted to write."""
        self._entries = entries
        self._connections = Connections(pins=StoredPins(entries), start=start, changed=lambda _name: self.sync())
        self._registry = registry
        self._refit = refit
        self._limits = limits
        self._prefix = prefix
        self._guarded = guarded
        self._told: list[Callable[[], None]] = []
        self._shown: dict[str, Mapping[str, Digest]] = {}

    @property
    def connections(self) -> Connections:
        """The live connections, for the runtime that calls through them."""
        return self._connections

    def on_change(self, told: Callable[[], None]) -> None:
        """Call *told* whenever the tools of a server have changed."""
        self._told.append(told)

    async def close(self) -> None:
        """End every connection and child."""
        await self._connections.close()

    async def open(self, configured: Sequence[UpstreamSettings]) -> None:
        """Know the configured servers and those added before; each is looked at now, and one may be down.

        One that another configuration named is left alone: a verb from another folder must not forget its approvals.
        """
        for settings in configured:
            await self._entries.put(settings.name, entry_of(settings), by=_CONFIGURED)
        names = {settings.name for settings in configured}
        for row in await self._entries.list():
            if row.added_by == _CONFIGURED and row.name not in names:
                continue
            try:
                self._connections.add(self._config(settings_of(row.entry)))
            except HoldfastError as error:
                _log.error("upstream.off", upstream=row.name, why=error.message)
        await asyncio.gather(*(self._look(name) for name in self._connections.names()))
        self.sync()

    async def add(self, settings: UpstreamSettings) -> CatalogueDiff:
        """Know a new server and look at what it offers.

        Raises: Conflict, OperatorError; ToolError when it cannot be read, and then it is not kept.
        """
        self._connections.add(self._config(settings))
        try:
            await self._forget(settings.name)  # what another configuration meant by that name, and had approved
            diff = await self._connections.refresh(settings.name)
            self._show(settings.name, diff)
            await self._entries.put(settings.name, entry_of(settings), by="operator")
        except BaseException:  # it cannot be read or kept, or whoever asked went away
            await self._connections.remove(settings.name)
            raise
        return diff

    async def diff(self, name: str) -> CatalogueDiff:
        """What *name* offers now, against what was approved. Raises: NotFound, ToolError, OperatorError."""
        diff = await self._connections.refresh(name)
        self._show(name, diff)
        self.sync()
        return diff

    async def approve(self, name: str, tools: Sequence[str]) -> CatalogueDiff:
        """Approve *tools*, or everything that waits, exactly as listed now.

        Raises: NotFound, also for a tool it does not list; ToolError; Conflict when that is not what was shown last.
        Nothing is then approved.
        """
        diff = await self._connections.refresh(name)
        for tool in tools:
            entry = diff.entry(tool)
            if entry is None or entry.definition is None:
                raise NotFound(f"upstream `{name}` lists no tool of that name which could be approved")
        waiting = (PinState.NEW, PinState.CHANGED)
        chosen = [
            entry.definition
            for entry in diff.entries
            if entry.definition is not None and entry.state in waiting and (not tools or entry.tool in tools)
        ]
        shown = self._shown.get(name, {})
        if any(shown.get(definition.tool) != definition.digest for definition in chosen):
            raise Conflict(
                "the server lists other definitions now than when it was looked at",
                remedy=f"look with `holdfast upstreams diff {name}`, then approve",
            )
        for definition in chosen:
            await self._entries.saw(
                name, definition.tool, digest=definition.digest, definition=definition_json(definition)
            )
        after = await self._connections.approve(name, {one.tool: one.digest for one in chosen})
        self.sync()
        return after

    async def remove(self, name: str) -> None:
        """Forget *name*, one that could not be started too. Raises: NotFound."""
        known = self._connections.connection(name) is not None
        if known:
            await self._connections.remove(name)
        self._shown.pop(name, None)
        if not await self._forget(name) and not known:
            raise NotFound(f"there is no upstream called `{name}`")
        self.sync()

    async def _forget(self, name: str) -> bool:
        """Let go of what is kept of *name*; answers whether there was anything."""
        kept = await self._entries.get(name) is not None
        if kept:
            await self._entries.remove(name)
        return kept

    def status(self) -> tuple[UpstreamStatus, ...]:
        """How each of them is doing."""
        return self._connections.status()

    def target(self, name: str) -> str:
        """The command or URL of *name*, for an operator."""
        connection = self._connections.connection(name)
        if connection is None:
            return ""
        return connection.config.url or " ".join(connection.config.command)

    async def changes(self, name: str, diff: CatalogueDiff) -> dict[str, list[Json]]:
        """For each changed tool, the lines that differ between its approved and its listed definition."""
        pairs = await self._entries.pins(name)
        changed: dict[str, list[Json]] = {}
        for entry in diff.entries:
            before = pairs.get(entry.tool)
            if entry.state is PinState.CHANGED and entry.definition is not None and before and before.approved:
                changed[entry.tool] = list(_lines(before.approved.definition, definition_json(entry.definition)))
        return changed

    def sync(self) -> None:
        """Bring the registry in step with what is approved and listed."""
        served = {spec.name: spec for spec in self._connections.specs() if self._makes_sense(spec)}
        for spec in self._registry.specs():
            if isinstance(spec.runtime, Upstream) and spec.name not in served:
                self._registry.remove(spec.name)
        fresh = [spec for spec in served.values() if not self._serves(spec)]
        self._take_those_that_fit(fresh)
        for told in self._told:
            told()

    def _take_those_that_fit(self, fresh: Sequence[ToolSpec]) -> None:
        """Take *fresh*, or halves of it: fitting policy takes long, and one bad tool among many is the usual case."""
        if self._fits(fresh):
            for spec in fresh:
                self._take(spec)
        elif len(fresh) == 1:
            _log.error("upstream.tool_refused", tool=fresh[0].name, why="policy does not fit it")
        elif fresh:
            half = len(fresh) // 2
            self._take_those_that_fit(fresh[:half])
            self._take_those_that_fit(fresh[half:])

    def _makes_sense(self, spec: ToolSpec) -> bool:
        """Whether its entry fits it; a tool that it does not fit is withheld, alone."""
        why = misfit(spec)
        if why is not None:
            _log.error("upstream.tool_refused", tool=spec.name, why=why)
        return why is None

    def _serves(self, spec: ToolSpec) -> bool:
        known = self._registry.get(spec.name)
        return known is not None and known.digest == spec.digest

    def _fits(self, fresh: Sequence[ToolSpec]) -> bool:
        """Fit policy to the tools there would be with *fresh*; whether it does."""
        names = {spec.name for spec in fresh}
        others = [spec for spec in self._registry.specs() if spec.name not in names]
        try:
            self._refit([*others, *fresh])
        except OperatorError:
            return False
        return True

    def _take(self, spec: ToolSpec) -> None:
        try:
            if self._registry.get(spec.name) is None:
                self._registry.add(spec)
            else:
                self._registry.replace(spec)
        except OperatorError as error:
            _log.error("upstream.tool_refused", tool=spec.name, why=error.message)

    def _show(self, name: str, diff: CatalogueDiff) -> None:
        """Note what an operator can have seen of *name*."""
        self._shown[name] = {
            entry.tool: entry.definition.digest for entry in diff.entries if entry.definition is not None
        }

    async def _look(self, name: str) -> None:
        try:
            self._show(name, await self._connections.refresh(name))
        except HoldfastError as error:
            _log.warning("upstream.down", upstream=name, why=error.message)

    def _config(self, settings: UpstreamSettings) -> UpstreamConfig:
        refuse_governing(settings, self._guarded)
        grants = settings.grants
        return UpstreamConfig(
            name=settings.name,
            command=settings.command or (),
            url=settings.url,
            env=tuple(grants.env.items()),
            readable=tuple(str(path) for path in grants.read),
            writable=tuple(str(path) for path in grants.write),
            network=grants.network,
            effects=ALL_EFFECTS if settings.effects is None else frozenset(settings.effects),
            tools={tool.name: _entry(tool) for tool in settings.tools},
            limits=self._limits,
            prefix=self._prefix,
        )


def _entry(tool: UpstreamToolSettings) -> ToolEntry:
    return ToolEntry(effects=None if tool.effects is None else frozenset(tool.effects), flow=tool.flow())


def entry_of(settings: UpstreamSettings) -> dict[str, Json]:
    """*settings* as they are kept."""
    return cast("dict[str, Json]", settings.model_dump(mode="json", exclude_defaults=True) | {"name": settings.name})


def settings_of(entry: JsonObject) -> UpstreamSettings:
    """Kept settings as values. Raises: OperatorError when a version that knew other keys wrote them."""
    try:
        return UpstreamSettings.model_validate(dict(entry))
    except ValueError:
        raise OperatorError("a stored upstream entry cannot be read; remove and add it again") from None


def _lines(before: JsonObject, after: JsonObject) -> Iterator[str]:
    old, new = (json.dumps(one, indent=1, sort_keys=True, ensure_ascii=False).splitlines() for one in (before, after))
    return (line for line in unified_diff(old, new, lineterm="", n=1) if not line.startswith(("---", "+++")))


def definition_json(definition: Definition) -> dict[str, Json]:
    """The definition as an operator reads it."""
    return {
        "tool": definition.tool,
        "served": definition.served,
        "title": definition.title,
        "description": definition.description,
        "input_schema": dict(definition.input_schema),
        "output_schema": None if definition.output_schema is None else dict(definition.output_schema),
        "annotations": dict(definition.annotations),
        "digest": str(definition.digest),
    }


def entry_json(entry: PinEntry) -> dict[str, Json]:
    """One row of a comparison."""
    return {"tool": entry.tool, "state": entry.state.value, "why": entry.reason}
