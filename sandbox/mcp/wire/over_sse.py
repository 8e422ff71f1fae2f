"""Speaks HTTP with server-sent events as of 2024-11-05: one stream of events, and a place for what is sent.

The stream is read as the output of a child is: capped, counted, checked line by line (`over_stdio`). The place has to
be of the server's own origin. No redirect is followed, and a stream that ended is not resumed.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx2

from holdfast.contracts import TooLarge

from ..config import UpstreamConfig
from ..faults import Fault, UpstreamFault
from .events import EventLines
from .screen import Screen

_MOST_URL: Final = 8_192


@dataclass(frozen=True, slots=True)
class _Over:
    """How a stream ended: nobody killed it."""

    killed: bool = False


class SsePipe:
    """The stream and the place, as the output and input of a process."""

    def __init__(self, client: httpx2.AsyncClient, response: httpx2.Response, screen: Screen) -> None:
        self._client = client
        self._messages = _events(response, screen)
        self._place: httpx2.URL | None = None
        self._over = asyncio.Event()

    async def find_place(self, url: httpx2.URL) -> None:
        """Wait for the event that names the place.

        Raises: UpstreamFault when another event comes first, or the place is elsewhere.
        """
        event, data = await anext(self._messages, (b"", b""))
        if event != b"endpoint" or len(data) > _MOST_URL:
            raise UpstreamFault(Fault.PROTOCOL, "the stream of the server does not begin with its endpoint")
        try:
            place = url.join(data.decode("ascii"))
        except (ValueError, httpx2.InvalidURL):
            raise UpstreamFault(Fault.PROTOCOL, "the endpoint that the server names is not a URL") from None
        if (place.scheme, place.host, place.port) != (url.scheme, url.host, url.port) or place.userinfo:
            raise UpstreamFault(Fault.PROTOCOL, "the endpoint that the server names is not its own")
        self._place = place

    async def receive(self, most: int, /) -> bytes:  # noqa: ARG002 -- an event is handed on whole; it is capped
        """One message as a line; empty once the stream is over.

        Raises: OSError when it breaks, or says too much.
        """
        try:
            async for event, data in self._messages:
                if event in (b"", b"message"):
                    # A line break in JSON is a space; inside of a string it is an error, and so is this.
                    return data.replace(b"\n", b"\r") + b"\n"
        except (httpx2.HTTPError, TooLarge) as error:
            self._over.set()
            raise OSError(type(error).__name__) from None
        self._over.set()
        return b""

    async def send(self, data: bytes, /) -> None:
        """Send one message to the place.

        Raises: OSError when it is not taken.
        """
        if self._place is None:
            raise OSError("no place")
        try:
            headers = {"content-type": "application/json"}
            async with self._client.stream("POST", self._place, content=data, headers=headers) as response:
                taken = response.is_success
        except (httpx2.HTTPError, UpstreamFault):
            taken = False
        if not taken:
            raise OSError("not taken")

    async def wait(self) -> _Over:
        """Wait until the stream is over."""
        await self._over.wait()
        return _Over()


@contextlib.asynccontextmanager
async def sse_pipe(
    config: UpstreamConfig, network: httpx2.AsyncBaseTransport, headers: dict[str, str], screen: Screen
) -> AsyncGenerator[SsePipe]:
    """The pipe to the server of *config* over *network*, while the block runs.

    Raises: UpstreamFault when there is no such stream.
    """
    url = httpx2.URL(config.url or "")
    timeout = httpx2.Timeout(None, connect=config.connect_ms / 1000)  # the calls have deadlines of their own
    async with httpx2.AsyncClient(transport=network, headers=headers, timeout=timeout, trust_env=False) as client:
        asked = {"accept": "text/event-stream", "accept-encoding": "identity", "cache-control": "no-store"}
        try:
            async with client.stream("GET", url, headers=asked) as response:
                _check(response)
                pipe = SsePipe(client, response, screen)
                await pipe.find_place(url)
                yield pipe
        except (httpx2.HTTPError, TooLarge):
            raise UpstreamFault(Fault.UNREACHABLE, "the stream of the server cannot be opened") from None


def _check(response: httpx2.Response) -> None:
    status = response.status_code
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise UpstreamFault(
            Fault.UNAUTHORIZED, f"the server answered HTTP {status}: it takes no credential of its entry"
        )
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if status != HTTPStatus.OK or kind != "text/event-stream":
        raise UpstreamFault(Fault.PROTOCOL, f"the server answered HTTP {status}, not a stream of events")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise UpstreamFault(Fault.PROTOCOL, "the server compressed an answer unasked")


async def _events(response: httpx2.Response, screen: Screen) -> AsyncIterator[tuple[bytes, bytes]]:
    """Each event: its kind and its data. Bytes that make no event are counted; those that do, whoever takes them does.

    Raises: TooLarge; httpx2.HTTPError.
    """
    held = EventLines()
    async for chunk in response.aiter_raw():
        quiet = True
        for data in held.feed(chunk):
            quiet = False
            yield held.event, data
        if quiet and not screen.spend(len(chunk)):
            raise TooLarge("the server sends more than was asked for")
