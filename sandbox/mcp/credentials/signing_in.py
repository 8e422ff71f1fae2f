"""Waits on 127.0.0.1 for a browser to come back from signing in. It answers that one request, and never sends one.

1. Only a request that carries the state of this very sign-in is it; any other is turned away and waited past.
2. Every request is capped, has a few seconds, and must be for this address by name: no page of another name reads it.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from ..config import is_loopback
from ..faults import Fault, UpstreamFault

PATH: Final = "/callback"
MOST_BYTES: Final = 16 << 10
READ_SECONDS: Final = 10.0
_MOST_FIELDS: Final = 16
_LINE: Final = re.compile(rb"GET (/[\x21-\x7e]*) HTTP/1\.[01]")
_PAGE: Final = "<!doctype html><meta charset=utf-8><title>Holdfast</title><p>{}"


def read_callback(head: bytes, hosts: frozenset[str]) -> Mapping[str, str] | None:
    """The parameters of the request whose head *head* is, each once; None when it is none for one of *hosts*."""
    line, *fields = head.partition(b"\r\n\r\n")[0].split(b"\r\n")
    found = _LINE.fullmatch(line)
    named = [value.strip() for name, _, value in (one.partition(b":") for one in fields) if name.lower() == b"host"]
    if found is None or len(named) != 1 or named[0].decode("ascii", "replace") not in hosts:
        return None
    try:
        parts = urlsplit(found[1].decode("ascii"))
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        return None
    given = dict(pairs)
    if parts.path != PATH or len(given) != len(pairs):
        return None
    return given


class Browser:
    """Has somebody sign in, and waits for the browser to come back: an `Asker`."""

    def __init__(self, port: int, show: Callable[[str], Awaitable[None]]) -> None:
        self._show = show
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._state: str | None = None
        self._back: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        self.redirect_uri = f"http://127.0.0.1:{port}{PATH}"

    async def show(self, url: str, /) -> None:
        """Have *url* opened. Raises: UpstreamFault when it is no place to sign in."""
        parts = urlsplit(url)
        private = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        if not private or parts.username is not None or not url.isascii() or not url.isprintable():
            raise UpstreamFault(Fault.UNAUTHORIZED, "the place to sign in is no https page")
        self._state = dict(parse_qsl(parts.query)).get("state")
        self._back = asyncio.get_running_loop().create_future()
        await self._show(url)

    async def came_back(self) -> Mapping[str, str]:
        """What the browser came back with. Raises: UpstreamFault when somebody refused."""
        given = await self._back
        if "error" in given or not given.get("code"):
            raise UpstreamFault(Fault.UNAUTHORIZED, "the sign-in was refused")
        return given

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                status, text = self._taken(read_callback(head, self._hosts))
                writer.write(_page(status, text))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    def _taken(self, given: Mapping[str, str] | None) -> tuple[HTTPStatus, str]:
        if given is None or self._state is None or given.get("state") != self._state or self._back.done():
            return HTTPStatus.BAD_REQUEST, "This is not the sign-in that is waited for."
        self._back.set_result(given)
        return HTTPStatus.OK, "Signed in. This page can be closed."


def _page(status: HTTPStatus, text: str) -> bytes:
    body = _PAGE.format(text).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nContent-Security-Policy: default-src 'none'\r\n"
        "Referrer-Policy: no-referrer\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


@contextlib.asynccontextmanager
async def browser(port: int, show: Callable[[str], Awaitable[None]]) -> AsyncGenerator[Browser]:
    """Listen on *port* of 127.0.0.1, 0 for any, while the block runs; *show* has a URL opened.

    Raises: UpstreamFault when the port is taken.
    """
    made: list[Browser] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await made[0].answer(reader, writer)

    try:
        server = await asyncio.start_server(answer, "127.0.0.1", port, limit=MOST_BYTES)
    except OSError:
        raise UpstreamFault(Fault.UNAUTHORIZED, f"port {port} of 127.0.0.1 is taken") from None
    async with server:
        made.append(Browser(int(server.sockets[0].getsockname()[1]), show))
        yield made[0]
