"""Stands between the SDK's HTTP client and the network, and hands on only what was checked. It never redirects itself.

1. Every answer is capped before it is held; a compressed one is refused, since none was asked for.
2. An answer must carry the id of the request it came for.
3. Whatever goes wrong ends that one request with a fault of ours, never the connection, and never in silence.
4. A stream that ends before its answer is taken up where its server said it goes on; else its call has failed, and may
   have run. Nothing is sent twice.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from http import HTTPStatus
from typing import Final, TypeAlias

import anyio
import httpx2
from mcp.client.streamable_http import streamable_http_client

from holdfast.contracts import MalformedJson, TooLarge, ToolError
from holdfast.contracts.json_values import Json, canonical

from ..answers import MAX_MESSAGE_BYTES, Answered, Asked, Errored, Message, MessageId, Noticed, read_message
from ..config import UpstreamConfig
from ..credentials.keyring import Credentials, Scrub
from ..faults import FAULT_CODE, Ending, Fault, Marks, UpstreamFault
from ..turns import ASKING_SECONDS
from .events import END, EventLines, event_of
from .resuming import Resuming
from .screen import Screen

OFF_LOOP_BYTES: Final = 64 << 10
LATE_SECONDS: Final = 5.0
"""How much longer than a call may take its HTTP request is kept, for a server that ignores a cancellation."""

_BESIDES_CALLS: Final = 8
"""Listings, the stream of notices, cancellations."""

_NO_SUCH_THING: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})

_SESSION: Final = "mcp-session-id"
_LISTEN: Final = "subscriptions/listen"
_KEPT_HEADERS: Final = ("content-type", _SESSION, "location")

_Failure: TypeAlias = tuple[Fault, str]
_UNDIALLED: Final[_Failure] = (Fault.UNREACHABLE, "the server cannot be dialled")
"""No connection came about, so nothing was sent."""
_UNREACHABLE: Final[_Failure] = (Fault.UNREACHABLE, "the server cannot be reached")
_BROKE_OFF: Final[_Failure] = (Fault.CLOSED, "the server broke off its answer")
_LATE: Final[_Failure] = (Fault.UNREACHABLE, "the server did not answer in time")
_TOO_LARGE: Final[_Failure] = (Fault.TOO_LARGE, f"the server sent more than {MAX_MESSAGE_BYTES} bytes")
_FLOOD: Final[_Failure] = (Fault.PROTOCOL, "the server sends more than was asked for")
_LOST: Final[_Failure] = (Fault.CLOSED, "the server forgot the session")
_UNDELIVERED: Final = frozenset({_UNDIALLED, _LOST})
"""With a session that it does not know, a server looks at no request (2025-11-25, session management)."""


class HttpTransport:
    """One HTTP upstream as a transport of the SDK. Good for one connection."""

    def __init__(
        self,
        config: UpstreamConfig,
        marks: Marks,
        screen: Screen,
        credentials: Credentials,
        *,
        at_least_seconds: float = 0.0,
    ) -> None:
        """*at_least_seconds*: a request may take so long, whatever a call may: somebody may be signing in."""
        self._config = config
        self._headers = dict(credentials.headers)
        self._checked = CheckedTransport(
            network_of(config, credentials),
            marks,
            screen,
            seconds=max(
                at_least_seconds,
                config.limits.wall_ms / 1000 + LATE_SECONDS + (ASKING_SECONDS if config.asks else 0.0),
            ),
            scrub=credentials.scrub,
        )
        self.ended = self._checked.ended
        """Set once the server has forgotten the session, or sent too much: a new connection is needed."""

    @property
    def turned_away(self) -> bool:
        """Whether the server does not know what was posted to it: it may be one of 2024-11-05."""
        return self._checked.turned_away and self.unauthorized is None

    @property
    def unauthorized(self) -> UpstreamFault | None:
        """Why the server takes no message of ours, if for want of a credential; what it says later says nothing."""
        return self._checked.unauthorized

    @contextlib.asynccontextmanager
    async def streams(self) -> AsyncGenerator[object]:
        """Carry messages while the block runs."""
        # Only dialling has a limit here: everything else has the call's own deadline.
        timeout = httpx2.Timeout(None, connect=self._config.connect_ms / 1000)
        async with (
            httpx2.AsyncClient(
                transport=self._checked, headers=self._headers, timeout=timeout, trust_env=False
            ) as client,
            streamable_http_client(
                self._config.url or "", http_client=client, max_sse_event_size=MAX_MESSAGE_BYTES + 1024
            ) as streams,
        ):
            yield streams


class CheckedTransport(httpx2.AsyncBaseTransport):
    """An HTTP transport whose answers have been read, capped and checked before anybody else sees them."""

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, marks: Marks, screen: Screen, *, seconds: float, scrub: Scrub
    ) -> None:
        self.network = inner
        self._marks = marks
        self._screen = screen
        self._seconds = seconds
        self.scrub = scrub
        self.ended = Ending()
        self.unauthorized: UpstreamFault | None = None
        self.turned_away = False
        """Whether the last message was answered as by something that knows no such thing."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send *request* and answer with what was checked, or with a fault of ours."""
        request.headers["accept-encoding"] = "identity"
        exchange = await _exchange(request)
        try:
            with anyio.fail_after(exchange.seconds(self._seconds)):
                response = await self.network.handle_async_request(request)
                return await self._taken(exchange, response)
        except TimeoutError:
            return self._fault(exchange, _LATE)
        except UpstreamFault as fault:  # of what adds the tokens
            self.unauthorized = fault
            return self._fault(exchange, (fault.fault, fault.message))
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return self._fault(exchange, _UNDIALLED)
        except httpx2.HTTPError:
            return self._fault(exchange, _UNREACHABLE)

    async def aclose(self) -> None:
        """Close all connections."""
        await self.network.aclose()

    async def _taken(self, exchange: "_Exchange", response: httpx2.Response) -> httpx2.Response:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if exchange.id is not None:
            self.turned_away = response.status_code in _NO_SUCH_THING
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            return self._fault(exchange, (Fault.PROTOCOL, "the server compressed an answer unasked"))
        if response.status_code == HTTPStatus.OK and kind == "text/event-stream":
            stream = _Events(self, exchange, response, deadline=self._deadline(exchange))
            return _response(exchange.request, response, stream=stream)
        try:
            body = await self._body(response)
        except TooLarge:
            return self._fault(exchange, _TOO_LARGE)
        finally:
            await response.aclose()
        return await self._whole(exchange, response, kind, body)

    def _deadline(self, exchange: "_Exchange") -> float | None:
        seconds = exchange.seconds(self._seconds)
        return None if seconds is None else anyio.current_time() + seconds

    async def _whole(self, exchange: "_Exchange", response: httpx2.Response, kind: str, body: bytes) -> httpx2.Response:
        if exchange.id is None or response.has_redirect_location:
            return _response(exchange.request, response, content=b"")
        if response.status_code == HTTPStatus.NOT_FOUND and _SESSION in exchange.request.headers:
            self.ended.end(*_LOST)
            return self._fault(exchange, _LOST)
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            why = f"the server answered HTTP {response.status_code}: it takes no credential of its entry"
            self.unauthorized = UpstreamFault(Fault.UNAUTHORIZED, why)
            return self._fault(exchange, (Fault.UNAUTHORIZED, why))
        if kind != "application/json":
            return self._fault(exchange, (Fault.PROTOCOL, f"the server answered HTTP {response.status_code}, not JSON"))
        try:
            body = await self.scrub.clean(body)
            message = await parsed(body)
            self.match(exchange, message)
        except MalformedJson as error:
            return self._fault(exchange, (Fault.PROTOCOL, f"the server sent what cannot be taken: {error.message}"))
        except ToolError as error:
            return self._fault(exchange, (Fault.PROTOCOL, error.message))
        self._screen.answered()
        return _response(exchange.request, response, content=_addressed(message, exchange.id, body))

    @staticmethod
    def match(exchange: "_Exchange", message: Message) -> None:
        """Check that *message* answers the request of *exchange*.

        Raises: ToolError when it does not.
        """
        match message:
            case Answered(id=request) | Errored(id=int() | str() as request) if _same(request, exchange.id):
                return
            case Errored(id=None):
                return
            case _:
                raise ToolError("the server answered a request that was not asked")

    async def _body(self, response: httpx2.Response) -> bytes:
        held = bytearray()
        async for chunk in _chunks(response):
            held += chunk
            if len(held) > MAX_MESSAGE_BYTES:
                raise TooLarge("the answer is too large")
        return bytes(held)

    def spend(self, size: int) -> None:
        """Count *size* bytes that were not asked for.

        Raises: ToolError once it is too much.
        """
        if not self._screen.spend(size):
            self.ended.end(*_FLOOD)
            raise ToolError(_FLOOD[1])

    def admits(self, exchange: "_Exchange", message: Message) -> bool:
        """Whether an event of a stream goes on to the SDK.

        Raises: ToolError when it answers another request.
        """
        match message:
            case Noticed():
                return self._screen.passes(message, stream=exchange.id)
            case Asked():
                return not self._screen.asked(message, stream=exchange.id)
            case Answered() | Errored():
                if exchange.id is None:
                    return False  # only the stream of a request carries its answer
                self.match(exchange, message)
                self._screen.answered()
                return True

    def failed(self, exchange: "_Exchange", failure: _Failure) -> bytes:
        """The body that ends the request of *exchange* for a reason of ours."""
        fault, message = failure
        data = self._marks.data(fault, message, delivered=failure not in _UNDELIVERED)
        error: Json = {"code": FAULT_CODE, "message": message, "data": data}
        return canonical({"jsonrpc": "2.0", "id": exchange.id, "error": error})

    def _fault(self, exchange: "_Exchange", failure: _Failure) -> httpx2.Response:
        if exchange.id is None:
            return httpx2.Response(502, request=exchange.request)
        return httpx2.Response(
            200,
            headers={"content-type": "application/json"},
            content=self.failed(exchange, failure),
            request=exchange.request,
        )


