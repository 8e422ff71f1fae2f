r"""Folds names so that two spellings of one thing become one name; it never says that two spellings are two things.

Folding loses on purpose: letter case, width, invisible characters, runs of blanks, percent escapes, `\`, `.` and empty
segments. Where labels are kept, taking two things for one is the safe error.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from holdfast.contracts import Json
from holdfast.contracts.flow import ANY

MAX_KEY: Final = 1024
"""Characters of a key that is kept; a longer one becomes a wildcard."""
_MAX_ROUNDS: Final = 12
"""Normal forms settle in three rounds; what an escape within an escape does not settle in these cannot be told."""

_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc") | frozenset(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)))
)
"""Letters, symbols and marks without ink, variation selectors and tags: facts of Unicode's ignorable characters."""
_NO_INK: Final = frozenset({"Cc", "Cf", "Cs"})
_STAR: Final = "\u2217"
"""How a star of a value is written in a key, so that it is no wildcard: as the operator of that shape."""
_WILDCARD: Final = re.compile(r"(?:^|[/\\])\s*\*[/\\\s]*$")
_SLASHES: Final = re.compile(r"[/\\]+")


def shows(char: str) -> bool:
    """Whether *char* leaves ink or is a blank."""
    return char.isspace() or (char not in _INVISIBLE and unicodedata.category(char) not in _NO_INK)


def fold_text(text: str) -> str:
    """*text* in compatibility form and folded case, without what does not show, blanks collapsed. Idempotent."""
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    for _ in range(_MAX_ROUNDS):
        once = _folded_once(text)
        if once == text:
            break
        text = once
    return text


def _folded_once(text: str) -> str:
    wide = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(filter(shows, wide)).split())


def written(value: Json) -> str | None:
    """*value* as a name would be written; None for what is no text, number or boolean."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) < 10**300 else None
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case _:
            return None


def fold_value(value: Json) -> tuple[str, ...] | None:
    """The folded segments that *value* stands for in a key; a star in it is escaped.

    `..` is kept for `joined` to judge. None when the value cannot be told: no text, number or boolean, empty, too long.
    """
    plain = written(value)
    if plain is None or len(plain) > MAX_KEY:
        return None
    return _segments(plain)


@lru_cache(maxsize=4096)
def _segments(plain: str) -> tuple[str, ...] | None:
    folded = _unescaped(plain)
    if folded is None:
        return None
    kept = (segment.strip() for segment in _SLASHES.split(folded))
    return tuple(segment.replace("*", _STAR) for segment in kept if segment not in {"", "."}) or None


def _unescaped(text: str) -> str | None:
    """*text* folded, percent escapes resolved however deep; None when there is no end to them."""
    text = fold_text(text)
    for _ in range(_MAX_ROUNDS):
        once = fold_text(unquote(text)) if "%" in text else text
        if once == text:
            return text
        text = once
    return None


def joined(segments: tuple[str, ...]) -> str:
    """One key of folded *segments*, of which the last may be the wildcard.

    `..` leads to where cannot be told for certain: the key becomes a wildcard at the highest folder it climbs to.
    """
    depth, highest = 0, None
    for segment in segments:
        if segment == "..":
            depth = max(0, depth - 1)
            highest = depth if highest is None else min(highest, depth)
        else:
            depth += 1
    key = "/".join(segments if highest is None else (*segments[:highest], ANY))
    return key if len(key) <= MAX_KEY else _shortened(key)


def _shortened(key: str) -> str:
    room = key[: MAX_KEY - len(ANY)]
    head, slash, _ = room.rpartition("/")
    return head + slash + ANY


def fold_key(key: str) -> str:
    """The folded form of *key*, a whole path: `a//b/./C/` is `a/b/c`. A star at its end, alone, is a wildcard.

    What cannot be told (`..`, nothing at all, too long) is a wildcard from there. Idempotent.
    """
    found = _WILDCARD.search(key)
    if found is None:
        return joined(fold_value(key) or (ANY,))
    above = fold_value(key[: found.start()])
    return joined((*above, ANY)) if above else ANY
