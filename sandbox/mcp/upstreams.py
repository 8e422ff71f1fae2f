"""All upstreams: which there are, what each offers, what of it is approved. It decides about no call."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Conflict, Digest, HoldfastError, NotFound, OperatorError, ToolError, ToolSpec

from .catalogue import CatalogueDiff, spec_of
from .config import UpstreamConfig
from .connection import Connection
from .faults import UpstreamError, UpstreamFault
from .ports import ChildStarter, PinStore

SETTLE_SECONDS: Final = 1.0
"""Changes that a server announces within this time are looked at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamStatus:
    """How one upstream is doing, for an operator."""

    name: str
    connected: bool
    version: str | None
    fault: str | None
    """Why the last attempt to connect failed. May be the server's own words: untrusted."""
    catalogue: CatalogueDiff
    log: str
    """The newest of a stdio server's standard error. Untrusted."""


class Upstreams:
    """The upstreams of one process."""

    def __init__(
        self, *, pins: PinStore, start: ChildStarter | None, changed: Callable[[str], None] | None = None
    ) -> None:
        """*start* starts confined children, None where nothing can be confined.

        *changed* is told the name of an upstream whose catalogue differs from what it was.
        """
        self._pins = pins
        self._start = start
        self._tell = changed
        self._connections: dict[str, Connection] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}

    def add(self, config: UpstreamConfig) -> None:
        """Know *config* from now on. Connects at the first call or `refresh`.

        Raises: Conflict when there is one of that name; OperatorError when a command cannot be confined here.
        """
        if config.name in self._connections:
            raise Conflict(f"there is an upstream called `{config.name}` already")
        if config.command and self._start is None:
            raise OperatorError(f"upstream `{config.name}` cannot be confined on this machine")
        name = config.name
        self._connections[name] = Connection(
            config,
            pins=self._pins,
            start=self._start,
            announced=lambda: self._announced(name),
            changed=lambda: self._notify(name),
        )

    def connection(self, name: str) -> Connection | None:
        """The upstream called *name*."""
        return self._connections.get(name)

    def names(self) -> tuple[str, ...]:
        """All there are, in the order they were added."""
        return tuple(self._connections)

    async def refresh(self, name: str) -> CatalogueDiff:
        """Connect to *name* if needed, read what it offers and compare it with what is approved now.

        Raises: NotFound; ToolError or OperatorError when it cannot be read.
        """
        connection = self._known(name)
        try:
            await connection.current(await connection.link())
        except (UpstreamFault, UpstreamError) as error:
            raise ToolError(f"upstream `{name}`: {error.message}") from None
        except OSError:
            raise OperatorError(f"upstream `{name}` cannot be started") from None
        return await connection.reload_pins()

    async def approve(self, name: str, definitions: Mapping[str, Digest]) -> CatalogueDiff:
        """Approve exactly *definitions*: what somebody has looked at, by tool.

        Raises: NotFound; Conflict when one of them is not what is listed now, and then approves none.
        """
        connection = self._known(name)
        for tool, definition in definitions.items():
            entry = connection.diff.entry(tool)
            if entry is None or entry.definition is None or entry.definition.digest != definition:
                raise Conflict(f"tool `{tool}` of `{name}` is not listed with that definition; look at it again")
        for tool, definition in definitions.items():
            await self._pins.put(name, tool, definition)
        return await connection.reload_pins()

    async def revoke(self, name: str, tool: str) -> CatalogueDiff:
        """Withdraw the approval of *tool*.

        Raises: NotFound.
        """
        connection = self._known(name)
        await self._pins.remove(name, tool)
        return await connection.reload_pins()

    async def remove(self, name: str) -> None:
        """Forget *name* and end what runs for it; its pins stay.

        Raises: NotFound.
        """
        connection = self._known(name)
        del self._connections[name]
        look = self._looks.pop(name, None)
        if look is not None:
            look.cancel()
        await connection.close()
        self._notify(name)

    def specs(self) -> tuple[ToolSpec, ...]:
        """The approved tools of all upstreams as they were listed last. Of two with one name the first is served."""
        served: dict[str, ToolSpec] = {}
        for connection in self._connections.values():
            for definition in connection.diff.approved():
                spec = spec_of(definition, connection.config)
                if not self._forged(spec, connection.config):
                    served.setdefault(spec.name, spec)
        return tuple(served.values())

    def status(self) -> tuple[UpstreamStatus, ...]:
        """How each of them is doing."""
        return tuple(
            UpstreamStatus(
                name=name,
                connected=connection.connected,
                version=connection.version,
                fault=connection.fault,
                catalogue=connection.diff,
                log=connection.log(),
            )
            for name, connection in self._connections.items()
        )

    async def close(self) -> None:
        """End every connection and every child."""
        looks = set(self._looks.values())
        for look in looks:
            look.cancel()
        closing = {asyncio.create_task(connection.close()) for connection in self._connections.values()}
        if looks | closing:
            await asyncio.wait(looks | closing)

    def _forged(self, spec: ToolSpec, config: UpstreamConfig) -> bool:
        """Whether an unprefixed tool takes a name that belongs to another upstream."""
        owner, mark, _tool = spec.name.partition("__")
        return bool(mark) and owner != config.name and owner in self._connections

    def _known(self, name: str) -> Connection:
        connection = self._connections.get(name)
        if connection is None:
            raise NotFound(f"there is no upstream called `{name}`")
        return connection

    def _announced(self, name: str) -> None:
        """Look, soon and once, at what a server says has changed."""
        if name in self._connections and name not in self._looks:
            look = asyncio.create_task(self._look(name))
            self._looks[name] = look
            look.add_done_callback(lambda _done: self._looks.pop(name, None))

    async def _look(self, name: str) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        connection = self._connections.get(name)
        if connection is None or not connection.connected:
            return
        try:
            await connection.current(await connection.link())
        except (UpstreamFault, UpstreamError, HoldfastError, OSError):
            return  # the next call finds out, and says so

    def _notify(self, name: str) -> None:
        if self._tell is not None:
            self._tell(name)
