"""Uvicorn's HTTP/1.1 protocol with caps on what comes before a request is one. Reads no header's meaning.

Uvicorn with httptools collects any number of header bytes and waits for them for ever; the guard sees a request only
when its headers are complete, so these caps have to stand here.
"""

import asyncio
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

MAX_TARGET: Final = 8 * 1024
"""Bytes of the request target; RFC 9112 section 3 recommends 8000 at least."""
MAX_HEADERS: Final = 40 * 1024
"""Bytes of all names and values: more than the guard takes, so that ordinary excess gets a proper answer."""
MAX_HEADER_COUNT: Final = 128
MAX_BODY: Final = 128 << 20
"""Bytes of a body, refused or not: more than any route takes. A refused one is read to its end up to here."""
HEADERS_S: Final = 10.0
"""From the connection, or the first byte of a later request, to the end of its headers."""
MESSAGE_S: Final = 330.0
"""From there to the end of its body: the longest any route waits, and a little."""


class _OverCap(Exception):
    """Ends the parsing: httptools makes it an error, and uvicorn answers 400 and closes."""


class CappedProtocol(HttpToolsProtocol):
    """A connection that cannot hold more than the caps, nor wait longer than they say."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        headers_s: float = HEADERS_S,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._headers_s = headers_s
        self._header_bytes = 0
        self._header_count = 0
        self._body_bytes = 0
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(cast("asyncio.Transport", transport))  # a server's connections are of this kind
        self._wait(self._headers_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Count from nothing."""
        self._header_bytes = self._header_count = self._body_bytes = 0
        self._wait(self._headers_s)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count the target."""
        if len(self.url) + len(url) > MAX_TARGET:
            raise _OverCap
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._header_count += 1
        self._header_bytes += len(name) + len(value)
        if self._header_count > MAX_HEADER_COUNT or self._header_bytes > MAX_HEADERS:
            raise _OverCap
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The rest may take as long as a body does."""
        self._wait(MESSAGE_S)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count the body, also one that nobody reads any more."""
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY:
            raise _OverCap
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole; how long the answer takes is not the client's doing."""
        self._stop_waiting()
        super().on_message_complete()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        self.transport.abort()
