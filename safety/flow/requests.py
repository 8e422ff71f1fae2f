"""What the user asked for, ready to be asked whether a value occurs in it; it knows words, not what they mean.

1. A value occurs where it stands as a contiguous run from the beginning of a word to the end of one. A word ends at
   blanks, brackets, double quotes, commas and semicolons; not at dots, dashes, slashes or `@` inside it.
2. Compared is the compatibility form in lower case, blanks collapsed, without quotes around and punctuation at the end.
   Look-alikes of other alphabets stay what they are. A value with invisible characters occurs nowhere, and a word of
   the request that holds one is like no other.
3. Numbers are compared as numbers, ISO dates with dates as people write them, account numbers without blanks.

Neither order nor meaning is seen: `from A to B` also covers a call from B to A.
"""

import re
import unicodedata
from enum import IntEnum
from functools import cached_property
from typing import Final

from holdfast.contracts import Json

from .amounts import PERCENT, UNITS, amount_of
from .dates import days_in, moment_of, time_of, times_in
from .folding import shows

MAX_REQUEST: Final = 1 << 18
"""Characters of a request that are looked at; what lies behind covers nothing."""
_MAX_FINDS: Final = 100
"""Places where a phrase is tried. One that occurs more often inside words than this is no evidence."""


class Strength(IntEnum):
    """How much it says that a value occurs in the request."""

    NONE = 0
    """It does not occur."""
    WEAK = 1
    """It occurs, but is so short that it may by chance: a number under four digits, a word under five letters."""
    STRONG = 2


_LONG_WORD: Final = 5
_LONG_NUMBER: Final = 4
_LONG_PHRASE: Final = 10
"""Letters and digits of a run of short words that is no chance either."""

_ALIKE: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2212", "-"),
    }
)
_UNITS_FOR: Final = {"": frozenset(UNITS), PERCENT: frozenset({PERCENT})}
"""In which units a number may have been said that is now given in this one; for any other, that one or none."""
_UNLIKE: Final = "\x00"
"""Stands in a request for what does not show; no value holds it."""
_WORD: Final = re.compile(r"(?:[^\s()\[\]{}<>\"|`,;\u2014]|(?<=\d),(?=\d))+")
_AROUND: Final = " '\"`"
_AT_END: Final = " '\"`.,:;!?/"
_OPENING: Final = re.compile(r"(?<!\S)[(\[{<]")
_CLOSING: Final = re.compile(r"[)\]}>](?=[\s.,:;!?]|$)")
_JOINED: Final = re.compile(r"[a-z]{2}\d{2}[a-z0-9]{10,30}|\+\d{8,15}")
"""An account number (IBAN) or a telephone number, which people write in groups."""
_MAX_JOINED: Final = 64


def normal(text: str) -> str:
    """*text* as it is compared: compatibility form, lower case (not folded: `ß` is not `ss`), blanks collapsed."""
    wide = text if text.isascii() else unicodedata.normalize("NFKC", text).lower().translate(_ALIKE)
    return " ".join(wide.lower().split())


def trimmed(text: str) -> str:
    """*text*, normal, without quotes around it and punctuation at its end."""
    return text.strip(_AROUND).rstrip(_AT_END)


def is_seen(text: str) -> bool:
    """Whether all of *text* shows."""
    return (text.isascii() and text.isprintable()) or all(map(shows, text))