def network_of(config: UpstreamConfig, credentials: Credentials) -> httpx2.AsyncBaseTransport:
    """The network, with a token of *credentials* on each request if the entry says so."""
    network = httpx2.AsyncHTTPTransport(trust_env=False, limits=_room(config))
    if credentials.authorizer is None:
        return network
    from ..credentials.oauth import AuthorizedTransport  # noqa: PLC0415 -- few upstreams need it

    return AuthorizedTransport(network, credentials.authorizer)


def _room(config: UpstreamConfig) -> httpx2.Limits:
    """A connection for each call there may be, and some for what is not a call."""
    most = config.max_in_flight + _BESIDES_CALLS
    return httpx2.Limits(max_connections=most, max_keepalive_connections=most)


class _Exchange:
    """One HTTP request of the SDK, and the JSON-RPC request in it, if there is one."""

    def __init__(self, request: httpx2.Request, message: Message | None) -> None:
        self.request = request
        self.id: MessageId | None = message.id if isinstance(message, Asked) else None
        stays_open = request.method == "GET" or (isinstance(message, Asked) and message.method == _LISTEN)
        self._bounded = not stays_open

    def seconds(self, most: float) -> float | None:
        """How long it may take; None for the streams that stay open."""
        return most if self._bounded else None


class _Events(httpx2.AsyncByteStream):
    """The events of one stream, checked one by one. It always ends its request."""

    def __init__(
        self, owner: CheckedTransport, exchange: _Exchange, response: httpx2.Response, *, deadline: float | None
    ) -> None:
        self._owner = owner
        self._exchange = exchange
        self._response = response
        self._deadline = deadline
        self._resuming = Resuming(exchange.request, resumable=exchange.id is not None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        failure = _BROKE_OFF
        try:
            async for event in self._events():
                yield event
                if event is END:
                    return
        except MalformedJson as error:
            failure = (Fault.PROTOCOL, f"the server sent what cannot be taken: {error.message}")
        except TooLarge:
            failure = _TOO_LARGE
        except ToolError as error:
            failure = (Fault.PROTOCOL, error.message)
        except TimeoutError:
            failure = _LATE
        except httpx2.HTTPError:
            failure = _BROKE_OFF
        if self._exchange.id is not None:
            yield event_of(self._owner.failed(self._exchange, failure))

    async def _events(self) -> AsyncIterator[bytes]:
        held = EventLines()
        chunks = aiter(_chunks(self._response))
        while True:
            chunk: bytes | None = None
            with anyio.CancelScope(deadline=self._deadline or float("inf")) as scope:
                chunk = await anext(chunks, None)
            if scope.cancelled_caught:
                raise TimeoutError
            if chunk is None:
                rest = await self._resuming.rest(self._owner.network, held, deadline=self._deadline)
                if rest is None:
                    return
                await self._response.aclose()
                self._response, chunks = rest, aiter(_chunks(rest))
                continue
            self._owner.spend(len(chunk))
            for event in held.feed(chunk):
                data = await self._owner.scrub.clean(event)
                message = await parsed(data)
                if self._owner.admits(self._exchange, message):
                    yield event_of(data)
                    if isinstance(message, Answered | Errored):
                        yield END
                        return

    async def aclose(self) -> None:
        await self._response.aclose()


async def _exchange(request: httpx2.Request) -> _Exchange:
    body = await request.aread()
    return _Exchange(request, read_message(body) if body else None)


async def _chunks(response: httpx2.Response) -> AsyncIterator[bytes]:
    stream = response.stream
    if not isinstance(stream, httpx2.AsyncByteStream):
        raise ToolError("the answer is no stream")
    async for chunk in stream:
        yield chunk


def _response(
    request: httpx2.Request,
    response: httpx2.Response,
    *,
    content: bytes | None = None,
    stream: httpx2.AsyncByteStream | None = None,
) -> httpx2.Response:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return httpx2.Response(response.status_code, headers=headers, content=content, stream=stream, request=request)


def _addressed(message: Message, request: MessageId, body: bytes) -> bytes:
    """*body*, or an error without an id addressed to *request*, so that nobody waits for it in vain."""
    match message:
        case Errored(id=None, code=code, message=text):
            return canonical({"jsonrpc": "2.0", "id": request, "error": {"code": code, "message": text}})
        case _:
            return body


def _same(one: MessageId, other: MessageId | None) -> bool:
    return type(one) is type(other) and one == other


async def parsed(data: bytes) -> Message:
    """Read one message, on a thread when it is large.

    Raises: MalformedJson.
    """
    if len(data) <= OFF_LOOP_BYTES:
        return read_message(data)
    return await asyncio.to_thread(read_message, data)
