"""Turns rules for personal data into what the database looks for and what RE2 confirms. It matches nothing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .rules import PiiRule, When

BEFORE: Final = 64
"""Bytes before a value in which a word that names it counts."""
AFTER: Final = 40
"""Bytes after it."""
_SHORT: Final = 4
"""Words up to this length must stand alone: `sin` is in too many others."""
_LEFT: Final = r"[^0-9A-Za-z]"
_RIGHT: Final = r"[^0-9A-Za-z]"
_QUOTES: Final = r"""[ \t"']{0,3}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What the database searches for."""

    pattern: str
    members: tuple[int, ...]
    """The entries to confirm where it was seen, by number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One way to find what a rule describes."""

    rule: PiiRule
    pattern: str
    """The value is group 1."""
    triggers: tuple[str, ...]
    """Where any of them ends, the pattern may match within `width` bytes on both sides."""
    width: int
    words: str | None
    """What must stand near the value; None when nothing must."""
    alone: bool
    """Nothing else may stand in its text."""


def gates_of(found: Sequence[Entry]) -> tuple[Gate, ...]:
    """One gate for each expression that *found* wait behind."""
    members: dict[str, list[int]] = {}
    for number, entry in enumerate(found):
        for trigger in entry.triggers:
            members.setdefault(trigger, []).append(number)
    return tuple(Gate(pattern=trigger, members=tuple(numbers)) for trigger, numbers in members.items())


def entries(rules: Sequence[PiiRule]) -> tuple[Entry, ...]:
    """All of *rules*, in order."""
    return tuple(entry for rule in rules for entry in _of(rule))


def _of(rule: PiiRule) -> Iterator[Entry]:
    around = f"{_LEFT}({rule.pattern}){_RIGHT}"
    if rule.when is When.SURE:
        yield Entry(
            rule=rule,
            pattern=around,
            triggers=rule.triggers or (f"{rule.pattern}{_RIGHT}",),
            width=rule.width + 2,
            words=None,
            alone=False,
        )
        return
    words = "|".join(map(_word, rule.words))
    yield Entry(
        rule=rule,
        pattern=around,
        triggers=(words,),
        width=rule.width + max(BEFORE, AFTER) + max(len(word.encode("utf-8")) for word in rule.words) + 2,
        words=words,
        alone=False,
    )
    if rule.when is When.ALONE:
        yield Entry(
            rule=rule,
            pattern=(lonely := rf"\n{_QUOTES}({rule.pattern}){_QUOTES}\n"),
            triggers=(lonely,),
            width=rule.width + 8,
            words=None,
            alone=True,
        )


def _word(word: str) -> str:
    """*word* in either case, its spaces as any mark between words."""
    other = "".join(char if char.isascii() else char.upper() for char in word)
    spelled = "|".join(map(_bytewise, sorted({word, other})))
    return f"[^A-Za-z](?i:{spelled})[^A-Za-z]" if len(word) <= _SHORT and word.isascii() else f"(?i:{spelled})"


def _bytewise(word: str) -> str:
    """*word* in ASCII: its other characters byte by byte."""
    return "".join(
        "[ _.-]?" if byte in b" -_" else re.escape(chr(byte)) if chr(byte).isascii() else f"\\x{byte:02x}"
        for byte in word.encode("utf-8")
    )
