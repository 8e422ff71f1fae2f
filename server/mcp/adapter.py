"""The only file of this package that touches what the MCP SDK keeps private or calls provisional. Decides nothing.

What it relies on, in mcp 2.3.0:

1. The HTTP session manager asks `create_initialization_options()` without arguments, so `listChanged` is put in there.
2. `ServerSession._connection` is the connection of a handshake-era client; it lives in its `exit_stack`, and keeps
   what we know of its session in its `state`.
3. `Server.middleware` holds the SDK's telemetry, which would export tool names; it is emptied.
4. `Server(on_set_logging_level=...)` warns that logging is deprecated; a handler that is added does not.
"""

from typing import Any

from mcp.server import NotificationOptions, Server, ServerRequestContext
from mcp.server.connection import Connection
from mcp.server.models import InitializationOptions


class AnnouncingServer(Server[Any]):
    """The SDK's server, saying in both eras that its lists change."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """As the SDK's, with `listChanged` for tools, prompts and resources."""
        options = notification_options or NotificationOptions(
            tools_changed=True, prompts_changed=True, resources_changed=True
        )
        return super().create_initialization_options(options, experimental_capabilities, extensions)


def connection_of(ctx: ServerRequestContext[Any, Any]) -> Connection:
    """The connection of the client that sent the request."""
    return ctx.session._connection  # noqa: SLF001 -- see the module docstring, 2
