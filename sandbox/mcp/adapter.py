"""The only file of this package that touches what the MCP SDK keeps private or calls provisional. Decides nothing.

What it relies on, in mcp 2.3.0:

1. `ClientSession._stamp` and `._dispatcher.send_raw_request`: to send a request and get the raw result, so that one
   malformed tool does not hide a server, and no schema of a server is compiled on the event loop.
2. `ClientSession._x_mcp_header_maps`: which arguments a modern HTTP server wants mirrored in headers.
3. The dispatcher mints its ids itself: whole numbers that only grow, and `listen-N`.
"""

import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, cast

import mcp.types as t
from mcp import Client, MCPError
from mcp.client.session import IncomingMessage
from mcp.client.subscriptions import SubscriptionLost, listen
from mcp.shared.inbound import find_invalid_x_mcp_header, x_mcp_header_map
from mcp.shared.message import SessionMessage
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from holdfast.contracts.json_values import Json

from .answers import Answered, Errored, Message, MessageId, Noticed
from .faults import FAULT_CODE, Ending, Fault, Marks, UpstreamError, UpstreamFault

CLIENT_INFO: Final = t.Implementation(name="holdfast", version="1")
"""All that a server learns about us."""


class Wire:
    """One negotiated connection to a server, of either era."""

    def __init__(self, client: Client, marks: Marks, ended: Ending) -> None:
        self._session = client.session
        self._marks = marks
        self._ended = ended
        self.version = client.protocol_version
        self.modern = self.version in MODERN_PROTOCOL_VERSIONS
        tools = client.server_capabilities.tools
        self.announces_changes = tools is not None and tools.list_changed is True

    async def request(self, method: str, params: Mapping[str, Json]) -> Mapping[str, Json]:
        """Send one request and return its raw result. No deadline of its own: cancelling tells the server.

        Raises: UpstreamFault when no answer came; UpstreamError when the server answered with an error.
        """
        data: dict[str, Any] = {"method": method, "params": dict(params)}
        opts: Any = {}
        self._session._stamp(data, opts)  # noqa: SLF001 -- see the module docstring, 1
        try:
            raw = await self._session._dispatcher.send_raw_request(method, data["params"], opts)  # noqa: SLF001 -- 1
        except MCPError as error:
            raise _translated(error, self._marks, self._ended) from None
        return cast("Mapping[str, Json]", raw)

    def learn_headers(self, tools: Sequence[Json]) -> frozenset[str]:
        """Note which arguments are mirrored in headers; answers the names whose annotations are invalid."""
        if not self.modern:
            return frozenset()
        invalid: set[str] = set()
        maps: dict[str, dict[tuple[str, ...], str]] = {}
        for tool in tools:
            match tool:
                case {"name": str(name), "inputSchema": dict(schema)}:
                    if find_invalid_x_mcp_header(schema) is not None:
                        invalid.add(name)
                    else:
                        maps[name] = x_mcp_header_map(schema)
                case _:
                    pass
        self._session._x_mcp_header_maps = maps  # noqa: SLF001 -- see the module docstring, 2
        return frozenset(invalid)

    async def follow_changes(self, changed: Callable[[], None]) -> None:
        """Call *changed* for each change a modern server announces, until its stream ends; returns then."""
        try:
            async with listen(self._session, tools_list_changed=True) as events:
                async for _event in events:
                    changed()
        except (MCPError, SubscriptionLost, TimeoutError):
            return


@contextlib.asynccontextmanager
async def opened(transport: AbstractAsyncContextManager[Any], marks: Marks, ended: Ending) -> AsyncGenerator[Wire]:
    """Negotiate over *transport*: the modern era first, else the handshake. *ended* is set once it carries no more.

    Neither elicitation, sampling nor roots is advertised, and the SDK's cache is off, so that every listing is fresh.

    Raises: UpstreamFault or UpstreamError when the server does not speak MCP.
    """
    async with contextlib.AsyncExitStack() as stack:
        client = Client(
            transport,
            mode="auto",
            cache=None,
            client_info=CLIENT_INFO,
            message_handler=_ignore,
            read_timeout_seconds=30.0,
        )
        try:
            await stack.enter_async_context(client)
        except BaseExceptionGroup as group:
            raise _unopened(_first(group), marks, ended) from None
        except (MCPError, RuntimeError, ValueError) as error:
            raise _unopened(error, marks, ended) from None
        yield Wire(client, marks, ended)


