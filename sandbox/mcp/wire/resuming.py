"""Takes up the stream of a request that its server ended before the answer, and said that it would go on with.

Only the handshake era has this. Nothing is asked for again: what the server has still to say is fetched, where it left
off. A server that gave no place to go on from has broken off.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import anyio
import httpx2

from .events import EventLines

MOST_RETRY_MS: Final = 30_000
MAX_RESUMES: Final = 32
"""For one request; a server that polls every second has its request within half a minute."""

_MODERN: Final = "2026-07-28"
_ID: Final = re.compile(r"[!-~][ -~]{0,1023}")
_LEFT_OUT: Final = frozenset({"content-length", "content-type", "accept", "transfer-encoding", "last-event-id"})


@dataclass(slots=True)
class Resuming:
    """What is left of one request's stream."""

    request: httpx2.Request
    resumable: bool
    """Whether it is the stream of a request, with an answer to come."""
    taken_up: int = 0

    async def rest(
        self, network: httpx2.AsyncBaseTransport, held: EventLines, *, deadline: float | None
    ) -> httpx2.Response | None:
        """The rest of *held*, which has ended; None when there is none to be had.

        Raises: TimeoutError when it is later than *deadline*, in the event loop's time.
        """
        if not self._may(held):
            return None
        with anyio.CancelScope(deadline=deadline or float("inf")):
            return await self._next(network, held)
        raise TimeoutError

    def _may(self, held: EventLines) -> bool:
        old_era = self.request.headers.get("mcp-protocol-version") != _MODERN
        fresh = self.resumable and self.taken_up < MAX_RESUMES
        return fresh and old_era and _ID.fullmatch(held.last_id) is not None

    async def _next(self, network: httpx2.AsyncBaseTransport, held: EventLines) -> httpx2.Response | None:
        self.taken_up += 1
        await anyio.sleep(min(held.retry_ms, MOST_RETRY_MS) / 1000)
        headers = [(name, value) for name, value in self.request.headers.items() if name.lower() not in _LEFT_OUT]
        headers += [("accept", "text/event-stream"), ("last-event-id", held.last_id)]
        timeout = self.request.extensions.get("timeout", {})
        asked = httpx2.Request("GET", self.request.url, headers=headers, extensions={"timeout": timeout})
        response = await network.handle_async_request(asked)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        plain = response.headers.get("content-encoding", "identity").lower() == "identity"
        if response.status_code == HTTPStatus.OK and kind == "text/event-stream" and plain:
            return response
        await response.aclose()
        return None
