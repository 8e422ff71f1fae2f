"""Counts calls that were let through, for policy to look at: by principal, by tool, and those that spend.

Windows end now and are kept in sixtieths, so a count may hold a sixtieth too much and never too little. Counts begin
with the process, and each process counts its own.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from holdfast.contracts import Effect, Principal, ToolName
from holdfast.safety.policy import Counts

WINDOWS: Final = (60, 3600, 86_400)
"""Seconds."""
PIECES: Final = 60
REMEMBERED: Final = 20_000
"""Principals, and tools of principals, that are counted apart; the one unused longest is forgotten first."""

_SPENDS: Final = "\0spends"
"""No name of a tool."""


class _Window:
    """Calls within one window. Counting takes one look, however many pieces there are: each call is counted twice."""

    __slots__ = ("_pieces", "_seconds", "_total")

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._pieces: deque[tuple[int, int]] = deque()
        """Place and count, oldest first."""
        self._total = 0

    def add(self, now: float) -> None:
        place = _piece(now, self._seconds)
        pieces = self._pieces
        self._total += 1
        if pieces and pieces[-1][0] == place:
            pieces[-1] = (place, pieces[-1][1] + 1)
        else:
            pieces.append((place, 1))
        while pieces[0][0] < place - PIECES:
            self._total -= pieces.popleft()[1]

    def within(self, now: float) -> int:
        """Changes nothing: it is also asked beside the event loop."""
        first = _piece(now, self._seconds) - PIECES
        pieces = self._pieces
        if pieces and pieces[0][0] >= first:
            return self._total
        return sum(count for place, count in tuple(pieces) if place >= first)


class _Tally:
    """Calls of one kind over the windows."""

    __slots__ = ("_windows",)

    def __init__(self) -> None:
        self._windows = tuple(map(_Window, WINDOWS))

    def add(self, now: float) -> None:
        for window in self._windows:
            window.add(now)

    def within(self, now: float) -> tuple[int, int, int]:
        """Calls in the last minute, hour and day."""
        minute, hour, day = (window.within(now) for window in self._windows)
        return minute, hour, day


class Counters:
    """The counts of one process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tallies: OrderedDict[tuple[str, str, str], _Tally] = OrderedDict()

    def let_through(self, principal: Principal, tool: ToolName, effects: frozenset[Effect]) -> None:
        """One call of *principal* to *tool* may run."""
        now = self._clock()
        names = ("", tool, _SPENDS) if Effect.SPEND in effects else ("", tool)
        for name in names:
            key = (principal.tenant, principal.subject, name)
            tally = self._tallies.get(key)
            if tally is None:
                tally = self._tallies[key] = _Tally()
                if len(self._tallies) > REMEMBERED:
                    self._tallies.popitem(last=False)
            self._tallies.move_to_end(key)
            tally.add(now)

    def counts(self, principal: Principal, tool: ToolName) -> Counts:
        """What went before a call of *principal* to *tool*."""
        now = self._clock()
        of_tool, of_all, spends = (self._within(principal, name, now) for name in (tool, "", _SPENDS))
        return Counts(
            tool_minute=of_tool[0],
            tool_hour=of_tool[1],
            tool_day=of_tool[2],
            minute=of_all[0],
            hour=of_all[1],
            day=of_all[2],
            spends_hour=spends[1],
            spends_day=spends[2],
        )

    def _within(self, principal: Principal, name: str, now: float) -> tuple[int, int, int]:
        tally = self._tallies.get((principal.tenant, principal.subject, name))
        return (0, 0, 0) if tally is None else tally.within(now)


def _piece(now: float, window: int) -> int:
    return int(now * PIECES // window)
