"""The only file of this package that touches what the MCP SDK keeps private or calls provisional. Decides nothing.

What it relies on, in mcp 2.3.0:

1. `ClientSession._stamp` and `._dispatcher.send_raw_request`: to send a request and get the raw result, so that one
   malformed tool does not hide a server, and no schema of a server is compiled on the event loop.
2. `ClientSession._x_mcp_header_maps`: which arguments a modern HTTP server wants mirrored in headers.
3. The dispatcher mints its ids itself (`_allocate_id`): whole numbers that only grow, and `listen-N`. A call is given
   its id here, so that what the server says in the middle of it can be told from the rest.
4. `ClientSession._dispatcher._write` sends an answer of ours to a request of the server.
"""

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, cast

import anyio
import mcp.types as t
from mcp import Client, MCPError
from mcp.client.session import IncomingMessage
from mcp.client.subscriptions import SubscriptionLost, listen
from mcp.shared.inbound import find_invalid_x_mcp_header, x_mcp_header_map
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.message import SessionMessage
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from holdfast.contracts import Method
from holdfast.contracts.json_values import Json

from ..answers import Answered, Errored, Message, MessageId, Noticed
from ..catalogue.kinds import Kind
from ..config import Era, UpstreamConfig
from ..faults import FAULT_CODE, Ending, Fault, Marks, UpstreamError, UpstreamFault
from ..ongoing import Ongoing
from ..turns import LEVELS, Turn
from .direct import Direct

CLIENT_INFO: Final = t.Implementation(name="holdfast", version="1")
"""All that a server learns about us."""


class Wire:
    """One negotiated connection to a server, of either era."""

    def __init__(
        self,
        client: Client,
        config: UpstreamConfig,
        marks: Marks,
        ended: Ending,
        ongoing: Ongoing,
        direct: Direct | None,
    ) -> None:
        """*direct*: the way to a modern server without the SDK's streams, where there is one."""
        self._session = client.session
        self._dispatcher = cast("JSONRPCDispatcher[Any]", client.session._dispatcher)  # noqa: SLF001 -- as said above, 1
        self._config = config
        self._marks = marks
        self._ended = ended
        self._ongoing = ongoing
        self._level: str | None = None
        ongoing.reply = self._reply
        self.version = client.protocol_version
        self.modern = self.version in MODERN_PROTOCOL_VERSIONS
        self._direct = direct if self.modern else None
        offered = client.server_capabilities
        self.announces = _announced(offered)
        """The lists of which the server says that it tells when they change."""
        self.subscribes = offered.resources is not None and offered.resources.subscribe is True
        """Whether it says that it tells when a resource changes."""
        self.offers = _kinds(offered)
        """What the server says it has lists of."""
        self.completes = offered.completions is not None
        self.instructions = client.instructions
        """What it says about itself. Untrusted."""
        self._logs = offered.logging is not None

    async def request(self, method: str, params: Mapping[str, Json], *, turn: Turn | None = None) -> Mapping[str, Json]:
        """Send one request and return its raw result. No deadline of its own: cancelling tells the server.

        *turn*: the call that it is made for; the server may then say and ask what that call's client takes.

        Raises: UpstreamFault when no answer came; UpstreamError when the server answered with an error.
        """
        data: dict[str, Any] = {"method": method, "params": dict(params)}
        opts: Any = {}
        self._session._stamp(data, opts)  # noqa: SLF001 -- see the module docstring, 1
        opts["request_id"] = request = self._dispatcher._allocate_id()  # noqa: SLF001 -- see the module docstring, 3
        if turn is None:
            return await self._sent(data, opts)
        await self._invite(data["params"].setdefault("_meta", {}), request, turn)
        with self._ongoing.open(request, turn):
            return await self._sent(data, opts)

    async def _sent(self, data: Mapping[str, Any], opts: Any) -> Mapping[str, Json]:
        if self._direct is not None:
            if self._ended.is_set():
                raise self._ended.fault
            answer = await self._direct.request(opts["request_id"], data["method"], data["params"], opts["headers"])
            match answer:
                case Answered(result=result):
                    return result
                case Errored(code=code, message=message, data=why):
                    raise UpstreamError(code, message, needs=_needs(code, why))
                case None:  # the SDK knows which redirects to follow, and a redirected request was not begun with
                    self._direct = None
        try:
            raw = await self._dispatcher.send_raw_request(data["method"], data["params"], opts)
        except MCPError as error:
            raise _translated(error, self._marks, self._ended) from None
        return cast("Mapping[str, Json]", raw)

    async def _invite(self, meta: dict[str, Any], request: MessageId, turn: Turn) -> None:
        """Say in *meta* what the server may tell and ask in the middle of *request*."""
        if turn.wants_progress:
            meta["progressToken"] = request
        if self.modern:
            meta[t.CLIENT_CAPABILITIES_META_KEY] = _capabilities(turn.answers, self._config)
            if turn.log_level is not None:
                meta[t.LOG_LEVEL_META_KEY] = turn.log_level
        elif turn.log_level is not None and self._logs:
            await self._louder(turn.log_level)

    async def _louder(self, level: str) -> None:
        """Have a server of the handshake era log at *level* too. Its level is one for all calls, so it only falls."""
        if self._level is not None and LEVELS.index(self._level) <= LEVELS.index(level):
            return
        self._level = level
        with contextlib.suppress(UpstreamError):  # it says that it logs, and then takes no level: it logs as it likes
            await self.request("logging/setLevel", {"level": level})

    async def _reply(self, request: MessageId, result: Mapping[str, Json] | None) -> None:
        message = declined(request) if result is None else _answered(request, result)
        with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # the connection is over
            await self._dispatcher._write(message.message)  # noqa: SLF001 -- see the module docstring, 4

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

    async def follow_changes(self, uris: AbstractSet[str]) -> None:
        """Have a modern server say what changes, of its lists and of *uris*, until its stream ends; returns then.

        What it says is heard where it comes in, by the screen.
        """
        try:
            async with listen(
                self._session,
                tools_list_changed=Kind.TOOL in self.announces,
                prompts_list_changed=Kind.PROMPT in self.announces,
                resources_list_changed=Kind.RESOURCE in self.announces,
                resource_subscriptions=sorted(uris) if self.subscribes else (),
            ) as events:
                async for _event in events:
                    pass
        except (MCPError, SubscriptionLost, TimeoutError):
            return