async def _ignore(message: IncomingMessage) -> None:
    """Notices are read where they come in, by the screen."""


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    if isinstance(first, BaseExceptionGroup):
        return _first(first)  # pyright: ignore[reportUnknownArgumentType] -- isinstance forgets what it holds
    return first


def _unopened(error: BaseException, marks: Marks, ended: Ending) -> UpstreamFault | UpstreamError:
    if isinstance(error, MCPError):
        return _translated(error, marks, ended)
    return UpstreamFault(Fault.PROTOCOL, "the server does not speak a version of MCP that is known")


def _translated(error: MCPError, marks: Marks, ended: Ending) -> UpstreamFault | UpstreamError:
    fault = marks.fault(error.error.data)
    if fault is not None:
        return fault
    if error.code == t.CONNECTION_CLOSED and ended.is_set():  # a server can send that code too
        return ended.fault
    return UpstreamError(error.code, error.message)


def inbound(message: Answered | Errored | Noticed, *, to: MessageId | None = None) -> SessionMessage:
    """A message that was checked, in the SDK's form. *to*: the request an error without an id belongs to."""
    match message:
        case Answered(id=request, result=result):
            return SessionMessage(t.JSONRPCResponse(jsonrpc="2.0", id=request, result=dict(result)))
        case Errored(id=request, code=code, message=text, data=data):
            given = to if request is None else request
            return SessionMessage(t.JSONRPCError(jsonrpc="2.0", id=given, error=_error(code, text, data)))
        case Noticed(method=method, params=params):
            return SessionMessage(t.JSONRPCNotification(jsonrpc="2.0", method=method, params=dict(params)))


def faulted(request: MessageId, marks: Marks, fault: Fault, message: str) -> SessionMessage:
    """The end of *request* for a reason of ours, in the SDK's form."""
    data = marks.data(fault, message)
    return SessionMessage(t.JSONRPCError(jsonrpc="2.0", id=request, error=_error(FAULT_CODE, message, data)))


def declined(request: MessageId) -> SessionMessage:
    """Our answer to whatever a server asks of us."""
    error = _error(t.METHOD_NOT_FOUND, "nothing is offered to servers", None)
    return SessionMessage(t.JSONRPCError(jsonrpc="2.0", id=request, error=error))


def alive(request: MessageId) -> SessionMessage:
    """Our answer to a ping."""
    return SessionMessage(t.JSONRPCResponse(jsonrpc="2.0", id=request, result={}))


def outbound(message: SessionMessage) -> bytes:
    """A message of ours as one line."""
    return message.message.model_dump_json(by_alias=True, exclude_unset=True).encode("utf-8") + b"\n"


def issued(message: SessionMessage) -> MessageId | None:
    """The id of the request that *message* is, or None."""
    return message.message.id if isinstance(message.message, t.JSONRPCRequest) else None


def withdrawn(message: SessionMessage) -> MessageId | None:
    """The id of the request that *message* cancels, or None."""
    match message.message:
        case t.JSONRPCNotification(method="notifications/cancelled", params={"requestId": int() | str() as request}):
            return request
        case _:
            return None


def _error(code: int, message: str, data: Json) -> t.ErrorData:
    return (
        t.ErrorData(code=code, message=message) if data is None else t.ErrorData(code=code, message=message, data=data)
    )


__all__ = [
    "CLIENT_INFO",
    "Message",
    "Wire",
    "alive",
    "declined",
    "faulted",
    "inbound",
    "issued",
    "opened",
    "outbound",
    "withdrawn",
]
