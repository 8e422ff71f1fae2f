"""Opens one connection to an upstream and holds it in one task: the SDK's scopes end in the task that began them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import structlog

from holdfast.contracts import HoldfastError, OperatorError

from .catalogue.kinds import Kind
from .config import SIGN_IN_SECONDS, UpstreamConfig
from .credentials.keyring import Credentials
from .faults import Ending, Fault, Marks, UpstreamError, UpstreamFault
from .offers import Offers
from .ports import Child, ChildStarter
from .wire.screen import Screen

if TYPE_CHECKING:
    from .wire.adapter import Wire

_log = structlog.get_logger("holdfast.upstreams")

_RELISTEN_SECONDS: Final = 5.0

OpeningFailed = (UpstreamFault, UpstreamError, HoldfastError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Link:
    """One open connection and what it offers."""

    wire: "Wire"
    offers: Offers
    ended: Ending
    isolation: tuple[str, ...]


class Holder:
    """Keeps one link open until it ends or is told to. Used once."""

    def __init__(
        self,
        config: UpstreamConfig,
        start: ChildStarter | None,
        changed: Callable[[], None],
        updated: Callable[[str], None],
        credentials: Callable[[], Awaitable[Credentials]],
        *,
        sign_in: bool = False,
    ) -> None:
        """*changed* is told that a list is another, *updated* the server's own URI of a resource that is.

        *sign_in*: somebody may have to sign in meanwhile, which takes longer than `connect_ms`.
        """
        self._config = config
        self._credentials = credentials
        self._sign_in = sign_in
        self._start = start
        self._changed = changed
        self._updated = updated
        self._watched: frozenset[str] = frozenset()
        self._rewatch = asyncio.Event()
        self._stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[Link] = loop.create_future()
        """The link, or why there is none."""
        self.ready.add_done_callback(_seen)
        self._task = asyncio.create_task(self._hold(), name=f"upstream-{config.name}")
        self.child: Child | None = None
        """The stdio server's process, once it was started; its log outlives it."""
        self._alarm = loop.call_later(SIGN_IN_SECONDS if sign_in else config.connect_ms / 1000, self._too_late)

    @property
    def usable(self) -> bool:
        """Whether a call may use, or wait for, this link."""
        if self._stop.is_set() or self._task.done():
            return False
        if not self.ready.done():
            return True
        return self.ready.exception() is None and not self.ready.result().ended.is_set()

    def watch(self, uris: frozenset[str]) -> None:
        """From now on the server is to say when one of *uris*, its own, changes."""
        if uris != self._watched:
            self._watched = uris
            self._rewatch.set()

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
        except Exception as error:  # noqa: BLE001 -- whoever waits for the link would wait for ever
            _log.error("upstream.broke", upstream=self._config.name, kind=type(error).__name__)
            self._fail(UpstreamFault(Fault.CLOSED, "the connection to the server broke while it was opened"))
        finally:
            self._alarm.cancel()

    def _fail(self, error: BaseException) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)

    @contextlib.asynccontextmanager
    async def _link(self) -> AsyncGenerator[Link]:
        # The SDK takes half a second to load, and most verbs of the command line never reach an upstream.
        from .wire.opening import Opening  # noqa: PLC0415 -- as said

        marks = Marks()
        offers: list[Offers] = []

        def changed(kinds: frozenset[Kind]) -> None:
            for known in offers:
                for kind in kinds:
                    known.spoil(kind)
            self._changed()

        screen = Screen(changed=changed, updated=self._updated)
        async with contextlib.AsyncExitStack() as stack:
            given = await self._credentials()
            child = await self._child(stack, given)
            opening = Opening(config=self._config, credentials=given, marks=marks, screen=screen, sign_in=self._sign_in)
            wire, ended = await opening.over(stack, child)
            offers.append(Offers(self._config, wire))
            yield Link(
                wire=wire,
                offers=offers[0],
                ended=ended,
                isolation=("mcp",) if child is None else ("mcp", *child.isolation),
            )

    async def _child(self, stack: contextlib.AsyncExitStack, given: Credentials) -> Child | None:
        if not self._config.command:
            return None
        if self._start is None:
            raise OperatorError(f"upstream `{self._config.name}` cannot be confined on this machine")
        self.child = await self._start(replace(self._config, env=given.env))
        stack.push_async_callback(self.child.close)
        return self.child

    async def _until_over(self, link: Link) -> None:
        waits: set[asyncio.Task[object]] = {
            asyncio.create_task(self._stop.wait()),
            asyncio.create_task(link.ended.wait()),
        }
        waits.add(asyncio.create_task(self._follow(link) if link.wire.modern else self._subscribe(link)))
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
            self._rewatch.clear()
            if not link.wire.announces and not self._watched:
                await self._rewatch.wait()
                continue
            following = asyncio.create_task(link.wire.follow_changes(self._watched))
            again = asyncio.create_task(self._rewatch.wait())
            try:
                await asyncio.wait({following, again}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                lost = following.done()
                following.cancel()
                again.cancel()
                await asyncio.wait({following, again})
            link.offers.spoil()
            if lost:
                await asyncio.sleep(_RELISTEN_SECONDS)

    async def _subscribe(self, link: Link) -> None:
        """Keep a server of the handshake era told which resources somebody watches."""
        told: frozenset[str] = frozenset()
        while True:
            wanted = self._watched if link.wire.subscribes else frozenset[str]()
            self._rewatch.clear()
            for uri in told ^ wanted:
                verb = "resources/subscribe" if uri in wanted else "resources/unsubscribe"
                with contextlib.suppress(UpstreamFault, UpstreamError):  # it will not say so; reading still tells
                    await link.wire.request(verb, {"uri": uri})
            told = wanted
            await self._rewatch.wait()


def _seen(ready: "asyncio.Future[Link]") -> None:
    if not ready.cancelled():
        ready.exception()  # nobody may be waiting any more; an unread exception would be a warning at exit