def _announced(offered: t.ServerCapabilities) -> frozenset[Kind]:
    lists = {
        Kind.TOOL: offered.tools is not None and offered.tools.list_changed is True,
        Kind.PROMPT: offered.prompts is not None and offered.prompts.list_changed is True,
        Kind.RESOURCE: offered.resources is not None and offered.resources.list_changed is True,
        Kind.TEMPLATE: offered.resources is not None and offered.resources.list_changed is True,
    }
    return frozenset(kind for kind, told in lists.items() if told)


def _kinds(offered: t.ServerCapabilities) -> frozenset[Kind]:
    found: set[Kind] = set()
    if offered.tools is not None:
        found.add(Kind.TOOL)
    if offered.prompts is not None:
        found.add(Kind.PROMPT)
    if offered.resources is not None:
        found |= {Kind.RESOURCE, Kind.TEMPLATE}
    return frozenset(found)


@contextlib.asynccontextmanager
async def opened(
    transport: AbstractAsyncContextManager[Any],
    config: UpstreamConfig,
    marks: Marks,
    ended: Ending,
    ongoing: Ongoing,
    direct: Direct | None = None,
) -> AsyncGenerator[Wire]:
    """Negotiate over *transport*, in the era of *config*. *ended* is set once it carries no more.

    Of elicitation, sampling and roots what the entry grants is advertised. The SDK's cache is off, so that every
    listing is fresh. One step of the negotiation may take `connect_ms`; what comes later has no deadline here.

    Raises: UpstreamFault or UpstreamError when the server does not speak MCP.
    """
    async with contextlib.AsyncExitStack() as stack:
        client = Client(
            transport,
            mode="legacy" if config.era is Era.HANDSHAKE else "auto",
            cache=None,
            client_info=CLIENT_INFO,
            message_handler=_ignore,
            read_timeout_seconds=config.connect_ms / 1000,
            elicitation_callback=_unasked if Method.ELICITATION in config.asks else None,
            sampling_callback=_unasked if Method.SAMPLING in config.asks else None,
            list_roots_callback=_unasked if Method.ROOTS in config.asks else None,
        )
        try:
            await stack.enter_async_context(client)
        except BaseExceptionGroup as group:
            raise _unopened(_first(group), marks, ended) from None
        except (MCPError, RuntimeError, ValueError) as error:
            raise _unopened(error, marks, ended) from None
        wire = Wire(client, config, marks, ended, ongoing, direct)
        if config.era is not Era.MODERN or wire.modern:
            yield wire
            return
    raise UpstreamFault(Fault.PROTOCOL, "the server does not speak the version that its entry asks for")


async def _ignore(message: IncomingMessage) -> None:
    """Notices are read where they come in, by the screen."""


async def _unasked(context: object, params: object = None) -> t.ErrorData:  # noqa: ARG001 -- the SDK's signatures
    """Questions go to their call before the SDK sees them (`Ongoing`): one that it does see is for nobody."""
    return t.ErrorData(code=t.METHOD_NOT_FOUND, message="nobody is asked")


def _capabilities(answers: AbstractSet[Method], config: UpstreamConfig) -> dict[str, Json]:
    """What the client of one call can be asked, as a modern server reads it."""
    said: dict[str, Json] = {}
    if Method.ELICITATION in answers:
        said["elicitation"] = {"form": {}, "url": {}} if config.ask_hosts else {"form": {}}
    if Method.SAMPLING in answers:
        said["sampling"] = {}
    if Method.ROOTS in answers:
        said["roots"] = {}
    return said


_CAPABILITIES: Final = {"elicitation": Method.ELICITATION, "sampling": Method.SAMPLING, "roots": Method.ROOTS}


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
    return UpstreamError(error.code, error.message, needs=_needs(error.code, cast("Json", error.error.data)))


def _needs(code: int, data: Json) -> Method | None:
    """What the server says a client has to be able to be asked, if that is its error."""
    match data:
        case {"requiredCapabilities": dict() as required} if code == t.MISSING_REQUIRED_CLIENT_CAPABILITY:
            return next((method for name, method in _CAPABILITIES.items() if name in required), None)
        case _:
            return None


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


def _answered(request: MessageId, result: Mapping[str, Json]) -> SessionMessage:
    return SessionMessage(t.JSONRPCResponse(jsonrpc="2.0", id=request, result=dict(result)))


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
