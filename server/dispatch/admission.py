"""Step 1: who may come in now. It looks at rates and room, never at what is asked."""

import time
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from holdfast.contracts import Deny, Pass, Principal, Reason, Scope

REMEMBERED_PRINCIPALS = 10_000
"""Buckets kept; the one unused longest is forgotten first, by then it is full again in all but hostile cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """How many calls a principal may begin, and how many may be under way."""

    calls_per_minute: int
    burst: int
    in_flight: int


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Admission:
    """A token bucket per principal, and one count of calls under way."""

    def __init__(self, limits: AdmissionLimits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self._under_way = 0

    @property
    def under_way(self) -> int:
        """Calls that have come in and have not ended."""
        return self._under_way

    def admit(self, principal: Principal) -> Pass | Deny:
        """Take one token of *principal*'s; deny when there is none, or no room, or no scope."""
        if Scope.CALL not in principal.scopes:
            return _deny("admit/scope", "the token lacks the scope `call`", "issue a token with `--scope call`")
        if self._under_way > self._limits.in_flight:  # the call that asks is one of them
            return _deny("admit/overloaded", "too many calls are under way; try again", "raise `[limits] in_flight`")
        return self._take(principal)

    def admit_nested(self, principal: Principal) -> Pass | Deny:
        """As `admit`, for a call within one that has room already: waiting for more could be waiting for itself."""
        if Scope.CALL not in principal.scopes:
            return _deny("admit/scope", "the token lacks the scope `call`", "issue a token with `--scope call`")
        return self._take(principal)

    def _take(self, principal: Principal) -> Pass | Deny:
        bucket = self._bucket((principal.tenant, principal.subject))
        if bucket.tokens < 1:
            return _deny("admit/rate", "too many calls; slow down", "raise `[limits] calls_per_minute`")
        bucket.tokens -= 1
        return Pass()

    @contextmanager
    def room(self) -> Generator[None]:
        """Count one call as under way."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def _bucket(self, who: tuple[str, str]) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(who)
        if bucket is None:
            bucket = self._buckets[who] = _Bucket(float(self._limits.burst), now)
            if len(self._buckets) > REMEMBERED_PRINCIPALS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(who)
        refill = (now - bucket.at) * self._limits.calls_per_minute / 60
        bucket.tokens, bucket.at = min(float(self._limits.burst), bucket.tokens + refill), now
        return bucket


def _deny(code: str, message: str, remedy: str) -> Deny:
    return Deny(reason=Reason(code=code, layer="admit", message=message, remedy=remedy))
