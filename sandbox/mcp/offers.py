"""Reads what an upstream offers, page by page under caps, and knows how long that may be believed. Approves nothing."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from holdfast.contracts.json_values import Json, canonical

from .config import UpstreamConfig
from .definitions import MAX_TOOLS, Listing, read, without
from .faults import Fault, UpstreamFault

if TYPE_CHECKING:
    from .adapter import Wire

MAX_PAGES: Final = 100
MAX_LISTING_BYTES: Final = 8 << 20
"""All pages together, as canonical JSON."""

MAX_TTL_MS: Final = 300_000
"""However long a server says its list stays good, it is read again after five minutes."""


class Offers:
    """The listing of one connection. A change that is announced, or time, makes it stale."""

    def __init__(self, config: UpstreamConfig, wire: "Wire", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._wire = wire
        self._clock = clock
        self._lock = asyncio.Lock()
        self._written = b""
        self._good_until = float("-inf")
        self._began = float("-inf")
        self.listing = Listing()

    def spoil(self) -> None:
        """What was read is not believed any more."""
        self._good_until = float("-inf")

    async def current(self) -> Listing:
        """The listing, read again if what is known is not good any more.

        Callers that wait together share one reading, if it began after they came.

        Raises: UpstreamFault or UpstreamError when it cannot be read.
        """
        came = self._clock()
        if came < self._good_until:
            return self.listing
        async with self._lock:
            spoiled = self._good_until == float("-inf")
            if spoiled or (self._began < came and self._good_until <= came):
                await self._read()
            return self.listing

    async def _read(self) -> None:
        self._began = self._clock()
        self._good_until = float("inf")  # so that a `spoil` while pages are under way is seen
        try:
            tools, ttl_ms = await self._pages()
            await self._take(tools)
        except BaseException:
            self.spoil()
            raise
        if self._good_until == float("inf"):
            self._good_until = self._began + ttl_ms / 1000

    async def _take(self, tools: list[Json]) -> None:
        written = canonical(tools)
        if written != self._written:
            invalid = self._wire.learn_headers(tools)
            listing = await asyncio.to_thread(read, self._config, tools)
            self.listing = without(listing, invalid, "its `x-mcp-header` annotations are invalid")
            self._written = written

    async def _pages(self) -> tuple[list[Json], int]:
        tools: list[Json] = []
        size, ttl_ms, cursor = 0, MAX_TTL_MS, None
        for _page in range(MAX_PAGES):
            params: dict[str, Json] = {} if cursor is None else {"cursor": cursor}
            answer = await self._wire.request("tools/list", params)
            page = answer.get("tools")
            if not isinstance(page, list):
                raise UpstreamFault(Fault.PROTOCOL, "the server's list of tools is not a list")
            tools.extend(page)
            size += len(canonical(page))
            if len(tools) > MAX_TOOLS or size > MAX_LISTING_BYTES:
                raise UpstreamFault(Fault.PROTOCOL, f"the server lists more than {MAX_TOOLS} tools or 8 MiB")
            ttl_ms = min(ttl_ms, _ttl(answer))
            cursor = answer.get("nextCursor")
            if not isinstance(cursor, str) or not cursor:
                return tools, ttl_ms
        raise UpstreamFault(Fault.PROTOCOL, f"the server lists more than {MAX_PAGES} pages of tools")


def _ttl(answer: Mapping[str, Json]) -> int:
    """How long the answer says it is good, in ms; a server that does not say is asked before every call."""
    value = answer.get("ttlMs")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return max(0, min(int(value), MAX_TTL_MS))
