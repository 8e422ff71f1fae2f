"""Opens one connection to an upstream and holds it in one task: the SDK's scopes end in the task that began them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from holdfast.contracts import HoldfastError, OperatorError

from .config import UpstreamConfig
from .faults import Ending, Fault, Marks, UpstreamError, UpstreamFault
from .offers import Offers
from .ports import Child, ChildStarter
from .screen import Screen

if TYPE_CHECKING:
    from .adapter import Wire

CONNECT_SECONDS: Final = 30.0
"""From starting a server to the end of its negotiation; `npx` and cold imports take a few."""

_RELISTEN_SECONDS: Final = 5.0

OpeningFailed = (UpstreamFault, UpstreamError, HoldfastError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One open connection and what it offers."""

    wire: "Wire"
    offers: Offers
    ended: Ending
    isolation: tuple[str, ...]


class Holder:
    """Keeps one link open until it ends or is told to. Used once."""

    def __init__(self, config: UpstreamConfig, start: ChildStarter | None, changed: Callable[[], None]) -> None:
        self._config = config
        self._start = start
        self._changed = changed
        self._stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[Link] = loop.create_future()
        """The link, or why there is none."""
        self.ready.add_done_callback(_seen)
        self._task = asyncio.create_task(self._hold(), name=f"upstream-{config.name}")
        self.child: Child | None = None
        """The stdio server's process, once it was started; its log outlives it."""
        self._alarm = loop.call_later(CONNECT_SECONDS, self._too_late)

    @property
    def usable(self) -> bool:
        """Whether a call may use, or wait for, this link."""
        if self._stop.is_set() or self._task.done():
            return False
        if not self.ready.done():
            return True
        return self.ready.exception() is None and not self.ready.result().ended.is_set()

    async def close(self) -> None:
        """End the link and everything that was started for it."""
        self._stop.set()
        if not self.ready.done():
            self._task.cancel()
        await asyncio.wait({self._task})

    def _too_late(self) -> None:
        if not self.ready.done():
            self.ready.set_exception(UpstreamFault(Fault.UNREACHABLE, "the server did not get ready in time"))
            self._task.cancel()

    async def _hold(self) -> None:
        try:
            async with self._link() as link:
                self._alarm.cancel()
                if not self.ready.done():
                    self.ready.set_result(link)
                await self._until_over(link)
        except asyncio.CancelledError:
            self._fail(UpstreamFault(Fault.CLOSED, "the upstream is being closed"))
        except BaseExceptionGroup:  # out of the SDK's task groups, after the link was open
            self._fail(UpstreamFault(Fault.CLOSED, "the connection to the server broke"))
        except OpeningFailed as error:
            self._fail(error)
        finally:
            self._alarm.cancel()

    def _fail(self, error: BaseException) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)

    @contextlib.asynccontextmanager
    async def _link(self) -> AsyncGenerator[Link]:
        # The SDK takes half a second to load, and most verbs of the command line never reach an upstream.
        from .adapter import opened  # noqa: PLC0415 -- as said
        from .over_http import HttpTransport  # noqa: PLC0415 -- as said
        from .over_stdio import StdioTransport  # noqa: PLC0415 -- as said

        marks = Marks()
        offers: list[Offers] = []

        def changed() -> None:
            for known in offers:
                known.spoil()
            self._changed()

        screen = Screen(changed=changed)
        async with contextlib.AsyncExitStack() as stack:
            child = await self._child(stack)
            transport = (
                HttpTransport(self._config, marks, screen) if child is None else StdioTransport(child, marks, screen)
            )
            wire = await stack.enter_async_context(opened(transport.streams(), marks, transport.ended))
            offers.append(Offers(self._config, wire))
            yield Link(
                wire=wire,
                offers=offers[0],
                ended=transport.ended,
                isolation=("mcp",) if child is None else ("mcp", *child.isolation),
            )

    async def _child(self, stack: contextlib.AsyncExitStack) -> Child | None:
        if not self._config.command:
            return None
        if self._start is None:
            raise OperatorError(f"upstream `{self._config.name}` cannot be confined on this machine")
        self.child = await self._start(self._config)
        stack.push_async_callback(self.child.close)
        return self.child

    async def _until_over(self, link: Link) -> None:
        waits: set[asyncio.Task[object]] = {
            asyncio.create_task(self._stop.wait()),
            asyncio.create_task(link.ended.wait()),
        }
        if link.wire.modern and link.wire.announces_changes:
            waits.add(asyncio.create_task(self._follow(link)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            link.ended.end(Fault.CLOSED, "the upstream is being closed")
            for wait in waits:
                wait.cancel()
            await asyncio.wait(waits)

    async def _follow(self, link: Link) -> None:
        """Listen for changes as long as the link lasts. Losing the stream is no loss: what it said goes stale."""
        while True:
            await link.wire.follow_changes(link.offers.spoil)
            link.offers.spoil()
            await asyncio.sleep(_RELISTEN_SECONDS)


def _seen(ready: "asyncio.Future[Link]") -> None:
    if not ready.cancelled():
        ready.exception()  # nobody may be waiting any more; an unread exception would be a warning at exit
