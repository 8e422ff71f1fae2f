"""Reads what an upstream offers, list by list and page by page under caps, and knows how long that may be believed.

It approves nothing. Lists are read apart: a call needs only those that could change what it asks for. A list that
cannot be read hides what would be on it; only without its tools is a server not to be used.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from holdfast.contracts import Method
from holdfast.contracts.json_values import Json, canonical

from .catalogue.definitions import Tools, read, without
from .catalogue.kinds import Kind, Quarantined
from .catalogue.offered import Listing, joined, read_instructions, read_offers
from .config import UpstreamConfig
from .faults import Fault, UpstreamError, UpstreamFault

if TYPE_CHECKING:
    from .wire.adapter import Wire

MAX_PAGES: Final = 100
"""Pages of one list."""

MAX_LISTED: Final = 2_000
"""Entries of one list; a longer one is refused whole. GitHub's own server has about 100 tools."""

MAX_LISTING_BYTES: Final = 8 << 20
"""All pages of one list together, as canonical JSON."""

MAX_TTL_MS: Final = 300_000
"""However long a server says its list stays good, it is read again after five minutes."""

_NOT_FOUND: Final = -32601
_NEVER: Final = float("-inf")

_LISTS: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.TOOL: ("tools/list", "tools"),
    Kind.PROMPT: ("prompts/list", "prompts"),
    Kind.RESOURCE: ("resources/list", "resources"),
    Kind.TEMPLATE: ("resources/templates/list", "resourceTemplates"),
}

_NEEDED: Final[Mapping[Method, frozenset[Kind]]] = {
    Method.TOOL: frozenset({Kind.TOOL}),
    Method.PROMPT: frozenset({Kind.PROMPT}),
    Method.RESOURCE: frozenset({Kind.RESOURCE, Kind.TEMPLATE}),
    Method.COMPLETION: frozenset({Kind.PROMPT, Kind.RESOURCE, Kind.TEMPLATE}),
}


@dataclass(slots=True, kw_only=True)
class _Shelf:
    """One list as it was read last."""

    kind: Kind
    written: bytes = b""
    good_until: float = _NEVER
    began: float = _NEVER
    found: Tools | Listing = field(default_factory=Listing)

    def stale(self, came: float) -> bool:
        """Whether somebody who came then has to read it anew."""
        return self.good_until == _NEVER or (self.began < came and self.good_until <= came)


