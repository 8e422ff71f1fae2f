"""Tells clients of both eras what changed: which lists are others, which resources they subscribed to are.

1. A burst of changes is one notice of each kind.
2. A subscription is only taken for a resource that is there for its caller. It opens nothing: whoever then reads the
   resource is judged.
3. What the connection of one tenant says of a resource is told to clients of that tenant alone.
4. A client that does not read is told nothing; it lists anew when it comes back.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, assert_never

import anyio
import mcp.types as t
from mcp.server import Server
from mcp.server.connection import Connection
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)

from holdfast.contracts import InvalidRequest, Overloaded, Principal, TenantId

from .adapter import connection_of
from .lines import Context
from .ports import Listing

NOTIFY_SECONDS: Final = 1.0
DEBOUNCE_SECONDS: Final = 0.1
MAX_SUBSCRIPTIONS: Final = 256
"""Open `subscriptions/listen` streams."""
MAX_SUBSCRIPTIONS_EACH: Final = 16
"""Of one principal."""
MAX_WATCHED: Final = 256
"""Resources that one client subscribes to."""

Pause = Callable[[], Awaitable[None]]
Watch = Callable[[TenantId, frozenset[str]], None]


async def _moment() -> None:
    await anyio.sleep(DEBOUNCE_SECONDS)


def _nobody(_tenant: TenantId, _uris: frozenset[str]) -> None:
    """Nobody wants to know what is watched."""


@dataclass(slots=True)
class _Client:
    """One client of the handshake era."""

    tenant: TenantId | None = None
    """Known once it subscribes to something."""
    uris: set[str] = field(default_factory=set[str])


class _Streams:
    """The streams of one tenant's clients of 2026-07-28."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self.serve = ListenHandler(self.bus, max_subscriptions=MAX_SUBSCRIPTIONS)


