"""All upstreams: which there are, what each offers, what of it is approved. It decides about no call."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import is_
from typing import Final

from holdfast.contracts import (
    Conflict,
    Digest,
    HoldfastError,
    Method,
    NotFound,
    Offers,
    OperatorError,
    TenantId,
    ToolError,
    ToolName,
    ToolSpec,
)

from .asks import ask_specs
from .breaker import BreakerState
from .catalogue.lookalikes import told_apart
from .catalogue.names import MARK, bare
from .catalogue.offered import served_uri
from .catalogue.pins import CatalogueDiff, spec_of
from .catalogue.serving import Served, all_offers, reserved_name, reserved_spec, served_of
from .config import Prefix, UpstreamConfig
from .connection import Connection
from .credentials.keyring import Keyring
from .credentials.signing_in import browser
from .faults import UpstreamError, UpstreamFault
from .ports import ChildStarter, PinStore

SETTLE_SECONDS: Final = 1.0
"""Changes that a server announces within this time are looked at once."""

UPDATE_SECONDS: Final = 0.1
"""Updates of one resource within this time are told once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamStatus:
    """How one upstream is doing, for an operator."""

    name: str
    connected: bool
    breaker: BreakerState
    tenants: int
    """How many are connected, each on its own."""
    version: str | None
    fault: str | None
    """Why the last attempt to connect failed. May be the server's own words: untrusted."""
    reason: str | None
    """The same as a name of ours: a `Fault`, `error` (the server's answer), `not-started` or `breaker`."""
    catalogue: CatalogueDiff
    log: str
    """The newest of a stdio server's standard error. Untrusted."""


