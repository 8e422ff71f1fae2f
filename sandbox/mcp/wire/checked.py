"""What an HTTP upstream answers: capped, checked, matched to its request before anybody sees it. It never redirects.

1. Every answer is capped before it is held; a compressed one is refused, since none was asked for.
2. An answer must carry the id of the request it came for.
3. Whatever goes wrong ends that one request with a fault of ours, never the connection, and never in silence.
4. A stream that ends before its answer is taken up where its server said it goes on; else its call has failed, and may
   have run. Nothing is sent twice.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from http import HTTPStatus
from typing import Final, TypeAlias

import anyio
import httpx2

from holdfast.contracts import MalformedJson, TooLarge, ToolError
from holdfast.contracts.json_values import Json, canonical

from ..answers import MAX_MESSAGE_BYTES, Answered, Asked, Errored, Message, MessageId, Noticed, read_message
from ..credentials.keyring import Scrub
from ..faults import FAULT_CODE, Ending, Fault, Marks, UpstreamFault
from .events import END, EventLines, event_of
from .resuming import Resuming
from .screen import Screen

OFF_LOOP_BYTES: Final = 64 << 10

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
_COMPRESSED: Final[_Failure] = (Fault.PROTOCOL, "the server compressed an answer unasked")
_UNDELIVERED: Final = frozenset({_UNDIALLED, _LOST})
"""With a session that it does not know, a server looks at no request (2025-11-25, session management)."""


class _Failed(Exception):
    """One request ended for a reason of ours."""

    def __init__(self, failure: _Failure) -> None:
        super().__init__(failure[1])
        self.failure = failure


class CheckedTransport(httpx2.AsyncBaseTransport):
    """An HTTP transport whose answers have been read, capped and checked before anybody else sees them."""

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, marks: Marks, screen: Screen, *, seconds: float, scrub: Scrub
    ) -> None:
        """*seconds*: how long one request may take, unless its stream is one that stays open."""
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
                return await self._taken(exchange, await self._sent(exchange))
        except TimeoutError:
            return self._fault(exchange, _LATE)
        except _Failed as failed:
            return self._fault(exchange, failed.failure)

    async def answer(self, request: httpx2.Request, request_id: MessageId) -> Answered | Errored | None:
        """The answer to the request *request_id*, which *request* posts, for who needs no HTTP; None: it redirects.

        *request* asks for the encoding `identity`. What its server says meanwhile goes to the screen.

        Raises: UpstreamFault.
        """
        exchange = Exchange(request, request_id, bounded=True)
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._sent(exchange)
                try:
                    return await self._answered(exchange, response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise _fault_of(_LATE) from None
        except _Failed as failed:
            raise _fault_of(failed.failure) from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self.network.aclose()

    async def _sent(self, exchange: "Exchange") -> httpx2.Response:
        try:
            return await self.network.handle_async_request(exchange.request)
        except UpstreamFault as fault:  # of what adds the tokens
            self.unauthorized = fault
            raise _Failed((fault.fault, fault.message)) from None
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            raise _Failed(_UNDIALLED) from None
        except httpx2.HTTPError:
            raise _Failed(_UNREACHABLE) from None

    async def _taken(self, exchange: "Exchange", response: httpx2.Response) -> httpx2.Response:
        if self._streams(exchange, response):
            stream = _Events(self, exchange, response, deadline=self._deadline(exchange))
            return _response(exchange.request, response, stream=stream)
        body = await self._body(response)
        if exchange.id is None or response.has_redirect_location:
            return _response(exchange.request, response, content=b"")
        message, body = await self._whole(exchange, response, body)
        return _response(exchange.request, response, content=_addressed(message, exchange.id, body))

    async def _answered(self, exchange: "Exchange", response: httpx2.Response) -> Answered | Errored | None:
        if self._streams(exchange, response):
            return await _Events(self, exchange, response, deadline=None).answer()
        body = await self._body(response)
        if response.has_redirect_location:
            return None
        message, _body = await self._whole(exchange, response, body)
        return message

    def _streams(self, exchange: "Exchange", response: httpx2.Response) -> bool:
        """Whether *response* is a stream of events."""
        if exchange.id is not None:
            self.turned_away = response.status_code in _NO_SUCH_THING
        return response.status_code == HTTPStatus.OK and _kind(response) == "text/event-stream" and _is_plain(response)

    def _deadline(self, exchange: "Exchange") -> float | None:
        seconds = exchange.seconds(self._seconds)
        return None if seconds is None else anyio.current_time() + seconds

    async def _whole(
        self, exchange: "Exchange", response: httpx2.Response, body: bytes
    ) -> tuple[Answered | Errored, bytes]:
        """The answer that *body* is, and *body* without what has to be scrubbed."""
        if response.status_code == HTTPStatus.NOT_FOUND and _SESSION in exchange.request.headers:
            self.ended.end(*_LOST)
            raise _Failed(_LOST)
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            why = f"the server answered HTTP {response.status_code}: it takes no credential of its entry"
            self.unauthorized = UpstreamFault(Fault.UNAUTHORIZED, why)
            raise _Failed((Fault.UNAUTHORIZED, why))
        if _kind(response) != "application/json":
            raise _Failed((Fault.PROTOCOL, f"the server answered HTTP {response.status_code}, not JSON"))
        with _reading():
            body = await self.scrub.clean(body)
            message = match_answer(exchange, await parsed(body))
        self._screen.answered()
        return message, body

    async def _body(self, response: httpx2.Response) -> bytes:
        held = bytearray()
        try:
            if not _is_plain(response):
                raise _Failed(_COMPRESSED)
            with _reading():
                async for chunk in _chunks(response):
                    held += chunk
                    if len(held) > MAX_MESSAGE_BYTES:
                        raise _Failed(_TOO_LARGE)
        finally:
            await response.aclose()
        return bytes(held)

    def spend(self, size: int) -> None:
        """Count *size* bytes that were not asked for.

        Raises: ToolError once it is too much.
        """
        if not self._screen.spend(size):
            self.ended.end(*_FLOOD)
            raise ToolError(_FLOOD[1])

    def admits(self, exchange: "Exchange", message: Message) -> bool:
        """Whether an event of a stream goes on to whoever reads it.

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
                match_answer(exchange, message)
                self._screen.answered()
                return True

    def failed(self, exchange: "Exchange", failure: _Failure) -> bytes:
        """The body that ends the request of *exchange* for a reason of ours."""
        fault, message = failure
        data = self._marks.data(fault, message, delivered=failure not in _UNDELIVERED)
        error: Json = {"code": FAULT_CODE, "message": message, "data": data}
        return canonical({"jsonrpc": "2.0", "id": exchange.id, "error": error})

    def _fault(self, exchange: "Exchange", failure: _Failure) -> httpx2.Response:
        if exchange.id is None:
            return httpx2.Response(502, request=exchange.request)
        return httpx2.Response(
            200,
            headers={"content-type": "application/json"},
            content=self.failed(exchange, failure),
            request=exchange.request,
        )


