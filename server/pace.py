"""How often each principal may ask for something costly: a token bucket each. It knows nothing of what is asked."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from holdfast.contracts import Principal

_REMEMBERED: Final = 10_000
"""Buckets kept; the one unused longest is forgotten first, by then it is full again in all but hostile cases."""


class Pace:
    """So many a minute, and that many at once after a pause."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def takes(self, principal: Principal) -> bool:
        """Whether *principal* may now; if so, that is counted."""
        who, now = (principal.tenant, principal.subject), self._clock()
        left, at = self._left.pop(who, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - at) * self._per_minute / 60)
        allowed = left >= 1
        self._left[who] = (left - 1 if allowed else left, now)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        return allowed
