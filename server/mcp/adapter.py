"""The only file of this package that touches what the MCP SDK keeps private or calls provisional. Decides nothing.

What it relies on, in mcp 2.3.0:

1. The HTTP session manager asks `create_initialization_options()` without arguments, so `listChanged` is put in there.
2. `ServerSession._connection` is the connection of a handshake-era client; it lives in its `exit_stack`.
3. `Server.middleware` holds the SDK's telemetry, which would export tool names; it is emptied.
"""

import contextlib
from typing import Any, Final

import anyio
import mcp.types as t
from mcp.server import NotificationOptions, Server, ServerRequestContext
from mcp.server.connection import Connection
from mcp.server.models import InitializationOptions
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged

NOTIFY_SECONDS: Final = 1.0
"""A client that does not read is told of no change; it lists anew when it comes back."""

MAX_SUBSCRIPTIONS: Final = 256


class AnnouncingServer(Server[Any]):
    """The SDK's server, saying in both eras that its list of tools changes."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """As the SDK's, with `listChanged` for tools."""
        options = notification_options or NotificationOptions(tools_changed=True)
        return super().create_initialization_options(options, experimental_capabilities, extensions)


class Announcer:
    """Tells clients of both eras that the tools changed."""

    def __init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self._connections: set[Connection] = set()
        self.listen = ListenHandler(self._bus, max_subscriptions=MAX_SUBSCRIPTIONS)

    def attach(self, server: Server[Any]) -> None:
        """Learn of the handshake-era clients of *server*."""
        server.middleware.clear()  # see the module docstring, 3
        server.add_notification_handler("notifications/initialized", t.NotificationParams, self._joined)

    async def changed(self) -> None:
        """Tell everybody, within a second."""
        await self._bus.publish(ToolsListChanged())
        async with anyio.create_task_group() as tasks:
            for connection in tuple(self._connections):
                tasks.start_soon(_tell, connection)

    def close(self) -> None:
        """End all subscriptions."""
        self.listen.close()

    async def _joined(self, ctx: ServerRequestContext[Any, Any], _params: t.NotificationParams) -> None:
        connection = ctx.session._connection  # noqa: SLF001 -- see the module docstring, 2
        self._connections.add(connection)
        connection.exit_stack.callback(self._connections.discard, connection)


async def _tell(connection: Connection) -> None:
    with anyio.move_on_after(NOTIFY_SECONDS), contextlib.suppress(Exception):  # one broken client is not the others'
        await connection.send_tool_list_changed()
