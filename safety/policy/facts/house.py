"""The facts that only the server knows: which profile judges, what a call comes with, the time, what went before."""

from collections.abc import Callable
from typing import Final

from ..around import Approved, Counts
from .declared import Fact, Judging, Kind, Trust

WEEKDAYS: Final = ("thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday")
"""From the first day of the epoch on."""
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR

JUDGES: Final[tuple[Fact[Judging], ...]] = (
    Fact(
        holder="context",
        name="autonomy",
        kind=Kind.TEXT,
        says="the profile that judges: `readonly`, `supervised`, `autonomous`, or one of your own",
        source="the configuration, or the token where that is narrower",
        trust=Trust.OURS,
        read=lambda judging: judging.autonomy,
    ),
    Fact(
        holder="context",
        name="approval",
        kind=Kind.TEXT,
        says="what the gate has just spent for this call, which is then judged again",
        source="the gate",
        trust=Trust.OURS,
        words=frozenset(Approved),
        word="approval",
        read=lambda judging: judging.request.around.approved.value,
    ),
)

TIME: Final[tuple[Fact[Judging], ...]] = (
    Fact(
        holder="context.time",
        name="hour",
        kind=Kind.WHOLE,
        says="0 to 23, UTC",
        source="the server's clock",
        trust=Trust.OURS,
        read=lambda judging: judging.now % _DAY // _HOUR,
    ),
    Fact(
        holder="context.time",
        name="weekday",
        kind=Kind.TEXT,
        says="the day of the week, UTC",
        source="the server's clock",
        trust=Trust.OURS,
        words=frozenset(WEEKDAYS),
        word="weekday",
        read=lambda judging: WEEKDAYS[judging.now // _DAY % len(WEEKDAYS)],
    ),
    Fact(
        holder="context.time",
        name="unix",
        kind=Kind.WHOLE,
        says="seconds since the first of January 1970",
        source="the server's clock",
        trust=Trust.OURS,
        read=lambda judging: judging.now,
    ),
)


def _rate(name: str, says: str, read: Callable[[Counts], int]) -> Fact[Judging]:
    def count(judging: Judging) -> int:
        return read(judging.counts)

    return Fact(
        holder="context.rate",
        name=name,
        kind=Kind.WHOLE,
        says=says,
        source="the server's counters",
        trust=Trust.OURS,
        read=count,
    )


RATE: Final[tuple[Fact[Judging], ...]] = (
    _rate(
        "tool_minute",
        "calls of this principal to this tool that were let through in the last minute, without this one",
        lambda counts: counts.tool_minute,
    ),
    _rate("tool_hour", "in the last hour", lambda counts: counts.tool_hour),
    _rate("tool_day", "in the last 24 hours", lambda counts: counts.tool_day),
    _rate("minute", "calls of this principal to any tool in the last minute", lambda counts: counts.minute),
    _rate("hour", "in the last hour", lambda counts: counts.hour),
    _rate("day", "in the last 24 hours", lambda counts: counts.day),
    _rate("spends_hour", "calls of this principal that spend, in the last hour", lambda counts: counts.spends_hour),
    _rate("spends_day", "in the last 24 hours", lambda counts: counts.spends_day),
)
