"""One pooled connection to an upstream, over time: opened when it is needed and again after it failed.

It belongs to one tenant, to nobody yet, or to all. It never repeats a call: a call that was sent may have run.
What happens to the connection is counted for whoever uses it; on one that tenants share, calls that get no answer are
counted for the tenant that made them, so that nobody can close a server to others.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import anyio

from holdfast.contracts import TenantId

from .breaker import Breaker, BreakerState
from .config import UpstreamConfig
from .faults import Fault, UpstreamError, UpstreamFault
from .links import Holder, Link, OpeningFailed

PATIENCE_SECONDS: Final = 2.0
"""A call waits this long for the next attempt at most; beyond that it fails at once and says when to come back."""

MAX_COUNTED: Final = 1_024
"""Tenants whose unanswered calls one shared connection counts; past that, those of longest ago are forgotten."""

_WORST_FIRST: Final = (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED)


class Line:
    """The connection that the calls of one tenant go over."""

    def __init__(
        self, config: UpstreamConfig, open_: Callable[[TenantId | None], Holder], owner: TenantId | None
    ) -> None:
        """*open_* begins one connection on behalf of whom it is told."""
        self._config = config
        self._open = open_
        self.owner = owner
        """Whose calls it carries; None while it was only looked over."""
        self.breaker = Breaker()
        self.latest: Holder | None = None
        """The newest connection, which may be over."""
        self.error: BaseException | None = None
        """Why the last attempt to connect failed; ours, or the server's."""
        self._holder: Holder | None = None
        self._old: set[asyncio.Task[None]] = set()
        self._silences: OrderedDict[TenantId | None, Breaker] = OrderedDict()
        self._probing: set[Breaker] = set()
        self._closed = False

    @property
    def state(self) -> BreakerState:
        """The worst that a call meets here, whoever makes it."""
        return _worst(self.breaker, *self._silences.values())

    def state_for(self, tenant: TenantId | None) -> BreakerState:
        """What a call of *tenant* meets here."""
        return _worst(self.breaker, self._counted(tenant))

    def answered(self, tenant: TenantId | None) -> None:
        """A call of *tenant* got its answer."""
        self.breaker.answered()
        self._silences.pop(tenant, None)

    def failed(self, tenant: TenantId | None) -> None:
        """A call of *tenant* got none."""
        if self._config.of_all:
            self._silences[tenant] = self._counted(tenant)
            self._silences.move_to_end(tenant)
            while len(self._silences) > MAX_COUNTED:
                self._silences.popitem(last=False)
        self._counted(tenant).failed()

    @property
    def open_link(self) -> Link | None:
        """The link, when it is open now."""
        holder = self._holder
        if holder is None or not holder.usable or not holder.ready.done():
            return None
        return holder.ready.result()

    async def link(self, tenant: TenantId | None) -> Link:
        """The open link for a call of *tenant*, opened now if there is none.

        Waits as long as the server takes to get ready.

        Raises: UpstreamFault, UpstreamError or HoldfastError when there is none to be had.
        """
        own = self._counted(tenant)
        breaker = own if self.breaker.state is BreakerState.CLOSED else self.breaker
        match breaker.state:
            case BreakerState.CLOSED:
                return await self._connected()
            case BreakerState.HALF_OPEN if breaker not in self._probing:
                return await self._probe(breaker)
            case _:
                raise UpstreamFault(Fault.UNREACHABLE, _why_not(breaker), delivered=False)

    async def close(self) -> None:
        """End the connection and the child behind it."""
        self._closed = True
        if self._holder is not None:
            self._retire(self._holder)
        if self._old:
            await asyncio.wait(self._old)

    def _counted(self, tenant: TenantId | None) -> Breaker:
        """What counts the unanswered calls of *tenant*."""
        return (self._silences.get(tenant) or Breaker()) if self._config.of_all else self.breaker

    async def _probe(self, breaker: Breaker) -> Link:
        """Try the server with what has no effect: a listing of its own, within the time it has to connect."""
        self._probing.add(breaker)
        try:
            with anyio.fail_after(self._config.connect_ms / 1000):
                link = await self._connected()
                link.offers.spoil()
                await link.offers.current()
        except UpstreamError as error:
            if self._holder is None:
                raise
            self.error = error  # it answers, if only with an error
            link = await self._connected()
        except TimeoutError:
            if breaker is self.breaker:
                self._drop()
            else:  # others may well get their answers on it
                breaker.lost()
            raise UpstreamFault(Fault.UNREACHABLE, "the server does not answer", delivered=False) from None
        except OpeningFailed:
            self._drop()
            raise
        finally:
            self._probing.discard(breaker)
        breaker.passed()
        return link

    def _drop(self) -> None:
        """Give up what could not be opened, or does not answer; where nothing is left, that is counted already."""
        if self._holder is not None:
            self._retire(self._holder)

    async def _connected(self) -> Link:
        self._check_open()
        if self._holder is not None and not self._holder.usable:
            self._retire(self._holder)
        if self._holder is None:
            await self._wait_for_turn()
        self._check_open()
        if self._holder is None:  # somebody else who waited may have opened it
            self._holder = self.latest = self._open(self.owner)
        try:
            link = await asyncio.shield(self._holder.ready)
        except OpeningFailed as error:
            self._note(error)
            raise
        self.error = None
        return link

    def _check_open(self) -> None:
        if self._closed:
            raise UpstreamFault(Fault.CLOSED, "the upstream is not connected", delivered=False)

    async def _wait_for_turn(self) -> None:
        wait = self.breaker.wait()
        if wait > PATIENCE_SECONDS:
            raise UpstreamFault(Fault.UNREACHABLE, _why_not(self.breaker), delivered=False)
        if wait > 0:
            await asyncio.sleep(wait)

    def _retire(self, holder: Holder) -> None:
        if holder is not self._holder:
            return
        self._holder = None
        self.breaker.lost()
        ending = asyncio.create_task(holder.close())
        self._old.add(ending)
        ending.add_done_callback(self._old.discard)

    def _note(self, error: BaseException) -> None:
        self.error = error
        if self._holder is not None and not self._holder.usable:
            self._retire(self._holder)


def _worst(*breakers: Breaker) -> BreakerState:
    states = {breaker.state for breaker in breakers}
    return next(state for state in _WORST_FIRST if state in states)


def _why_not(breaker: Breaker) -> str:
    again = f"it is tried again in {max(1, round(breaker.wait()))} s" if breaker.wait() else "it is tried"
    return f"the server failed {breaker.failures} times in a row; {again}"
