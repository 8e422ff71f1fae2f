"""Knows how tokens end that are written backwards: by the prefix of their issuer, read from the other side.

Only credentials that name themselves are looked for backwards. Words around a secret say nothing in that direction.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..expressions import expression
from .rules import LeakRule, Tier
from .runs import Allowance, Run, Unread
from .specimens import expand

_SHORTEST: Final = 4
"""Characters of a prefix; a shorter one stands in drawn material by chance."""
_LONGEST: Final = 8
_DRAWS: Final = 3
_WORD: Final = re.compile(r"[0-9A-Za-z_.-]{20,}")
_TELLING: Final = re.compile(r"[_.-]|[A-Z][a-z]|[a-z][A-Z]|[A-Z]{3}")
"""A prefix in small letters alone could be the end of a word."""
_DRAWN: Final = 12
"""Characters of a token beside its prefix."""
_BEFORE: Final = 1024
_AFTER: Final = 16
"""Bytes read backwards around where a prefix ends."""


def mirrored(rules: Sequence[LeakRule]) -> tuple[str, ...]:
    """Patterns of what shows a token of one of *rules* backwards.

    One for each prefix, not one for all: hyperscan is then as fast as without them, and half as fast with them in one.
    """
    ends = sorted({re.escape(prefix[::-1]) for rule in rules for prefix in _prefixes(rule)})
    return tuple(f"[0-9A-Za-z_.-]{{{_DRAWN}}}{end}" for end in ends)


class Mirror:
    """Reads backwards what stands before each prefix of *rules* that is written backwards."""

    def __init__(self, rules: Sequence[LeakRule]) -> None:
        shown = mirrored(rules)
        self._ends = expression("|".join(shown)) if shown else None

    def backwards(self, data: bytes, allowance: Allowance) -> Iterator[Run | Unread]:
        """Every such stretch of *data*."""
        start = end = 0
        for at in self._places(data):
            if at - _BEFORE > end:
                yield from _turned(data, start, end, allowance)
                start = at - _BEFORE
            end = min(at + _AFTER, len(data))
        yield from _turned(data, start, end, allowance)

    def _places(self, data: bytes) -> Iterator[int]:
        """Where each ends."""
        found = self._ends.search(data) if self._ends is not None else None
        while found and self._ends is not None:
            yield found.end()
            found = self._ends.search(data, found.end())


def _turned(data: bytes, start: int, end: int, allowance: Allowance) -> Iterator[Run | Unread]:
    if start == end:
        return
    if not allowance.takes(end - start):
        yield Unread(start=start, end=end)
        return
    yield Run(text=data[start:end][::-1], origin=lambda low, high: (end - high, end - low))


def _prefixes(rule: LeakRule) -> Iterator[str]:
    """What every draw of an example of *rule* begins with, as far as it is told from a word."""
    if rule.tier is not Tier.DENY:
        return
    for example in rule.examples:
        drawn = [expand(example, seed) for seed in range(_DRAWS)]
        if not all(_WORD.fullmatch(one) for one in drawn):
            continue
        prefix = _shared(drawn)
        told = prefix[:_LONGEST]
        drawn_on = len(min(drawn, key=len)) - len(prefix)
        if len(told) >= _SHORTEST and drawn_on >= _DRAWN and _TELLING.search(told) and len(set(told)) > 1:
            yield told


def _shared(drawn: Sequence[str]) -> str:
    """What all of *drawn* begin with."""
    size = next((at for at, chars in enumerate(zip(*drawn, strict=False)) if len(set(chars)) > 1), 0)
    return drawn[0][:size]