class Announcer:
    """Everybody who wants to hear of changes."""

    def __init__(self, *, pause: Pause | None, watched: Watch | None) -> None:
        """*pause* ends a burst.

        *watched* is told all URIs that a tenant subscribed to each time they change, and must not wait.
        """
        self._pause = pause or _moment
        self._watched = watched or _nobody
        self._streams: dict[TenantId, _Streams] = {}
        self._open: Counter[tuple[TenantId, str]] = Counter()
        self._connections: dict[Connection, _Client] = {}
        self._uris: dict[TenantId, Counter[str]] = {}
        self._due: set[Listing] = set()

    def attach(self, server: Server[Any]) -> None:
        """Learn of the handshake-era clients of *server*."""
        server.middleware.clear()  # see the adapter's docstring, 3
        server.add_notification_handler("notifications/initialized", t.NotificationParams, self._joined)

    async def changed(self, listings: Iterable[Listing]) -> None:
        """Tell everybody that *listings* are others, once for a burst."""
        first = not self._due
        self._due.update(listings)
        if not first or not self._due:
            return  # whoever began the burst tells
        try:
            await self._pause()
        finally:
            due, self._due = self._due, set()
        for listing in sorted(due):
            for streams in tuple(self._streams.values()):
                await streams.bus.publish(_event(listing))
        async with anyio.create_task_group() as tasks:
            for connection in tuple(self._connections):
                tasks.start_soon(_tell, *(partial(_say_changed, connection, listing) for listing in sorted(due)))

    async def updated(self, uri: str, tenant: TenantId | None = None) -> None:
        """Tell whoever of *tenant*, of all if it is None, subscribed to *uri*, as served, that it is another."""
        for owner, streams in tuple(self._streams.items()):
            if tenant in (None, owner):
                await streams.bus.publish(ResourceUpdated(uri=uri))
        async with anyio.create_task_group() as tasks:
            for connection, client in tuple(self._connections.items()):
                if uri in client.uris and tenant in (None, client.tenant):
                    tasks.start_soon(_tell, partial(connection.send_resource_updated, uri))

    async def listen(
        self,
        ctx: Context,
        params: t.SubscriptionsListenRequestParams,
        principal: Principal,
        may: Callable[[str], bool],
    ) -> t.SubscriptionsListenResult:
        """Serve one stream of 2026-07-28; resources that the caller may not know of are left out of what it gets.

        Raises: InvalidRequest; Overloaded.
        """
        asked = params.notifications.resource_subscriptions or []
        if len(asked) > MAX_WATCHED:
            raise InvalidRequest(f"`resourceSubscriptions` has at most {MAX_WATCHED} URIs")
        uris = [uri for uri in dict.fromkeys(asked) if may(uri)]
        granted = params.notifications.model_copy(update={"resource_subscriptions": uris or None})
        streams = self._streams.setdefault(principal.tenant, _Streams())
        with self._room((principal.tenant, principal.subject)):
            async with self._watching(principal.tenant, uris):
                return await streams.serve(ctx, params.model_copy(update={"notifications": granted}))

    @contextlib.contextmanager
    def _room(self, who: tuple[TenantId, str]) -> Generator[None]:
        if self._open.total() >= MAX_SUBSCRIPTIONS or self._open[who] >= MAX_SUBSCRIPTIONS_EACH:
            raise Overloaded(f"there are at most {MAX_SUBSCRIPTIONS_EACH} streams of one principal")
        self._open[who] += 1
        try:
            yield
        finally:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]

    def subscribe(self, ctx: Context, uri: str, tenant: TenantId) -> None:
        """A client of the handshake era, of *tenant*, wants to hear of *uri*. Raises: Overloaded."""
        client = self._of(connection_of(ctx))
        if uri in client.uris:
            return
        if len(client.uris) >= MAX_WATCHED:
            raise Overloaded(f"a client subscribes to at most {MAX_WATCHED} resources")
        client.tenant = tenant
        client.uris.add(uri)
        self._count(tenant, [uri])

    def unsubscribe(self, ctx: Context, uri: str) -> None:
        """It does not want to any more."""
        client = self._of(connection_of(ctx))
        if client.tenant is not None and uri in client.uris:
            client.uris.remove(uri)
            self._discount(client.tenant, [uri])

    def close(self) -> None:
        """End all subscriptions."""
        for streams in self._streams.values():
            streams.serve.close()

    async def _joined(self, ctx: Context, _params: t.NotificationParams) -> None:
        self._of(connection_of(ctx))

    def _of(self, connection: Connection) -> _Client:
        client = self._connections.get(connection)
        if client is None:
            client = self._connections[connection] = _Client()
            connection.exit_stack.callback(self._left, connection)
        return client

    def _left(self, connection: Connection) -> None:
        client = self._connections.pop(connection, _Client())
        if client.tenant is not None:
            self._discount(client.tenant, client.uris)

    @contextlib.asynccontextmanager
    async def _watching(self, tenant: TenantId, uris: list[str]) -> AsyncGenerator[None]:
        self._count(tenant, uris)
        try:
            yield
        finally:
            self._discount(tenant, uris)

    def _count(self, tenant: TenantId, uris: Iterable[str]) -> None:
        before = self._uris.get(tenant, Counter[str]())
        self._note(tenant, before, before + Counter(uris))

    def _discount(self, tenant: TenantId, uris: Iterable[str]) -> None:
        before = self._uris.get(tenant, Counter[str]())
        self._note(tenant, before, before - Counter(uris))

    def _note(self, tenant: TenantId, before: Counter[str], now: Counter[str]) -> None:
        self._uris[tenant] = now
        if not now:
            del self._uris[tenant]
        if now.keys() != before.keys():
            self._watched(tenant, frozenset(now))


def _event(listing: Listing) -> ServerEvent:
    match listing:
        case Listing.TOOLS:
            return ToolsListChanged()
        case Listing.PROMPTS:
            return PromptsListChanged()
        case Listing.RESOURCES:
            return ResourcesListChanged()
        case _:
            assert_never(listing)


async def _say_changed(connection: Connection, listing: Listing) -> None:
    match listing:
        case Listing.TOOLS:
            await connection.send_tool_list_changed()
        case Listing.PROMPTS:
            await connection.send_prompt_list_changed()
        case Listing.RESOURCES:
            await connection.send_resource_list_changed()
        case _:
            assert_never(listing)


async def _tell(*words: Callable[[], Awaitable[None]]) -> None:
    with anyio.move_on_after(NOTIFY_SECONDS), contextlib.suppress(Exception):  # one broken client is not the others'
        for word in words:
            await word()
