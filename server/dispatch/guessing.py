"""Bounds how often a caller may find out that a text of its own holds a secret of ours. It never learns which.

What is taken out of an output, or kept from leaving, confirms a guess. So each call in which one was found takes one of
the caller's tokens; who has none left is told nothing for a while, whatever it asks, and an operator is told.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Deny, Finding, Pass, Principal, Reason
from holdfast.safety.leaks import HELD

MOST: Final = 30
"""Calls with a find that a caller may make at once."""
SECONDS: Final = 60.0
"""Until there is one more."""
REMEMBERED: Final = 10_000

WITHHELD: Final = Reason(
    code="admit/held-secrets",
    layer="admit",
    message="too many of your calls held what must not leave this server; wait a minute",
    remedy="the record has an `alert` that names this caller; the findings of its calls say `leaks/held-secret`",
)

_caller: ContextVar[Principal | None] = ContextVar("caller", default=None)
"""Whose call runs here: what is found in the middle of one does not say."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Guessing:
    """One bucket for each caller."""

    def __init__(self, alert: Callable[[Principal], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        """*alert* is told of each caller that has used up its tokens, each time."""
        self._alert = alert
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def admits(self, principal: Principal) -> Pass | Deny:
        """Whether *principal* may be told anything now."""
        bucket = self._buckets.get((principal.tenant, principal.subject))
        if bucket is None or self._filled(bucket).tokens >= 1:
            return Pass()
        return Deny(reason=WITHHELD)

    def look(self, found: Iterable[Finding], principal: Principal | None = None) -> None:
        """Take one token of *principal*'s, or of whose call runs here, if one of *found* is a secret of ours."""
        who = principal or _caller.get()
        if who is None or not any(one.rule == HELD for one in found):
            return
        bucket = self._filled(self._bucket((who.tenant, who.subject)))
        had, bucket.tokens = bucket.tokens, bucket.tokens - 1
        if had >= 1 > bucket.tokens:
            self._alert(who)

    def within(self) -> bool:
        """Whether whose call runs here may be told anything now."""
        who = _caller.get()
        return who is None or isinstance(self.admits(who), Pass)

    def begin(self, principal: Principal) -> None:
        """From here on, in this task, a call of *principal* runs."""
        _caller.set(principal)

    def _filled(self, bucket: _Bucket) -> _Bucket:
        now = self._clock()
        bucket.tokens = min(float(MOST), bucket.tokens + (now - bucket.at) / SECONDS)
        bucket.at = now
        return bucket

    def _bucket(self, who: tuple[str, str]) -> _Bucket:
        bucket = self._buckets.get(who)
        if bucket is None:
            bucket = self._buckets[who] = _Bucket(float(MOST), self._clock())
            if len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(who)
        return bucket