class Offers:
    """The listing of one connection. A change that is announced, or time, makes it stale."""

    def __init__(self, config: UpstreamConfig, wire: "Wire", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._wire = wire
        self._clock = clock
        self._lock = asyncio.Lock()
        self._shelves = tuple(_Shelf(kind=kind) for kind in _LISTS if kind in wire.offers)
        self._said = read_instructions(config, wire.instructions)
        self.listing = self._said
        self.completes = wire.completes
        """Whether the server says that it completes arguments."""

    def spoil(self, kind: Kind | None = None) -> None:
        """What was read, of *kind* or at all, is not believed any more."""
        for shelf in self._shelves:
            if kind is None or shelf.kind is kind:
                shelf.good_until = _NEVER

    async def current(self, method: Method | None = None) -> Listing:
        """The listing, with what *method* needs, or all of it, read again if it is not good any more.

        Callers that wait together share one reading, if it began after they came.

        Raises: UpstreamFault or UpstreamError when it cannot be read.
        """
        came = self._clock()
        if not self._stale(method, came) and not self._under_way(method):
            return self.listing
        async with self._lock:
            for shelf in self._stale(method, came):
                await self._read(shelf)
            return self.listing

    def _stale(self, method: Method | None, came: float) -> tuple[_Shelf, ...]:
        """The lists to read: those that *method* needs, and those that were never read."""
        needed = frozenset(_LISTS) if method is None else _NEEDED.get(method, frozenset[Kind]())
        wanted = (shelf for shelf in self._shelves if shelf.kind in needed or shelf.began == _NEVER)
        return tuple(shelf for shelf in wanted if shelf.stale(came))

    def _under_way(self, method: Method | None) -> bool:
        """Whether a list that *method* needs is being read: what there is of it may be from before, or nothing."""
        needed = frozenset(_LISTS) if method is None else _NEEDED.get(method, frozenset[Kind]())
        return any(shelf.kind in needed and shelf.good_until == float("inf") for shelf in self._shelves)

    async def _read(self, shelf: _Shelf) -> None:
        shelf.began = self._clock()
        shelf.good_until = float("inf")  # so that a `spoil` while pages are under way is seen
        try:
            raws, ttl_ms = await self._pages(shelf.kind)
            await self._take(shelf, raws)
        except (UpstreamError, UpstreamFault) as error:
            if shelf.kind is Kind.TOOL or _is_over(error):
                shelf.began = shelf.good_until = _NEVER
                raise
            self._withhold(shelf, error)
            ttl_ms = 0
        except BaseException:
            shelf.began = shelf.good_until = _NEVER
            raise
        if shelf.good_until == float("inf"):
            shelf.good_until = shelf.began + ttl_ms / 1000

    async def _take(self, shelf: _Shelf, raws: list[Json]) -> None:
        written = canonical(raws)
        if written == shelf.written:
            return
        if shelf.kind is Kind.TOOL:
            invalid = self._wire.learn_headers(raws)
            tools = await asyncio.to_thread(read, self._config, raws)
            shelf.found = without(tools, invalid, "its `x-mcp-header` annotations are invalid")
        else:
            shelf.found = await asyncio.to_thread(read_offers, self._config, shelf.kind, raws)
        shelf.written = written
        self._join()

    def _withhold(self, shelf: _Shelf, error: UpstreamError | UpstreamFault) -> None:
        """Serve nothing of a list that cannot be read, and say so; a server need not know the method of a list."""
        missing = isinstance(error, UpstreamError) and error.code == _NOT_FOUND
        why = error.message if isinstance(error, UpstreamFault) else "the server answers its list with an error"
        withheld = () if missing else (Quarantined(kind=shelf.kind, name="*", reason=why),)
        found = Listing(quarantined=withheld)
        if shelf.found != found:
            shelf.found, shelf.written = found, b""
            self._join()

    def _join(self) -> None:
        self.listing = joined((*(shelf.found for shelf in self._shelves), self._said))

    async def _pages(self, kind: Kind) -> tuple[list[Json], int]:
        method, field_name = _LISTS[kind]
        raws: list[Json] = []
        size, ttl_ms, cursor = 0, MAX_TTL_MS, None
        for _page in range(MAX_PAGES):
            params: dict[str, Json] = {} if cursor is None else {"cursor": cursor}
            answer = await self._wire.request(method, params)
            page = _listed(answer.get(field_name), kind)
            raws.extend(page)
            size += len(canonical(list(page)))
            if len(raws) > MAX_LISTED or size > MAX_LISTING_BYTES:
                raise UpstreamFault(Fault.PROTOCOL, f"the server lists more than {MAX_LISTED} {kind}s or 8 MiB")
            ttl_ms = min(ttl_ms, _ttl(answer))
            cursor = answer.get("nextCursor")
            if not isinstance(cursor, str) or not cursor:
                return raws, ttl_ms
        raise UpstreamFault(Fault.PROTOCOL, f"the server lists more than {MAX_PAGES} pages of {kind}s")


def _listed(page: Json, kind: Kind) -> Sequence[Json]:
    if not isinstance(page, list):
        raise UpstreamFault(Fault.PROTOCOL, f"the server's list of {kind}s is not a list")
    return page


def _is_over(error: UpstreamError | UpstreamFault) -> bool:
    """Whether the connection broke, rather than one list."""
    return isinstance(error, UpstreamFault) and error.fault in {Fault.CLOSED, Fault.UNREACHABLE}


def _ttl(answer: Mapping[str, Json]) -> int:
    """How long the answer says it is good, in ms; a server that does not say is asked before every call.

    That it announces changes is no reason not to ask: one that changes its tools in silence announces too.
    """
    value = answer.get("ttlMs")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return max(0, min(int(value), MAX_TTL_MS))
