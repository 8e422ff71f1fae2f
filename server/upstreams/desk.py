"""MCP servers as operators deal with them: entries kept, definitions compared and approved, the registry kept in step.

1. A server of the configuration file and one added by verb are alike; the file's wins its name.
2. A definition nobody approved is never in the registry, whatever its server says.
3. What is approved is what an operator was shown last: a server that lists something else by then is not approved.
4. When a catalogue changes, the registry follows before the next call; a tool that policy cannot fit is withheld.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import structlog

from holdfast.contracts import (
    Conflict,
    Digest,
    Forbidden,
    HoldfastError,
    InvalidRequest,
    Json,
    JsonObject,
    Limits,
    NotFound,
    OperatorError,
    TenantId,
    ToolSpec,
    Upstream,
)
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp import (
    CatalogueDiff,
    ChildStarter,
    Defined,
    Keyring,
    PinState,
    UpstreamStatus,
)
from holdfast.sandbox.mcp import Upstreams as Connections
from holdfast.tools.registry import Registry

from ..catalogue.differences import ELSEWHERE, changed_lines, definition_json, renames
from ..catalogue.lock import CatalogueLock
from ..catalogue.lockfile import MAX_APPROVER, Approval
from ..catalogue.pinning import LockedPins
from ..flow.fitting import misfit
from ..guarding import NOTHING, Guarded
from ..policies import Fitting
from ..store import Upstreams as Entries
from ..upstream_settings import UpstreamSettings
from ..who import os_user
from .entries import config_of, entry_of, identity_of, settings_of
from .logins import Logins
from .looks import Looks

_log = structlog.get_logger("holdfast.upstreams")

OPEN_SECONDS = 5.0
"""How long the start waits for servers that are slow to get ready."""

_CONFIGURED = "configuration"

Heard: TypeAlias = Callable[[str, TenantId | None], None]

Approver: TypeAlias = Literal["anyone", "another"]
"""Who may approve: anyone, or anyone but who added the server."""


class UpstreamDesk:
    """What an operator asks about MCP servers."""

    def __init__(  # noqa: PLR0913 -- each is a part of its own, and all are named
        self,
        *,
        entries: Entries,
        lock: CatalogueLock,
        start: ChildStarter | None,
        registry: Registry,
        policies: Fitting,
        limits: Limits = UPSTREAM,
        guarded: Guarded = NOTHING,
        approver: Approver = "anyone",
        keyring: Keyring | None = None,
    ) -> None:
        """*guarded* is what no server may be granted; *lock* is where approvals are kept."""
        self._entries = entries
        self._lock = lock
        self._approver: Approver = approver
        self._connections = Connections(
            pins=LockedPins(lock, self._identity),
            start=start,
            changed=lambda _name: self.sync(),
            updated=self._updated,
            keyring=keyring,
        )
        self.logins = Logins(self._connections)
        self.looks = Looks()
        self._registry = registry
        self._policies = policies
        policies.on_change(self.sync)
        self._limits = limits
        self._guarded = guarded
        self._told: list[Callable[[], None]] = []
        self._told_updated: list[Heard] = []
        self._shown: dict[str, Mapping[str, Digest]] = {}

    @property
    def connections(self) -> Connections:
        """The live connections, for the runtime that calls through them."""
        return self._connections

    def on_change(self, told: Callable[[], None]) -> None:
        """Call *told* whenever the tools of a server have changed."""
        self._told.append(told)

    def on_update(self, told: Heard) -> None:
        """Tell *told* the served URI of each watched resource that is another, and whose it is; None: everybody's."""
        self._told_updated.append(told)

    def _updated(self, served: str, tenant: TenantId | None) -> None:
        for told in self._told_updated:
            told(served, tenant)

    async def close(self) -> None:
        """End every connection, child and sign-in."""
        await self.logins.close()
        await self.looks.close()
        await self._connections.close()

    async def open(self, configured: Sequence[UpstreamSettings]) -> None:
        """Know the configured servers and those added before; each is looked at now, and one may be down or slow.

        One that another configuration named is left alone: a verb from another folder must not forget its approvals.
        """
        for settings in configured:
            await self._entries.put(settings.name, entry_of(settings), by=_CONFIGURED)
        names = {settings.name for settings in configured}
        for row in await self._entries.list():
            if row.added_by == _CONFIGURED and row.name not in names:
                continue
            try:
                self._connections.add(config_of(settings_of(row.entry), self._limits, self._guarded))
            except HoldfastError as error:
                _log.error("upstream.off", upstream=row.name, why=error.message)
        self.looks.begin(self._connections.names(), self._look)
        await self.looks.done(within=OPEN_SECONDS)  # who takes longer is seen when it is there: the others do not wait
        for name in self._connections.names():
            if (fault := self.fault(name)) is not None:
                _log.error("upstream.not_approved", upstream=name, why=fault)
        self.sync()

    async def add(self, settings: UpstreamSettings, *, by: str | None = None) -> CatalogueDiff:
        """Know a new server, which *by* adds, and look at what it offers. What the lock approves of it is served.

        Raises: Conflict, OperatorError; ToolError when it cannot be read, and then it is not kept.
        """
        who = _named(by)
        self._connections.add(config_of(settings, self._limits, self._guarded))
        try:
            await self._forget(settings.name)  # what another configuration meant by that name
            diff = await self._connections.refresh(settings.name)
            self._show(settings.name, diff)
            await self._entries.put(settings.name, entry_of(settings), by=who)
        except BaseException:  # it cannot be read or kept, or whoever asked went away
            await self._connections.remove(settings.name)
            raise
        self.sync()
        return diff

    async def diff(self, name: str) -> CatalogueDiff:
        """What *name* offers now, against what was approved. Raises: NotFound, ToolError, OperatorError."""
        diff = await self._connections.refresh(name)
        self._show(name, diff)
        self.sync()
        return diff

    async def approve(self, name: str, keys: Sequence[str], *, by: str | None = None) -> CatalogueDiff:
        """Approve what is kept under *keys*, a tool by its name, or everything that waits, exactly as listed now.

        *by* says who approves; None: the user of this process.

        Raises: NotFound, also for what it does not list; ToolError; Conflict when that is not what was shown last;
        Forbidden when another than who added it has to; OperatorError when the lock cannot be taken. Nothing is then
        approved.
        """
        who = await self._may_approve(name, _named(by))
        diff = await self._connections.refresh(name)
        for key in keys:
            entry = diff.entry(key)
            if entry is None or entry.definition is None:
                raise NotFound(f"upstream `{name}` lists nothing of that name which could be approved")
        waiting = (PinState.NEW, PinState.CHANGED)
        chosen = [
            entry.definition
            for entry in diff.entries
            if entry.definition is not None and entry.state in waiting and (not keys or entry.key in keys)
        ]
        shown = self._shown.get(name, {})
        if any(shown.get(definition.key) != definition.digest for definition in chosen):
            raise Conflict(
                "the server lists other definitions now than when it was looked at",
                remedy=f"look with `holdfast upstreams diff {name}`, then approve",
            )
        after = await self._connections.approve(name, {one.key: one.digest for one in chosen}, by=who)
        for one in chosen:
            await self._keep(name, one, by=who)
        self.sync()
        return after

    async def revoke(self, name: str, keys: Sequence[str]) -> CatalogueDiff:
        """Withdraw the approvals of *keys*. Raises: NotFound, also for what was never approved; OperatorError."""
        diff = self._connections.diff(name)
        for key in keys:
            entry = diff.entry(key)
            if entry is None or entry.pinned is None:
                raise NotFound(f"nothing of that name of `{name}` is approved")
        for key in keys:
            await self._connections.revoke(name, key)
        self.sync()
        return self._connections.diff(name)

    async def remove(self, name: str) -> None:
        """Forget *name*, one that could not be started too. Raises: NotFound."""
        known = self._connections.connection(name) is not None
        if known:
            await self._connections.remove(name)
        self._shown.pop(name, None)
        self._lock.forget(name)
        if not await self._forget(name) and not known:
            raise NotFound(f"there is no upstream called `{name}`")
        self.sync()

    async def _forget(self, name: str) -> bool:
        """Let go of what is kept of *name*; answers whether there was anything."""
        kept = await self._entries.get(name) is not None
        if kept:
            await self._entries.remove(name)
        return kept

    def fault(self, name: str) -> str | None:
        """Why nothing of *name* is approved although the lock may say so; None when nothing is wrong."""
        identity = self._identity(name)
        return None if identity is None else self._lock.fault(name, identity)

    def approvals(self, name: str) -> Mapping[str, Approval]:
        """Who approved what of *name*, by key."""
        return self._lock.approvals(name)

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
        """For each changed key, the lines that differ between its approved and its listed definition."""
        kept = await self._kept(name, diff)
        return {
            entry.key: list[Json](changed_lines(kept[entry.key], definition_json(entry.definition)))
            if entry.key in kept
            else [ELSEWHERE]
            for entry in diff.entries
            if entry.state is PinState.CHANGED and entry.definition is not None
        }

    async def renamed(self, name: str, diff: CatalogueDiff) -> dict[str, str]:
        """From each new key to the approved one, gone now, that it seems to have had before."""
        return renames(diff, await self._kept(name, diff))

    async def _kept(self, name: str, diff: CatalogueDiff) -> dict[str, JsonObject]:
        """The definitions that are approved, as far as they are kept here."""
        pins = await self._entries.pins(name)
        pairs = ((entry, pins.get(entry.key)) for entry in diff.entries)
        return {entry.key: pin.definition for entry, pin in pairs if pin is not None and pin.digest == entry.pinned}

    def sync(self) -> None:
        """Bring the registry in step with what is approved and listed."""
        served = {spec.name: spec for spec in self._connections.specs() if self._makes_sense(spec)}
        for spec in self._registry.specs():
            if isinstance(spec.runtime, Upstream) and spec.name not in served:
                self._registry.remove(spec.name)
        for drift in self._policies.drifted:
            if drift.tool not in served:
                self._policies.settled(drift.tool)
                self._registry.remove(drift.tool)
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
            self._withhold(fresh[0])
        elif fresh:
            half = len(fresh) // 2
            self._take_those_that_fit(fresh[:half])
            self._take_those_that_fit(fresh[half:])

    def _withhold(self, spec: ToolSpec) -> None:
        """Keep *spec* out, and what it was before with it: its calls are denied until policy or tool is put right."""
        drift = self._policies.drift(spec)
        if drift is not None:
            _log.error("policy.drift", tool=drift.tool, policy=drift.policy, change=drift.change, why=drift.why)
        self._registry.withhold(spec.name)
        self._fits(())

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
            self._policies.fit([*others, *fresh])
        except OperatorError:
            return False
        return True

    def _take(self, spec: ToolSpec) -> None:
        try:
            if self._registry.get(spec.name) is None:
                self._registry.add(spec)
            else:
                self._registry.replace(spec)
            self._policies.settled(spec.name)
        except OperatorError as error:
            _log.error("upstream.tool_refused", tool=spec.name, why=error.message)

    async def _remember(self, name: str, diff: CatalogueDiff) -> None:
        """Keep what is approved and not kept here, so that later there is something to compare with."""
        kept, approvals = await self._kept(name, diff), self._lock.approvals(name)
        for entry in diff.entries:
            if entry.state is PinState.APPROVED and entry.definition is not None and entry.key not in kept:
                by = approvals[entry.key].by if entry.key in approvals else _CONFIGURED
                await self._keep(name, entry.definition, by=by)

    async def _keep(self, name: str, definition: Defined, *, by: str) -> None:
        await self._entries.keep(
            name, definition.key, digest=definition.digest, definition=definition_json(definition), by=by
        )

    def _show(self, name: str, diff: CatalogueDiff) -> None:
        """Note what an operator can have seen of *name*."""
        self._shown[name] = {
            entry.key: entry.definition.digest for entry in diff.entries if entry.definition is not None
        }

    async def _look(self, name: str) -> None:
        try:
            diff = await self._connections.refresh(name)
            self._show(name, diff)
            await self._remember(name, diff)
        except HoldfastError as error:
            _log.warning("upstream.down", upstream=name, why=error.message)

    def _identity(self, name: str) -> Digest | None:
        connection = self._connections.connection(name)
        return None if connection is None else identity_of(connection.config)

    async def _may_approve(self, name: str, who: str) -> str:
        row = await self._entries.get(name)
        if self._approver == "another" and row is not None and row.added_by == who:
            raise Forbidden(
                f"`{name}` was added by the same name, and `[catalogue] approver` asks for another",
                remedy="have a colleague approve it, with `--by`",
            )
        return who


def _named(by: str | None) -> str:
    """Who decides. Raises: InvalidRequest when that is no name."""
    who = os_user() if by is None else by
    if not 1 <= len(who) <= MAX_APPROVER or not who.isprintable() or who == _CONFIGURED:
        raise InvalidRequest(f"`by` is a name of 1 to {MAX_APPROVER} characters that can be seen")
    return who