class UserRequest:
    """One session's request. Built once, in time linear in its length."""

    def __init__(self, text: str) -> None:
        seen = text if len(text) <= MAX_REQUEST else text[:MAX_REQUEST].rpartition(" ")[0]
        if not is_seen(seen):
            seen = "".join(char if shows(char) else _UNLIKE for char in seen)
        self._text = normal(seen)
        self._starts: set[int] = set()
        self._ends: set[int] = set()
        self._words: set[str] = set()
        self._amounts: dict[str, set[str]] = {}
        for found in _WORD.finditer(self._text):
            self._add(found.start(), found.end())
        self._starts.update(found.start() for found in _OPENING.finditer(self._text))
        self._ends.update(found.end() for found in _CLOSING.finditer(self._text))

    def covers(self, value: Json) -> Strength:
        """How well *value*, a text, number or boolean, is proved by the request."""
        match value:
            case bool():
                return Strength.WEAK if ("true" if value else "false") in self._words else Strength.NONE
            case int() | float():
                return self._covers_amount(value)
            case str():
                return self._covers_text(value)
            case _:
                return Strength.NONE

    def names_pair(self, owner: str, name: str) -> bool:
        """Whether the request names `owner/name`, as one word."""
        return bool(owner and name) and f"{normal(owner)}/{normal(name)}" in self._words

    def _add(self, start: int, end: int) -> None:
        word = self._text[start:end]
        if word.isalpha():
            self._words.add(word)
            self._starts.add(start)
            self._ends.add(end)
            return
        core = word.lstrip("'")
        start += len(word) - len(core)
        core = core.rstrip(_AT_END)
        if not core:
            return
        bare = core.lstrip("#@")
        spellings = {core, bare, core.removesuffix("'s"), bare.removesuffix("'s")} - {""}
        self._words |= spellings
        self._starts |= {start, start + len(core) - len(bare)}
        self._ends |= {start + len(core), start + len(core.removesuffix("'s"))}
        amount = amount_of(bare)
        if amount is not None:
            is_percent = self._text.startswith((PERCENT, " " + PERCENT), start + len(core))
            self._amounts.setdefault(amount.digits, set()).add(PERCENT if is_percent else amount.unit)

    def _covers_text(self, value: str) -> Strength:
        core = trimmed(normal(value)) if is_seen(value) else ""
        if not core:
            return Strength.NONE
        if core in self._words or self._holds(core):
            return strength_of(core)
        return max(self._covers_amount(core), self._covers_moment(core), self._covers_joined(core))

    def _holds(self, phrase: str) -> bool:
        if phrase.isalnum():  # a single word, and those are known
            return False
        at = self._text.find(phrase)
        for _ in range(_MAX_FINDS):
            if at < 0:
                return False
            if at in self._starts and at + len(phrase) in self._ends:
                return True
            at = self._text.find(phrase, at + 1)
        return False

    def _covers_amount(self, value: Json) -> Strength:
        amount = amount_of(value)
        if amount is None:
            return Strength.NONE
        units = self._amounts.get(amount.digits, set())
        if not units & _UNITS_FOR.get(amount.unit, frozenset({amount.unit, ""})):
            return Strength.NONE
        return Strength.STRONG if sum(map(str.isdigit, amount.digits)) >= _LONG_NUMBER else Strength.WEAK

    def _covers_moment(self, core: str) -> Strength:
        moment = moment_of(core)
        if moment is None:
            return Strength.WEAK if time_of(core) in self._times else Strength.NONE
        is_whole, is_timed = moment.day in self._days, any(moment.time or ())
        if not is_whole and (0, *moment.day[1:]) not in self._days:
            return Strength.NONE
        if (is_timed and moment.time not in self._times) or moment.zone not in self._text:
            return Strength.NONE
        return Strength.STRONG if is_whole or is_timed else Strength.WEAK

    @cached_property
    def _days(self) -> frozenset[tuple[int, int, int]]:
        return frozenset(days_in(self._text))

    @cached_property
    def _times(self) -> frozenset[tuple[int, int, int] | None]:
        return frozenset(times_in(self._text))

    def _covers_joined(self, core: str) -> Strength:
        """An account or telephone number, however it is grouped here and there."""
        digits = "".join(core.split()) if len(core) <= _MAX_JOINED else ""
        if not _JOINED.fullmatch(digits):
            return Strength.NONE
        pattern = re.compile(r"(?<!\S)" + " ?".join(map(re.escape, digits)) + r"(?![^\s.,:;!?)])")
        return Strength.STRONG if pattern.search(self._text) else Strength.NONE


def strength_of(core: str) -> Strength:
    """How much it says that the normal, trimmed text *core* occurs."""
    sizes = [(sum(map(str.isalnum, word)), word.isdigit()) for word in core.split()]
    is_long = any(size >= (_LONG_NUMBER if is_number else _LONG_WORD) for size, is_number in sizes)
    return Strength.STRONG if is_long or sum(size for size, _ in sizes) >= _LONG_PHRASE else Strength.WEAK
