"""Takes off what text is wrapped in so that a model reads it and a filter does not: codes, mirrors, digits for letters.

Each layer is a stretch of text with the way back. What is here is cheap; what costs is asked for by a sign only.
"""

import codecs
import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from ..leaks import encodings, layout
from ..leaks.runs import Allowance, Run, Unread
from .folding import Place

WORDS: Final = ("ignore", "previous", "instruction", "system prompt", "disregard", "password", "please")
"""Words whose mirror image or rot13 is worth reading everything else of a text that way."""
_DIGITS: Final = str.maketrans("01345@7$!|8+", "oieasatsilbt")
_CHOICES: Final = {"o": "[o0]", "i": "[i1!|]", "e": "[e3]", "a": "[a4@]", "s": "[s5$]", "t": "[t7+]", "l": "[l1|]"}
_SAMPLE: Final = 512
"""Characters that show whether the rest is readable, and the share of them that must be."""
_READABLE: Final = 0.9
_SPACED: Final = re.compile(r"(?:[^\W_][ .\-_*|/]{1,3}){7,}[^\W_]")
_WIDE: Final = re.compile(r"[ .\-_*|/]{2,}")
_ENTITIES: Final = re.compile(r"(?:&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});\s{0,2}){8,}")


def _leet(word: str) -> str:
    """*word* with a digit or sign for at least one of its letters."""
    loose = [_CHOICES.get(char, char) for char in word]
    strict = [_CHOICES[char].replace(char, "", 1) if char in _CHOICES else "" for char in word]
    return "|".join("".join((*loose[:at], one, *loose[at + 1 :])) for at, one in enumerate(strict) if one)


SIGNS: Final = (
    ("coded", r"[0-9a-z+_]{22}"),
    ("escaped", r"(?:(?:%|\\x|\\u00)[0-9a-f]{2}[^%\s\\]{0,12}){4}"),
    ("quoted", r"(?:=[0-9a-f]{2}){4}"),
    ("rot13", "|".join(codecs.encode(word, "rot13") for word in WORDS)),
    ("mirror", "|".join(word[::-1] for word in WORDS)),
    ("leet", "|".join(_leet(word) for word in WORDS)),
    ("spaced", r"\b(?:[a-z][ .*|/_-]{1,3}){7}[a-z]\b"),
    ("entities", r"(?:&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8});\s{0,2}){8}"),
)
"""Name, and what in folded text shows that the layer may be there."""
_SIGNS_OF: Final = {
    "coded": (encodings.Sign.WORD, encodings.Sign.HEXED, encodings.Sign.PACKED),
    "escaped": (encodings.Sign.ESCAPED,),
    "quoted": (encodings.Sign.QUOTED,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwrapped:
    """What a stretch of a text says once its wrapping is off."""

    text: str
    origin: Callable[[int, int], Place]
    """The characters that say what stands from one place to another in `text`."""


def unwrapped(text: str, signs: Sequence[str]) -> Iterator[Unwrapped]:
    """Every layer of *text* that *signs* point to. What is too much to decode the leak detector says in a finding."""
    coded = frozenset(one for sign in signs for one in _SIGNS_OF.get(sign, ()))
    if coded:
        yield from _decoded(text, coded)
    for sign in signs:
        match sign:
            case "rot13":
                yield Unwrapped(text=codecs.encode(text, "rot13"), origin=_same)
            case "leet":
                yield Unwrapped(text=text.translate(_DIGITS), origin=_same)
            case "mirror":
                yield from _mirrored(text)
            case "spaced":
                yield from _closed(text)
            case "entities":
                for found in _ENTITIES.finditer(text):
                    yield Unwrapped(text=html.unescape(found[0]), origin=_all_of(*found.span()))
            case _:
                pass


def _same(low: int, high: int) -> Place:
    return low, high


def _all_of(start: int, end: int) -> Callable[[int, int], Place]:
    return lambda _low, _high: (start, end)


def _decoded(text: str, signs: frozenset[encodings.Sign]) -> Iterator[Unwrapped]:
    raw = layout.encoded(text)
    for run in encodings.decode(raw, signs, Allowance(len(raw))):
        if isinstance(run, Unread):
            continue
        says = run.text.decode("utf-8", "surrogateescape")
        sample = says[:_SAMPLE]
        if sum(char.isprintable() or char.isspace() for char in sample) >= _READABLE * len(sample):
            yield Unwrapped(text=says, origin=partial(_origin, text, raw, run, says))


def _origin(text: str, raw: bytes, run: Run, says: str, low: int, high: int) -> Place:
    before = len(says[:low].encode("utf-8", "surrogateescape"))
    through = before + len(says[low:high].encode("utf-8", "surrogateescape"))
    start, end = layout.characters(text, raw, *run.origin(before, through))
    return min(start, len(text)), min(end, len(text))


def _mirrored(text: str) -> Iterator[Unwrapped]:
    """Line by line, since a mirrored text keeps its lines."""
    at = 0
    for line in text.splitlines(keepends=True):
        yield Unwrapped(text=line[::-1], origin=_all_of(at, at + len(line)))
        at += len(line)


def _closed(text: str) -> Iterator[Unwrapped]:
    """Words written letter by letter; a wider gap is a space between words."""
    for found in _SPACED.finditer(text):
        run = found[0]
        words = _WIDE.split(run)
        says = " ".join(re.sub(r"[ .\-_*|/]", "", word) for word in words) if len(words) > 1 else run
        says = re.sub(r"(?<=\w)[ .\-_*|/](?=\w)", "", run) if len(words) == 1 else says
        yield Unwrapped(text=says, origin=_all_of(*found.span()))
