"""One upstream over time: a connection for each tenant that calls it, and its catalogue against its pins.

1. A call of one tenant never goes over the connection, or to the child, of another. What was opened to look at the
   catalogue becomes the first caller's. Only modern HTTP without credentials of a tenant is shared: it has no state.
2. What is served follows from one connection, the one that is looked at. A call is checked against its own.
3. Tenants that have not called for a while lose their connection; when there are too many, the one of longest ago.
"""

import asyncio
import contextlib
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary

from holdfast.contracts import Method, TenantId

from .breaker import BreakerState
from .catalogue.offered import Listing
from .catalogue.pins import CatalogueDiff, reconcile
from .catalogue.serving import Served, served_of
from .config import UpstreamConfig
from .credentials.keyring import Keyring
from .faults import Fault, UpstreamFault, name_of, said_of
from .line import Line
from .links import Holder, Link
from .places import Places, Slot
from .ports import Asker, Child, ChildStarter, PinStore

_WORST_FIRST: Final = (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What one link listed, against what was approved then."""

    listing: Listing
    approvals: int
    """How often approvals had changed."""
    diff: CatalogueDiff
    served: Served
    """What of it is approved."""


class Connection:
    """The pooled connections to one upstream."""

    def __init__(
        self,
        config: UpstreamConfig,
        *,
        pins: PinStore,
        start: ChildStarter | None,
        keyring: Keyring,
        announced: Callable[[], None],
        changed: Callable[[], None],
        updated: Callable[[str, TenantId | None], None],
    ) -> None:
        """*announced* is told that a list may be another, *changed* that it is.

        *updated* is told the URI of a resource, and the tenant whose connection says so; None: it is everybody's.
        """
        self.config = config
        self._pins = pins
        self._start = start
        self._keyring = keyring
        self._announced = announced
        self._changed = changed
        self._updated = updated
        self._watched: Mapping[TenantId, frozenset[str]] = {}
        self._places = Places(config.max_in_flight)
        self._lines: OrderedDict[TenantId | None, Line] = OrderedDict()
        self._main: Line | None = None
        self._calls: Counter[TenantId | None] = Counter()
        self._idle: dict[TenantId | None, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False
        self._listing = Listing()
        self._approvals = 0
        self._compared: WeakKeyDictionary[Link, Compared] = WeakKeyDictionary()
        self.diff = CatalogueDiff()
        """What was listed last, against what was approved last."""
        self.served = Served(config=config)
        """What of it besides tools is approved."""
        self._completes = False

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return any(line.open_link is not None for line in self._lines.values())

    @property
    def version(self) -> str | None:
        """The protocol version spoken, when connected."""
        links = (line.open_link for line in self._lines.values())
        return next((link.wire.version for link in links if link is not None), None)

    @property
    def fault(self) -> str | None:
        """Why there is no connection; ours, or the server's own words."""
        if self._error is not None:
            return said_of(self._error)
        return None if self.reason is None else "calls in a row got no answer; it is tried again soon"

    @property
    def reason(self) -> str | None:
        """The name of that reason, which is always ours."""
        if self._error is not None:
            return name_of(self._error)
        return None if self.breaker is BreakerState.CLOSED else "breaker"

    @property
    def _error(self) -> BaseException | None:
        return next((line.error for line in self._lines.values() if line.error is not None), None)

    @property
    def breaker(self) -> BreakerState:
        """The worst of its connections' breakers."""
        states = {line.state for line in self._lines.values()}
        return next((state for state in _WORST_FIRST if state in states), BreakerState.CLOSED)

    @property
    def tenants(self) -> int:
        """How many connections are kept."""
        return len(self._lines)

    @property
    def child(self) -> Child | None:
        """The stdio server that was looked at last, running or not."""
        return None if self._main is None or self._main.latest is None else self._main.latest.child

    def log(self) -> str:
        """The newest of what a stdio server, running or not, wrote to its standard error. Untrusted."""
        return "" if self.child is None else self.child.log()

    @contextlib.asynccontextmanager
    async def slot(self, tenant: TenantId | None = None) -> AsyncGenerator[Slot]:
        """Wait for room for one more call of *tenant*, and hold it. Its connection stays as long."""
        slot = self._places.slot(tenant)
        await slot.take()
        self._calls[tenant] += 1
        try:
            yield slot
        finally:
            slot.give()
            self._calls[tenant] -= 1
            self._rest(tenant)

    async def link(self, tenant: TenantId | None = None) -> Link:
        """The open connection of *tenant*, opened now if there is none; None is who only looks.

        Raises: UpstreamFault, UpstreamError or HoldfastError when there is none to be had.
        """
        line = self._line(tenant)
        if self._main is None or tenant is None:
            self._main = line
        link = await line.link(tenant)
        self._rewatch(line)
        return link

    def answered(self, tenant: TenantId | None = None) -> None:
        """A call of *tenant* got its answer."""
        line = self._found(tenant)
        if line is not None:
            line.answered(tenant)

    def failed(self, tenant: TenantId | None = None) -> None:
        """A call of *tenant* got none, though the connection was open and the call had all its time."""
        line = self._found(tenant)
        if line is not None:
            line.failed(tenant)

    def state_for(self, tenant: TenantId) -> BreakerState:
        """What a call of *tenant* meets."""
        line = self._found(tenant)
        return BreakerState.CLOSED if line is None else line.state_for(tenant)

    async def sign_in(self, tenant: TenantId, asker: Asker) -> None:
        """Have *asker* sign in for *tenant*, over a connection of its own; the next call uses what was had.

        Raises: UpstreamFault or UpstreamError when nobody did, or the server does not take it.
        """
        given = await self._keyring.credentials(self.config, tenant)
        if given.authorizer is None:
            raise UpstreamFault(Fault.UNAUTHORIZED, "its entry has no `oauth`", delivered=False)
        async with given.authorizer.signing_in(asker):
            holder = self._open(tenant, sign_in=True)
            try:
                await (await holder.ready).offers.current()
            finally:
                await holder.close()
        line = self._lines.get(tenant)
        if line is not None:  # it failed for want of this
            self._end(tenant)

    async def current(self, link: Link, method: Method | None = None) -> Compared:
        """What *link* lists, with what *method* needs read again if it must be, against what is approved.

        Raises: UpstreamFault or UpstreamError when it cannot be read.
        """
        listing = await link.offers.current(method)
        known = self._compared.get(link)
        if known is None or known.listing is not listing or known.approvals != self._approvals:
            known = await self._compare(link, listing)
        return known

    def watch(self, watched: Mapping[TenantId, frozenset[str]]) -> None:
        """Hear from now on, over the connection of each tenant, when one of the server's URIs it watches changes."""
        self._watched = watched
        for line in self._lines.values():
            self._rewatch(line)

    async def reload_pins(self) -> CatalogueDiff:
        """Compare what was listed last with what is approved now."""
        self._approvals += 1
        self._take(self._listing, reconcile(await self._pins.get(self.config.name), self._listing))
        return self.diff

    async def close(self) -> None:
        """End the connections and the children behind them."""
        self._closed = True
        for timer in self._idle.values():
            timer.cancel()
        for owner in tuple(self._lines):
            self._end(owner)
        if self._ending:
            await asyncio.wait(self._ending)

    async def _compare(self, link: Link, listing: Listing) -> Compared:
        approvals = self._approvals
        diff = reconcile(await self._pins.get(self.config.name), listing)
        served = served_of(self.config, diff, completes=link.offers.completes)
        found = Compared(listing=listing, approvals=approvals, diff=diff, served=served)
        self._compared[link] = found
        if self._main is None or self._main.open_link is link:
            self._completes = link.offers.completes
            self._take(listing, diff)
        return found

    def _take(self, listing: Listing, diff: CatalogueDiff) -> None:
        self._listing = listing
        if diff != self.diff:
            self.diff = diff
            self.served = served_of(self.config, diff, completes=self._completes)
            self._changed()

    def _line(self, tenant: TenantId | None) -> Line:
        """The line that calls of *tenant* go over, made now if there is none.

        Raises: UpstreamFault when it is closed, or so many others call at once that there is no room.
        """
        if self._closed:
            raise UpstreamFault(Fault.CLOSED, "the upstream is not connected", delivered=False)
        line = self._found(tenant)
        if line is None:
            self._make_room()
            owner = self._keyring.looker if tenant is None and self.config.of_tenants else tenant
            line = self._lines[owner] = Line(self.config, self._open, owner)
        self._lines.move_to_end(line.owner)
        return line

    def _found(self, tenant: TenantId | None) -> Line | None:
        if tenant is None and self.config.of_tenants:
            tenant = self._keyring.looker
        if tenant in self._lines:
            return self._lines[tenant]
        if self.config.of_tenants:
            return None
        if tenant is None:  # who only looks takes what there is
            return self._main if self._main in self._lines.values() else next(iter(self._lines.values()), None)
        shared = next((line for line in self._lines.values() if self._stateless(line)), None)
        if shared is not None:
            return shared
        looked = self._lines.pop(None, None)
        if looked is not None:
            looked.owner = tenant
            self._lines[tenant] = looked
        return looked

    def _stateless(self, line: Line) -> bool:
        """Whether it makes no difference whose calls go over *line*."""
        link = line.open_link
        return self.config.of_all and link is not None and link.wire.modern

    def _open(self, owner: TenantId | None, *, sign_in: bool = False) -> Holder:
        def heard(uri: str) -> None:
            self._heard(holder, uri)

        holder = Holder(
            self.config,
            self._start,
            self._announced,
            heard,
            partial(self._keyring.credentials, self.config, owner),
            sign_in=sign_in,
        )
        holder.watch(self._watched_by(owner))
        return holder

    def _rewatch(self, line: Line) -> None:
        if line.latest is not None:
            line.latest.watch(self._watched_on(line))

    def _watched_on(self, line: Line) -> frozenset[str]:
        """What the server behind *line* is told somebody watches: nothing of tenants that do not call over it."""
        return (
            frozenset[str]().union(*self._watched.values()) if self._stateless(line) else self._watched_by(line.owner)
        )

    def _watched_by(self, owner: TenantId | None) -> frozenset[str]:
        return frozenset() if owner is None else self._watched.get(owner, frozenset())

    def _heard(self, holder: Holder, uri: str) -> None:
        """Pass on that *uri* is another, if that was asked for. What one tenant's child has is no news to others."""
        line = next((one for one in self._lines.values() if one.latest is holder), None)
        if line is not None and uri in self._watched_on(line):
            self._updated(uri, None if self._stateless(line) else line.owner)

    def _make_room(self) -> None:
        if len(self._lines) < self.config.max_tenants:
            return
        idle = [owner for owner in self._lines if not self._calls[owner]]
        if not idle:
            message = f"calls of {self.config.max_tenants} other tenants are under way; come back later"
            raise UpstreamFault(Fault.UNREACHABLE, message, delivered=False)
        self._end(idle[0])

    def _rest(self, tenant: TenantId | None) -> None:
        """Begin to count how long *tenant* does not call."""
        timer = self._idle.pop(tenant, None)
        if timer is not None:
            timer.cancel()
        if not self._closed and tenant in self._lines and not self._calls[tenant]:
            loop = asyncio.get_running_loop()
            self._idle[tenant] = loop.call_later(self.config.idle_ms / 1000, self._rested, tenant)

    def _rested(self, tenant: TenantId | None) -> None:
        self._idle.pop(tenant, None)
        line = self._lines.get(tenant)
        if line is None or line is self._main or self._calls[tenant] or self._stateless(line):
            return
        self._end(tenant)

    def _end(self, owner: TenantId | None) -> None:
        line = self._lines.pop(owner)
        ending = asyncio.create_task(line.close())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
