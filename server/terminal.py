"""The two ends of a terminal, and text without anything that one, or rich, would act on."""

import json
import re
import unicodedata
from functools import cache
from typing import Final

from rich.console import Console
from rich.markup import escape

_BLANK: Final = "\u2800"
"""Drawn as nothing although it is no space: the braille pattern without dots."""
_MOST_MARKS: Final = 3
"""On one letter. No orthography stacks more; a pile of them reaches into the lines above and below."""

OUT = Console(highlight=False, soft_wrap=True)
"""Data."""
TALK = Console(stderr=True, highlight=False, soft_wrap=True)
"""Everything said beside it."""


def counted(number: int, one: str, many: str = "") -> str:
    """*number* and what it counts: `1 call`, `2 calls`; *many* where that is not *one* with an `s`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def visible(text: str) -> str:
    """*text* without anything a terminal would act on."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def plain(text: str) -> str:
    """*text* without anything a terminal or rich would act on."""
    return escape(visible(text))


def escaped(text: str) -> str:
    r"""*text* with whatever nobody could see, or a terminal would act on, as `\u` and its number. Nothing is left out.

    A backslash is doubled, so that what stands there as an escape was one.
    """
    return _shown(text, as_is="")


def escaped_json(text: str) -> str:
    """*text*, which is JSON, with whatever hides as JSON writes it in ASCII: it reads back as the same value."""
    return _shown(text, as_is="\\\n")


def _shown(text: str, *, as_is: str) -> str:
    written: list[str] = []
    marks = _MOST_MARKS  # a mark at the very beginning would sit on whatever stands before the text
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        shows = char.isprintable() and char != "\\" and marks <= _MOST_MARKS and (char.isascii() or not _hides(char))
        written.append(char if shows or char in as_is else json.dumps(char)[1:-1])
    return "".join(written)


def _hides(char: str) -> bool:
    return char == _BLANK or _hiders().match(char) is not None


@cache
def _hiders() -> re.Pattern[str]:
    from holdfast.safety.sanitizer.scripts import HIDERS  # noqa: PLC0415 -- loads the sanitizer, and most text is ASCII

    return re.compile(f"[{HIDERS}]")