class Exchange:
    """One HTTP request, and the JSON-RPC request in it, if there is one."""

    def __init__(self, request: httpx2.Request, request_id: MessageId | None, *, bounded: bool) -> None:
        """*bounded*: it is not one of those whose stream stays open."""
        self.request = request
        self.id = request_id
        self._bounded = bounded

    def seconds(self, most: float) -> float | None:
        """How long it may take; None for the streams that stay open."""
        return most if self._bounded else None


class _Events(httpx2.AsyncByteStream):
    """The events of one stream, checked one by one. As bytes it always ends its request."""

    def __init__(
        self, owner: CheckedTransport, exchange: Exchange, response: httpx2.Response, *, deadline: float | None
    ) -> None:
        self._owner = owner
        self._exchange = exchange
        self._response = response
        self._deadline = deadline
        self._resuming = Resuming(exchange.request, resumable=exchange.id is not None)

    async def answer(self) -> Answered | Errored:
        """The answer that the stream ends with.

        Raises: _Failed.
        """
        with _reading():
            async for _data, message in self._admitted():
                if isinstance(message, Answered | Errored):
                    return message
        raise _Failed(_BROKE_OFF)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        failure = _BROKE_OFF
        try:
            with _reading():
                async for data, message in self._admitted():
                    yield event_of(data)
                    if isinstance(message, Answered | Errored):
                        yield END
                        return
        except _Failed as failed:
            failure = failed.failure
        if self._exchange.id is not None:
            yield event_of(self._owner.failed(self._exchange, failure))

    async def _admitted(self) -> AsyncGenerator[tuple[bytes, Message]]:
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
                    yield data, message

    async def aclose(self) -> None:
        await self._response.aclose()


@contextlib.contextmanager
def _reading() -> Generator[None]:
    """What may go wrong while an answer is read, as the end of its request."""
    try:
        yield
    except MalformedJson as error:
        raise _Failed((Fault.PROTOCOL, f"the server sent what cannot be taken: {error.message}")) from None
    except TooLarge:
        raise _Failed(_TOO_LARGE) from None
    except ToolError as error:
        raise _Failed((Fault.PROTOCOL, error.message)) from None
    except TimeoutError:
        raise _Failed(_LATE) from None
    except httpx2.HTTPError:
        raise _Failed(_BROKE_OFF) from None


def _fault_of(failure: _Failure) -> UpstreamFault:
    return UpstreamFault(*failure, delivered=failure not in _UNDELIVERED)


async def _exchange(request: httpx2.Request) -> Exchange:
    body = await request.aread()
    message = read_message(body) if body else None
    asked = message if isinstance(message, Asked) else None
    stays_open = request.method == "GET" or (asked is not None and asked.method == _LISTEN)
    return Exchange(request, None if asked is None else asked.id, bounded=not stays_open)


def match_answer(exchange: Exchange, message: Message) -> Answered | Errored:
    """*message*, which answers the request of *exchange*.

    Raises: ToolError when it does not.
    """
    match message:
        case Answered(id=request) | Errored(id=int() | str() as request) if _same(request, exchange.id):
            return message
        case Errored(id=None):
            return message
        case _:
            raise ToolError("the server answered a request that was not asked")


def _same(one: MessageId, other: MessageId | None) -> bool:
    return type(one) is type(other) and one == other


def _kind(response: httpx2.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_plain(response: httpx2.Response) -> bool:
    return response.headers.get("content-encoding", "identity").lower() == "identity"


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


async def parsed(data: bytes) -> Message:
    """Read one message, on a thread when it is large.

    Raises: MalformedJson.
    """
    if len(data) <= OFF_LOOP_BYTES:
        return read_message(data)
    return await asyncio.to_thread(read_message, data)
