"""One upstream over time: connected when a call needs it, connected again after a failure, compared with its pins.

It never repeats a call: a call that was sent may have run.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Final

from holdfast.contracts import Digest

from .catalogue import CatalogueDiff, reconcile
from .config import UpstreamConfig
from .definitions import Listing
from .faults import Fault, UpstreamError, UpstreamFault
from .links import Holder, Link, OpeningFailed
from .ports import ChildStarter, PinStore

FIRST_RETRY_SECONDS: Final = 0.25
LAST_RETRY_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 2.0
"""A call waits this long for the next attempt at most; beyond that it fails at once and says when to come back."""


class Connection:
    """A pooled connection to one upstream."""

    def __init__(
        self,
        config: UpstreamConfig,
        *,
        pins: PinStore,
        start: ChildStarter | None,
        announced: Callable[[], None],
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self._pins = pins
        self._start = start
        self._announced = announced
        self._changed = changed
        self._clock = clock
        self._slots = asyncio.Semaphore(config.max_in_flight)
        self._holder: Holder | None = None
        self._latest: Holder | None = None
        self._old: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._not_before = float("-inf")
        self._closed = False
        self._listing = Listing()
        self._approved: Mapping[str, Digest] = {}
        self.diff = CatalogueDiff()
        """What was listed last, against what was approved last."""
        self.fault: str | None = None
        """Why the last attempt to connect failed; ours, or the server's own words."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._holder is not None and self._holder.usable and self._holder.ready.done()

    @property
    def version(self) -> str | None:
        """The protocol version spoken, when connected."""
        return self._holder.ready.result().wire.version if self._holder is not None and self.connected else None

    def log(self) -> str:
        """The newest of what a stdio server, running or not, wrote to its standard error. Untrusted."""
        child = None if self._latest is None else self._latest.child
        return "" if child is None else child.log()

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """Wait for room for one more call, and hold it."""
        async with self._slots:
            yield

    async def link(self) -> Link:
        """The open connection, opened now if there is none. Waits as long as the server takes to get ready.

        Raises: UpstreamFault, UpstreamError or HoldfastError when there is none to be had.
        """
        if self._closed:
            raise UpstreamFault(Fault.CLOSED, "the upstream is not connected")
        if self._holder is not None and not self._holder.usable:
            self._retire(self._holder)
        if self._holder is None:
            await self._wait_for_turn()
        if self._closed:
            raise UpstreamFault(Fault.CLOSED, "the upstream is not connected")
        if self._holder is None:  # somebody else who waited may have opened it
            self._holder = self._latest = Holder(self.config, self._start, self._announced)
        try:
            link = await asyncio.shield(self._holder.ready)
        except OpeningFailed as error:
            self._fail(error)
            raise
        self.fault = None
        return link

    def answered(self) -> None:
        """A call got its answer: the next failure is a first one."""
        self._failures = 0

    async def current(self, link: Link) -> CatalogueDiff:
        """What *link* lists, read again if it must be, against what is approved.

        Raises: UpstreamFault or UpstreamError when it cannot be read.
        """
        listing = await link.offers.current()
        if listing is not self._listing:
            self._approved = dict(await self._pins.get(self.config.name))
            self._compare(listing)
        return self.diff

    async def reload_pins(self) -> CatalogueDiff:
        """Compare what was listed last with what is approved now."""
        self._approved = dict(await self._pins.get(self.config.name))
        self._compare(self._listing)
        return self.diff

    async def close(self) -> None:
        """End the connection and the child behind it."""
        self._closed = True
        if self._holder is not None:
            self._retire(self._holder)
        if self._old:
            await asyncio.wait(self._old)

    def _compare(self, listing: Listing) -> None:
        self._listing = listing
        diff = reconcile(self._approved, listing)
        if diff != self.diff:
            self.diff = diff
            self._changed()

    async def _wait_for_turn(self) -> None:
        wait = self._not_before - self._clock()
        if wait > PATIENCE_SECONDS:
            raise UpstreamFault(Fault.UNREACHABLE, f"the server failed; it is tried again in {round(wait)} s")
        if wait > 0:
            await asyncio.sleep(wait)

    def _retire(self, holder: Holder) -> None:
        if holder is not self._holder:
            return
        self._holder = None
        self._count_failure()
        ending = asyncio.create_task(holder.close())
        self._old.add(ending)
        ending.add_done_callback(self._old.discard)

    def _fail(self, error: BaseException) -> None:
        self.fault = error.message if isinstance(error, UpstreamFault | UpstreamError) else str(error)
        if self._holder is not None and not self._holder.usable:
            self._retire(self._holder)

    def _count_failure(self) -> None:
        delay = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._not_before = self._clock() + delay
