"""Calls of 2026-07-28 that wait for an answer of their client between two of its requests. It decides about none.

1. A parked call is found again by a word nobody can guess, once, by the same principal, for exactly the same request.
2. So many at a time, for so long: what is given up is cancelled, and its record says so.
"""

import asyncio
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from holdfast.contracts import Digest, InvalidRequest, Principal, ToolResult

from .lines import ASK_SECONDS, ModernLine, Waiting

MOST_PARKED: Final = 128
"""A parked call takes room as any call under way does; by default there is twice as much."""
MOST_EACH: Final = 16
"""Parked calls of one principal."""
GATHER_SECONDS: Final = 0.05
"""Questions that a call asks at once are put to the client in one answer: each is judged and recorded first."""
CLOSE_SECONDS: Final = 5.0

Owner = tuple[str, str, str | None, str | None]


def owner_of(principal: Principal) -> Owner:
    """Whom a parked call belongs to. A renewed token is the same principal, another session or profile is not."""
    return (principal.tenant, principal.subject, principal.session, principal.profile)


class Run:
    """One call, in a task of its own, and the line that it asks on."""

    def __init__(self, line: ModernLine, work: Coroutine[Any, Any, ToolResult], gather: float) -> None:
        self.line = line
        self.task = asyncio.get_running_loop().create_task(work)
        self._gather = gather

    async def next(self) -> tuple[Waiting, ...]:
        """The questions that wait now; none of them when the call has ended."""
        while not self.task.done():
            if not self.line.waiting:
                await self._either()
                continue
            await asyncio.wait({self.task}, timeout=self._gather)
            if not self.task.done() and self.line.waiting:
                return self.line.waiting
        return ()

    async def _either(self) -> None:
        self.line.something.clear()
        something = asyncio.ensure_future(self.line.something.wait())
        try:
            await asyncio.wait({self.task, something}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            something.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parked:
    run: Run
    owner: Owner
    request: Digest
    ending: asyncio.TimerHandle


class Lot:
    """Where calls wait."""

    def __init__(
        self,
        *,
        seconds: float = ASK_SECONDS,
        most: int = MOST_PARKED,
        most_each: int = MOST_EACH,
        gather: float = GATHER_SECONDS,
    ) -> None:
        """*seconds*: how long a call waits for its client; *most* of all, *most_each* of one principal."""
        self._seconds = seconds
        self._most = most
        self._most_each = most_each
        self._gather = gather
        self._parked: dict[str, _Parked] = {}
        self._tasks: set[asyncio.Task[ToolResult]] = set()

    def start(self, line: ModernLine, work: Coroutine[Any, Any, ToolResult]) -> Run:
        """Begin a call that may wait here."""
        run = Run(line, work, self._gather)
        self._tasks.add(run.task)
        run.task.add_done_callback(self._ended)
        return run

    def park(self, run: Run, owner: Owner, request: Digest) -> str | None:
        """Let *run* wait; answers the word it is found by, or None when there is no room."""
        each = sum(1 for one in self._parked.values() if one.owner == owner)
        if len(self._parked) >= self._most or each >= self._most_each:
            return None
        word = secrets.token_urlsafe(32)
        ending = asyncio.get_running_loop().call_later(self._seconds, self._give_up, word)
        self._parked[word] = _Parked(run=run, owner=owner, request=request, ending=ending)
        run.line.let_go()
        return word

    def take(self, word: str, owner: Owner, request: Digest) -> Run:
        """The call that waits under *word*; it is found once.

        Raises: InvalidRequest, in the same words whatever is wrong. A wrong *owner* or *request* leaves it parked.
        """
        parked = self._parked.get(word)
        if parked is None or parked.owner != owner or parked.request != request:
            raise InvalidRequest("`requestState` is not one that this request was answered with, or is over")
        del self._parked[word]
        parked.ending.cancel()
        return parked.run

    async def empty(self) -> None:
        """Cancel every call that began here, and see it recorded."""
        for parked in self._parked.values():
            parked.ending.cancel()
        self._parked.clear()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)

    def _give_up(self, word: str) -> None:
        parked = self._parked.pop(word, None)
        if parked is not None:
            parked.run.task.cancel()

    def _ended(self, task: asyncio.Task[ToolResult]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for it raises it; if nobody does, it is in the record already
