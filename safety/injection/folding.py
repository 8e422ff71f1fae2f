"""Folds text to the plain lower-case letters it reads as, and leads back to where they stood. It judges nothing."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ..sanitizer.scripts import HIDERS

_FOREIGN: Final = re.compile("[^\x00-\x7f]+")
_UNSEEN: Final = re.compile(f"[{HIDERS}]+")
_LONGEST_KEPT: Final = 16
"""Characters of a run whose folding is remembered; most are one quotation mark or one accented letter."""
_PLAIN: Final = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\u00b4\u02bc"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"), '"'),
    **dict.fromkeys(range(0x2010, 0x2016), "-"),
    **dict.fromkeys(map(ord, "\u2022\u00b7\u25cf\u25aa\u2192\u21d2"), "*"),
    **dict.fromkeys(map(ord, "\u3001\uff0c"), ","),
    **dict.fromkeys(map(ord, "\u3002\u061f\u060c"), "."),
}
_LATIN: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u04cf\u043a\u043c\u0442\u043d\u0432\u0433\u043f"
    "\u03b1\u03b5\u03bf\u03c1\u03c5\u03c7\u03b9\u03bd\u03ba\u03c4\u03b7\u0131\u0261\u0269",
    "aeopcyxijshdqwlkmthbrnaeopuxivktnigi",
)
"""Letters of other alphabets that read as Latin ones: shapes of Unicode's confusables data (UTS 39)."""
_BORROWED: Final = re.compile("[a-z][\u0370-\u03ff\u0400-\u052f\u0131]|[\u0370-\u03ff\u0400-\u052f\u0131][a-z]")

Place = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What a text reads as, and where that stands in the text."""

    text: str
    origin: Callable[[int, int], Place]
    """The characters of the text that a stretch of `text` came from."""


def fold(text: str) -> Folded:
    """Fold compatibility forms, case, accents, punctuation, what nobody sees, and letters borrowed for their looks."""
    if text.isascii():
        return Folded(text=text.lower(), origin=_same)
    folded, origin = _without_accents(text.lower())
    if _BORROWED.search(folded) is not None:
        folded = folded.translate(_LATIN)
    return Folded(text=folded, origin=origin)


def plain(text: str) -> str:
    """*text* as `fold` would write it, with every letter left in its own alphabet."""
    return _without_accents(text.lower())[0]


def _same(start: int, end: int) -> Place:
    return start, end


def _without_accents(text: str) -> tuple[str, Callable[[int, int], Place]]:
    pieces: list[str] = []
    now, then = [0], [0]
    size = done = 0
    for found in _FOREIGN.finditer(text):
        run = found[0]
        start, end = found.span()
        folded = _short_run(run) if end - start <= _LONGEST_KEPT else _run(run)
        size += start - done + len(folded)
        pieces += (text[done:start], folded)
        if len(folded) != end - start:
            now.append(size)
            then.append(end)
        done = end
    pieces.append(text[done:])

    def origin(start: int, end: int) -> Place:
        return _before(now, then, start), _before(now, then, max(end - 1, start)) + 1

    return "".join(pieces), origin


def _before(now: list[int], then: list[int], place: int) -> int:
    """Where *place* of the folded text stood; inside a run that changed its length, at most at the run's end."""
    index = bisect_right(now, place) - 1
    at = then[index] + place - now[index]
    return min(at, then[index + 1] - 1) if index + 1 < len(then) else at


def _run(run: str) -> str:
    bare = _UNSEEN.sub("", run)
    marked = unicodedata.normalize("NFKD", bare.translate(_PLAIN))
    kept = (char for char in marked if unicodedata.category(char) != "Mn")
    return "".join(" " if unicodedata.category(char) in {"So", "Zs", "Cc"} else char for char in kept).casefold()


_short_run: Final = lru_cache(maxsize=4096)(_run)
