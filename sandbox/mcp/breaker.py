"""When an upstream that fails is tried again: later each time, and past a number of failures only by one probe.

Pure but for its clock; reaches nothing. What counts as a failure, its owner says.
"""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

FIRST_RETRY_SECONDS: Final = 0.25
LAST_RETRY_SECONDS: Final = 30.0
TRIPPED_BY: Final = 5
"""Failures in a row. The waits before are short enough to be waited out: 0.25, 0.5, 1 and 2 seconds."""


class BreakerState(StrEnum):
    """What happens to the next call."""

    CLOSED = "closed"
    """It is made."""
    OPEN = "open"
    """It fails at once, and says when to come back."""
    HALF_OPEN = "half-open"
    """It has the server tried first: connected, and asked for its listing."""


class Breaker:
    """Counts failures in a row."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """*clock* is in seconds and only grows."""
        self._clock = clock
        self._not_before = float("-inf")
        self.failures = 0

    @property
    def state(self) -> BreakerState:
        """Where it stands now."""
        if self.failures < TRIPPED_BY:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.wait() > 0 else BreakerState.HALF_OPEN

    def wait(self) -> float:
        """Seconds until the next attempt to connect may be made."""
        return max(0.0, self._not_before - self._clock())

    def lost(self) -> None:
        """A connection could not be opened, or was lost."""
        delay = FIRST_RETRY_SECONDS * 2.0 ** min(self.failures, 16)
        self.failures += 1
        self._not_before = self._clock() + min(LAST_RETRY_SECONDS, delay)

    def failed(self) -> None:
        """A call on an open connection got no answer: that delays nothing before it is one too many."""
        if self.failures + 1 >= TRIPPED_BY:
            self.lost()
        else:
            self.failures += 1

    def answered(self) -> None:
        """A call got its answer: the next failure is a first one."""
        self.failures = 0

    def passed(self) -> None:
        """The probe got its answer: calls are made again, and the first that fails is one too many."""
        self.failures = min(self.failures, TRIPPED_BY - 1)