class Upstreams:
    """The upstreams of one process."""

    def __init__(
        self,
        *,
        pins: PinStore,
        start: ChildStarter | None,
        changed: Callable[[str], None] | None = None,
        keyring: Keyring | None = None,
        updated: Callable[[str, TenantId | None], None] | None = None,
    ) -> None:
        """*start* starts confined children, None where nothing can be confined. Without a *keyring*, no secrets.

        *changed* is told the name of an upstream whose catalogue differs from what it was, *updated* the served URI of
        a watched resource that is another, and the tenant whose connection says so; None: it is everybody's.
        """
        self._pins = pins
        self._start = start
        self._tell = changed
        self._keyring = keyring or Keyring()
        self._tell_updated = updated
        self._watched: dict[TenantId, frozenset[str]] = {}
        self._updates: dict[tuple[str, TenantId | None], asyncio.TimerHandle] = {}
        self._connections: dict[str, Connection] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._compared: tuple[CatalogueDiff, ...] = ()
        self._apart: Mapping[str, CatalogueDiff] = {}
        self._served: Mapping[str, Served] = {}

    def add(self, config: UpstreamConfig) -> None:
        """Know *config* from now on. Connects at the first call or `refresh`.

        Raises: Conflict when there is one of that name; OperatorError when a command cannot be confined here.
        """
        if config.name in self._connections:
            raise Conflict(f"there is an upstream called `{config.name}` already")
        if config.command and self._start is None:
            raise OperatorError(f"upstream `{config.name}` cannot be confined on this machine")
        name = config.name
        like = next((other for other in self._connections if bare(other) == bare(name)), None)
        if like is not None:
            raise OperatorError(f"upstream `{name}` reads like `{like}`; give it another name")
        self._connections[name] = Connection(
            config,
            pins=self._pins,
            start=self._start,
            keyring=self._keyring,
            announced=lambda: self._announced(name),
            changed=lambda: self._notify(name),
            updated=lambda uri, tenant: self._heard(name, uri, tenant),
        )

    def connection(self, name: str) -> Connection | None:
        """The upstream called *name*."""
        return self._connections.get(name)

    def config(self, name: str) -> UpstreamConfig | None:
        """What the entry of the upstream called *name* says."""
        connection = self._connections.get(name)
        return None if connection is None else connection.config

    def names(self) -> tuple[str, ...]:
        """All there are, in the order they were added."""
        return tuple(self._connections)

    async def refresh(self, name: str) -> CatalogueDiff:
        """Connect to *name* if needed, read what it offers and compare it with what is approved now.

        Raises: NotFound; ToolError or OperatorError when it cannot be read.
        """
        connection = self._known(name)
        try:
            link = await connection.link()
            link.offers.spoil()  # who asks wants to know what is there now, whatever the server said before
            await connection.current(link)
        except (UpstreamFault, UpstreamError) as error:
            raise ToolError(f"upstream `{name}`: {error.message}") from None
        except OSError:
            raise OperatorError(f"upstream `{name}` cannot be started") from None
        await connection.reload_pins()
        return self.diff(name)

    def diff(self, name: str) -> CatalogueDiff:
        """What *name* listed last against what was approved last, without names that read like another server's.

        Raises: NotFound.
        """
        self._known(name)
        return self._told_apart()[name]

    async def approve(self, name: str, definitions: Mapping[str, Digest], *, by: str) -> CatalogueDiff:
        """Approve exactly *definitions*, by key: what *by* has looked at.

        Raises: NotFound; Conflict when one of them is not what is listed now, and then approves none.
        """
        connection = self._known(name)
        for key, definition in definitions.items():
            entry = self.diff(name).entry(key)
            if entry is None or entry.definition is None or entry.definition.digest != definition:
                raise Conflict(f"`{key}` of `{name}` is not listed with that definition; look at it again")
        await self._pins.put(name, definitions, by=by)
        await connection.reload_pins()
        return self.diff(name)

    async def revoke(self, name: str, key: str) -> CatalogueDiff:
        """Withdraw the approval of what is kept under *key*.

        Raises: NotFound.
        """
        connection = self._known(name)
        await self._pins.remove(name, key)
        await connection.reload_pins()
        return self.diff(name)

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
        await self._keyring.forget(name)
        self._notify(name)

    async def sign_in(self, name: str, tenant: TenantId, show: Callable[[str], Awaitable[None]]) -> None:
        """Have somebody sign in to *name* for *tenant*, in the browser that *show* has a URL opened in.

        Raises: NotFound; ToolError when nobody did, or the server does not take it.
        """
        connection = self._known(name)
        oauth = connection.config.oauth
        try:
            async with browser(0 if oauth is None else oauth.redirect_port, show) as asker:
                await connection.sign_in(tenant, asker)
        except (UpstreamFault, UpstreamError) as error:
            raise ToolError(f"upstream `{name}`: {error.message}") from None

    def specs(self) -> tuple[ToolSpec, ...]:
        """The approved tools of all upstreams as they were listed last. Of two with one name the first is served.

        Beside them one spec for each other method that there is something approved to ask for, and for each question
        that a server's entry lets it ask.
        """
        served: dict[str, ToolSpec] = {}
        for connection in self._connections.values():
            for spec in ask_specs(connection.config):
                served.setdefault(spec.name, spec)
            for definition in self.diff(connection.config.name).approved():
                spec = spec_of(definition, connection.config)
                if not self._forged(spec.name, connection.config):
                    served.setdefault(spec.name, spec)
        for offering in self._offering():
            for method in offering.methods():
                served.setdefault(reserved_name(offering.config, method), reserved_spec(offering.config, method))
        return tuple(served.values())

    def offers(self) -> Offers:
        """The approved resources, templates and prompts of all upstreams, under their served names."""
        return all_offers(self._offering(), self._forged_offer)

    def place(self, method: Method, served: str) -> tuple[ToolName, str] | None:
        """Who takes *method* on the served URI, template or prompt: the spec's name, and what its server calls it."""
        for offering in self._offering():
            own = offering.own(method, served)
            if own is not None and not self._forged_offer(served, offering.config):
                return reserved_name(offering.config, method), own
        return None

    def watch(self, tenant: TenantId, served: frozenset[str]) -> None:
        """Hear from now on, for *tenant*, when one of the resources *served* changes, and of no other."""
        self._watched[tenant] = served
        if not served:
            del self._watched[tenant]
        for connection in self._connections.values():
            self._rewatch(connection)

    def status(self) -> tuple[UpstreamStatus, ...]:
        """How each of them is doing."""
        return tuple(
            UpstreamStatus(
                name=name,
                connected=connection.connected,
                breaker=connection.breaker,
                tenants=connection.tenants,
                version=connection.version,
                fault=connection.fault,
                reason=connection.reason,
                catalogue=self.diff(name),
                log=connection.log(),
            )
            for name, connection in self._connections.items()
        )

    def count(self, breaker: str) -> int:
        """How many of them have their breaker in this state."""
        return sum(connection.breaker.value == breaker for connection in self._connections.values())

    async def close(self) -> None:
        """End every connection and every child."""
        for timer in self._updates.values():
            timer.cancel()
        looks = set(self._looks.values())
        for look in looks:
            look.cancel()
        closing = {asyncio.create_task(connection.close()) for connection in self._connections.values()}
        if looks | closing:
            await asyncio.wait(looks | closing)

    def _forged(self, served: str, config: UpstreamConfig) -> bool:
        """Whether an unprefixed tool takes a name that belongs to another upstream."""
        owner, mark, _tool = served.partition(MARK)
        return bool(mark) and owner != config.name and owner in self._connections

    def _forged_offer(self, served: str, config: UpstreamConfig) -> bool:
        """Whether an unprefixed URI or prompt takes a name that belongs to another upstream."""
        owner, plus, _rest = served.partition("+")
        return self._forged(served, config) or (bool(plus) and owner != config.name and owner in self._connections)

    def _offering(self) -> Iterator[Served]:
        """What each upstream offers besides tools; of those without a prefix, the first: their URIs have no owner."""
        unprefixed = 0
        for connection in self._connections.values():
            unprefixed += connection.config.prefix is Prefix.NONE
            if connection.config.prefix is Prefix.NAME or unprefixed == 1:
                self._told_apart()
                yield self._served[connection.config.name]

    def _told_apart(self) -> Mapping[str, CatalogueDiff]:
        """Every server's comparison without names that read like another server's; worked out when one is another."""
        known = self._connections
        now = tuple(connection.diff for connection in known.values())
        same = len(now) == len(self._compared) and all(map(is_, now, self._compared))
        if not same or self._apart.keys() != known.keys():
            self._apart = told_apart([(connection.config, connection.diff) for connection in known.values()])
            self._served = {
                name: connection.served
                if self._apart[name] == connection.diff
                else served_of(connection.config, self._apart[name], completes=connection.served.completes)
                for name, connection in known.items()
            }
            self._compared = now
        return self._apart

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

    def _rewatch(self, connection: Connection) -> None:
        own = connection.served.own
        connection.watch(
            {
                tenant: frozenset(uri for uri in (own(Method.RESOURCE, one) for one in served) if uri is not None)
                for tenant, served in self._watched.items()
            }
        )

    def _heard(self, name: str, uri: str, tenant: TenantId | None) -> None:
        """Tell, soon and once, that *uri* of *name* is another, for *tenant* or for all."""
        connection = self._connections.get(name)
        if connection is None or not connection.served.reads(uri):
            return
        update = (served_uri(connection.config, uri), tenant)
        if update not in self._updates:
            loop = asyncio.get_running_loop()
            self._updates[update] = loop.call_later(UPDATE_SECONDS, self._tell_of, update)

    def _tell_of(self, update: tuple[str, TenantId | None]) -> None:
        del self._updates[update]
        if self._tell_updated is not None:
            self._tell_updated(*update)

    def _notify(self, name: str) -> None:
        connection = self._connections.get(name)
        if connection is not None:
            self._rewatch(connection)
        if self._tell is not None:
            self._tell(name)
