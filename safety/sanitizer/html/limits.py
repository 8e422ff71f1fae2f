"""What HTML may cost, looked at before a parser is: size, nesting, elements, attributes. It changes no text."""

import re
from dataclasses import dataclass
from typing import Final

MAX_NESTING: Final = 200
"""Open elements. html5lib walks all of them for many tags, so deep nesting is quadratic."""
MAX_ATTRIBUTES: Final = 64
"""In one tag. html5lib compares each with all before it."""

_TAG_START: Final = re.compile(r"</?[a-zA-Z]")
_LONG_NAME: Final = re.compile(r"</?[a-zA-Z][^\s/>]{64}")
"""html5lib copies a tag's name for each of its characters."""
_ATTRIBUTE: Final = re.compile(r"[\s/]*+([^\s/>=][^\s/>=]*+)?\s*+(=\s*+)?")
_UNQUOTED: Final = re.compile(r"[^\s>]*+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What one text may take."""

    bytes: int
    elements: int
    """Elements made. Unclosed formatting is copied into every block that follows, which multiplies."""
    copies: int
    """Elements that formatting might be copied to, for a library that cannot be stopped while it parses."""


class TooMuch(Exception):
    """The document is over a limit."""


class Costly(TooMuch):
    """The document may cost too much to be cleaned where it cannot be stopped."""


def check_size(text: str, room: Room) -> None:
    """Refuse *text* when it is too long, or a tag of it may be too wide.

    Raises: TooMuch.
    """
    if len(text.encode("utf-8", "surrogatepass")) > room.bytes or _has_wide_tag(text):
        raise TooMuch


def _has_wide_tag(text: str) -> bool:
    """Whether a tag may have a long name or more than `MAX_ATTRIBUTES`, whatever state a parser would be in there."""
    if _LONG_NAME.search(text):
        return True
    return any(_attributes_from(text, found.end()) > MAX_ATTRIBUTES for found in _TAG_START.finditer(text))


def _attributes_from(text: str, at: int) -> int:
    count = 0
    while count <= MAX_ATTRIBUTES and at < len(text) and text[at] != ">":
        found = _ATTRIBUTE.match(text, at)
        if found is None or found.end() == at:
            at += 1
            continue
        at = found.end()
        count += 1
        if found[2] and text[at : at + 1] in ("'", '"'):
            at = text.find(text[at], at + 1) + 1
            if at == 0:
                break
        elif found[2]:
            at = _end_of_unquoted(text, at)
    return count


def _end_of_unquoted(text: str, at: int) -> int:
    found = _UNQUOTED.match(text, at)
    return found.end() if found else at
