"""Finds dates and times of day as people write them, to compare ISO arguments with; it knows neither today nor zones.

Read are 2026-05-12, 2026/05/12, 12.05.2026, 12.05., 13/05/2026 where only one reading is a date, 12 May 2026, 12th of
May, May 12th, 2026; 14:30, 2:30 pm, 2pm, noon, midnight. Nothing relative: `tomorrow` names no date.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

Day = tuple[int, int, int]
"""Year (0: not said), month, day."""
Time = tuple[int, int, int]
"""Hour, minute, second."""

_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH: Final = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_ISO: Final = re.compile(
    r"(?<![\w./-])(?P<y>\d{4})(?P<sep>[-/])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})(?:(?![\w/-])|(?=t\d\d:))"
)
_DOTS: Final = re.compile(r"(?<![\w.])(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.(?:\s?(?P<y>\d{4}))?(?!\.?\w)")
_SLASHES: Final = re.compile(r"(?<![\w/.-])(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})(?![\w/-])")
_DAY_FIRST: Final = re.compile(
    rf"(?<![\w.,:/-])(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.)?(?: of)? {_MONTH}(?:,? (?P<y>\d{{4}}))?(?![\w/-])"
)
_MONTH_FIRST: Final = re.compile(
    rf"(?<![\w/-]){_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<y>\d{{4}}))?(?![\w/:-])"
)
_CLOCK: Final = re.compile(
    r"(?:(?<=\dt)|(?<![\w:.-]))(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2}))?(?: ?(?P<half>[ap])\.?m\b)?(?![\d:])"
)
_HOUR: Final = re.compile(r"(?<![\w:.-])(?P<h>\d{1,2}) ?(?P<half>[ap])\.?m\b")
_NAMED: Final = re.compile(r"(?<![\w-])(?:(noon)|midnight)(?![\w-])")
_ARGUMENT: Final = re.compile(
    r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})"
    r"(?:[t ](?P<h>\d{2}):(?P<min>\d{2})(?::(?P<s>\d{2})(?:\.0+)?)?(?P<zone>z|[+-]\d{2}:?\d{2})?)?"
)
_MONTHS: Final = 12
_DAYS: Final = 31
_HOURS: Final = 24
_SIXTY: Final = 60


@dataclass(frozen=True, slots=True)
class Moment:
    """An ISO argument, read."""

    day: Day
    time: Time | None
    zone: str
    """As written; empty for none or UTC."""


def moment_of(text: str) -> Moment | None:
    """The date, with or without a time, that the lower-case *text* is in ISO form."""
    found = _ARGUMENT.fullmatch(text)
    if found is None or not _is_day(int(found["m"]), int(found["d"])):
        return None
    time = None if found["h"] is None else (int(found["h"]), int(found["min"]), int(found["s"] or 0))
    zone = found["zone"] or ""
    return Moment((int(found["y"]), int(found["m"]), int(found["d"])), time, "" if zone in {"z", "+00:00"} else zone)


def days_in(text: str) -> Iterator[Day]:
    """Every date in the lower-case *text*."""
    for pattern in (_ISO, _DOTS):
        for found in pattern.finditer(text):
            yield from _day(found["y"], int(found["m"]), found["d"])
    for found in _SLASHES.finditer(text):
        one, two = int(found["a"]), int(found["b"])
        if one > _MONTHS or two > _MONTHS or one == two:  # otherwise either could be the month
            yield from _day(found["y"], min(one, two), str(max(one, two)))
    for pattern in (_DAY_FIRST, _MONTH_FIRST):
        for found in pattern.finditer(text):
            yield from _day(found["y"], _NAMES.index(found["month"][:3]) + 1, found["d"])


def times_in(text: str) -> Iterator[Time]:
    """Every time of day in the lower-case *text*."""
    for found in _CLOCK.finditer(text):
        yield from _time(int(found["h"]), int(found["min"]), int(found["s"] or 0), found["half"])
    for found in _HOUR.finditer(text):
        yield from _time(int(found["h"]), 0, 0, found["half"])
    for found in _NAMED.finditer(text):
        yield (12 if found[1] else 0), 0, 0


def time_of(text: str) -> Time | None:
    """The time of day that the whole of the lower-case *text* is."""
    found = _CLOCK.fullmatch(text)
    return (
        None
        if found is None
        else next(_time(int(found["h"]), int(found["min"]), int(found["s"] or 0), found["half"]), None)
    )


def _day(year: str | None, month: int, day: str) -> Iterator[Day]:
    if _is_day(month, int(day)):
        yield int(year or 0), month, int(day)


def _is_day(month: int, day: int) -> bool:
    return 1 <= month <= _MONTHS and 1 <= day <= _DAYS


def _time(hour: int, minute: int, second: int, half: str | None) -> Iterator[Time]:
    if half is not None:
        if not 1 <= hour <= _MONTHS:
            return
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour < _HOURS and minute < _SIXTY and second < _SIXTY:
        yield hour, minute, second
