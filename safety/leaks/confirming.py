"""Confirms what the database reported: where a rule matches, and whether what it matched counts. It keeps no text.

1. Of a rule that says where its secret begins, the secret is read there first: most reports end with that.
2. What is left is searched with the loosened pattern, then with the pattern itself, then judged.
3. Searching, judging and matches that came to nothing have a budget each; when one is spent, `Flood` says so.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..expressions import Expression, Found, expression
from . import checks
from .database import Sighting, Stretch
from .layout import Layout
from .loosened import Loose, loosened
from .rules import MAX_PEEK, Judge, LeakRule, Tier
from .runs import Allowance

_MOST_FOUND: Final = 1024
"""Searches that confirming may make in one scan: so many, and one more for every `_SHARE` bytes."""
_SHARE: Final = 64
_READ_AGAIN: Final = 16
"""Bytes RE2 may read for each byte of the text, above a first `_READ_FREELY`."""
_READ_FREELY: Final = 4 << 20
_VAIN: Final = 2048
"""Bytes of near misses that may be judged, and as many again as the text has. The densest of 14 000 documents and
source files, a minified script, comes to half of that, the next to a fifth; packed with them a text has thrice as many.
Half of what matched and did not count is added: it was searched as well."""
_EACH: Final = 8
"""Counted for each besides its own."""
_JUDGED: Final = 256
"""Characters that say whether a value looks like a secret: names in a row without a blank are each other's values."""
_READ_OFF: Final = 4 * _JUDGED
"""Bytes that hold so many."""
_AFTER: Final = (16, 24)
"""Bytes after the end of a trigger: where these and the `MAX_PEEK` before are the same and decide, so is the answer.
Fewer are the same more often, more decide more often; no peek that finds nothing has read beyond the first."""
_BEFORE: Final = re.compile(r"\(\?<=(\[(?:\\.|[^\]\\])+\])\)")
_MARK: Final = re.compile(rb"\[REDACTED:([a-z0-9-]{1,64})\]")
_LONGEST_MARK: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A confirmed secret in a buffer, in bytes."""

    start: int
    end: int
    rule: LeakRule
    tier: Tier


class Flood(Exception):
    """More to look at than will be looked at."""


class Budget:
    """What confirming may still cost in one scan, and what it has judged."""

    def __init__(self, size: int) -> None:
        self._searches = _MOST_FOUND + size // _SHARE
        self._bytes = _READ_FREELY + _READ_AGAIN * size
        self._in_vain = _VAIN + size
        self.decoding = Allowance(size)
        self._judged: dict[tuple[str, bytes, bytes], Tier | None] = {}
        self._counted: dict[str, dict[bytes, bool]] = {}

    def judged(self, rule: LeakRule) -> Mapping[bytes, bool]:
        """What `counts` has answered of *rule*."""
        return self._counted.setdefault(rule.id, {})

    def counts(self, rule: LeakRule, secret: bytes) -> bool:
        """Whether *secret* could be one of *rule*, whatever stands before it. The same is judged once a scan."""
        judged = self._counted.setdefault(rule.id, {})
        if secret not in judged:
            judged[secret] = checks.counts(rule, _read(rule, secret))
            if not judged[secret]:
                self.waste(len(secret))
        return judged[secret]

    def judge(self, rule: LeakRule, secret: bytes, before: bytes) -> Tier | None:
        """How sure *secret* after *before* is one of *rule*, or None if it is none. The same is judged once a scan."""
        key = rule.id, secret, before
        try:
            return self._judged[key]
        except KeyError:
            tier = self._judged[key] = self._tier(rule, secret, before.decode("utf-8", "replace"))
        return tier

    def widen(self, size: int) -> None:
        """Allow as many near misses as in so many bytes more."""
        self._in_vain += size

    def waste(self, read: int) -> None:
        """Count what came to nothing.

        Raises: Flood when there is nothing left.
        """
        self._in_vain -= _EACH + read
        if self._in_vain < 0:
            raise Flood

    def _tier(self, rule: LeakRule, secret: bytes, before: str) -> Tier | None:
        if not self.counts(rule, secret) or not checks.belongs(rule.judge, _read(rule, secret), before):
            return None
        sound = rule.checksum is None or checks.holds(rule.checksum, secret.decode("utf-8", "replace"))
        return rule.tier if sound or rule.tier is Tier.NOTE else Tier.REDACT

    def spend(self, read: int) -> None:
        """Count a search that read so many bytes.

        Raises: Flood when there is nothing left.
        """
        self._searches -= 1
        self._bytes -= read
        if self._searches < 0 or self._bytes < 0:
            raise Flood


def _read(rule: LeakRule, secret: bytes) -> str:
    """As much of *secret* as its judge reads."""
    text = secret.decode("utf-8", "replace")
    return text if rule.judge is Judge.FORM else text[:_JUDGED]


class Confirmer:
    """All rules, ready to confirm. Thread-safe."""

    def __init__(self, rules: Sequence[LeakRule]) -> None:
        self._looks = tuple(map(_Look, rules))
        self._names = frozenset(rule.id.encode("ascii") for rule in rules)

    def confirmed(self, sighting: Sighting, laid: Layout, budget: Budget) -> Iterator[Match]:
        """Every match of the rules that *sighting* names, where it says.

        Raises: Flood when that costs more than *budget* has.
        """
        for number, ends in sighting.ends:
            look = self._looks[number]
            stretches = look.stretches(look.worth(laid.data, ends, budget), len(laid.data))
            yield from self._in(look, laid, stretches, budget)
        for number, stretches in sighting.stretches:
            yield from self._in(self._looks[number], laid, stretches, budget)

    def _in(self, look: "_Look", laid: Layout, stretches: Iterable[Stretch], budget: Budget) -> Iterator[Match]:
        for start, end in stretches:
            for stretch in laid.clipped(start, end):
                yield from self._searched_for(look, laid.data, stretch, budget)

    def _searched_for(self, look: "_Look", data: bytes, stretch: Stretch, budget: Budget) -> Iterator[Match]:
        rule = look.rule
        at, stop = stretch
        marked = data.find(b"[REDACTED:", max(0, at - _LONGEST_MARK), stop) >= 0
        while True:
            found = look.search(data, at, stop)
            if found is None:
                budget.spend(stop - at)
                return
            begun, ended = found.span()
            budget.spend(ended - at)
            closing = self._mark_around(data, begun) if marked else None
            if closing is not None:
                at = closing
                continue
            start, end = look.secret(found)
            tier = budget.judge(rule, data[start:end], data[begun:start])
            if tier is not None:
                yield Match(start=start, end=end, rule=rule, tier=tier)
                at = max(end, begun + 1)
            else:
                budget.waste(min(ended - begun, _READ_OFF) // 2)
                at = start if start > begun else start + 1

    def _mark_around(self, data: bytes, start: int) -> int | None:
        """Where the mark of one of these rules closes, when *start* lies in one: its name is no word of the text."""
        opening = data.rfind(b"[REDACTED:", max(0, start - _LONGEST_MARK), start + 1)
        mark = _MARK.match(data, opening) if opening >= 0 else None
        if mark is None or start >= mark.end() - 1 or mark[1] not in self._names:
            return None
        return mark.end() - 1


def _bytes_before(peek: str) -> bytes:
    """Those that may stand before what *peek* reads: of a class that it begins by looking back at, or any."""
    looked = _BEFORE.match(peek)
    one = re.compile(looked[1].encode("ascii") if looked else rb"[\x00-\xff]")
    return bytes(byte for byte in range(256) if one.match(bytes((byte,))))


class _Look:
    """What one rule is confirmed with."""

    __slots__ = ("_ahead", "_back", "_begins", "_groups", "_loose", "_pattern", "_peeks", "rule")

    def __init__(self, rule: LeakRule) -> None:
        self.rule = rule
        self._pattern: Expression = expression(rule.pattern)
        self._groups = self._pattern.groups
        self._loose: Loose | None = loosened(rule.pattern) if rule.trigger else None
        """Where the database looked for the pattern itself, it is there; nor is it asked for twice."""
        self._peeks = tuple((back, re.compile(value.encode("ascii")).match) for back, value in rule.peek)
        self._begins = [(back, _bytes_before(value)) for back, value in rule.peek] if len(rule.peek) == 1 else []
        self._back, self._ahead = rule.width, rule.width if rule.trigger else 0

    def worth(self, data: bytes, ends: Sequence[int], budget: Budget) -> Sequence[int]:
        """Those of *ends*, where the trigger was seen, that a secret could stand at, by how it reads there."""
        if not self._peeks:
            return ends
        for back, before in self._begins:
            ends = [end for end in ends if data[end - back - 1] in before]
        vain: set[bytes] = set()
        kept: list[int] = []
        near, far = _AFTER
        for end in ends:
            begun = end - MAX_PEEK
            if begun >= 0 and (data[begun : end + near] in vain or data[begun : end + far] in vain):
                continue
            reach = self._looked(data, end, budget)
            if reach is None:
                kept.append(end)
            elif reach <= far and begun >= 0:
                vain.add(data[begun : end + (near if reach <= near else far)])
        return kept

    def _looked(self, data: bytes, end: int, budget: Budget) -> int | None:
        """How many bytes after *end* say that no secret stands there; None when one could."""
        judged, furthest = budget.judged(self.rule), 0
        for back, match in self._peeks:
            at = end - back
            read = match(data, at, at + _READ_OFF) if at >= 0 else None
            if read is None:
                continue
            if read.lastindex is None:
                return None
            secret = read[read.lastindex]
            if judged[secret] if secret in judged else budget.counts(self.rule, secret):
                return None
            furthest = max(furthest, read.end() + 1)
        return furthest - end

    def stretches(self, ends: Sequence[int], size: int) -> tuple[Stretch, ...]:
        """One stretch for *ends* whose matches could touch, so that confirming costs no byte twice."""
        if not ends:
            return ()
        merged: list[Stretch] = []
        back, ahead, (first, *others) = self._back, self._ahead, ends
        last = first
        for end in others:  # in order
            if end - back > last + ahead:
                merged.append((max(0, first - back), last + ahead))
                first = end
            last = end
        return (*merged, (max(0, first - back), min(size, last + ahead)))

    def search(self, data: bytes, at: int, stop: int) -> Found | None:
        """The leftmost match in the stretch."""
        if self._loose is not None:
            near = self._loose.found.search(data, at, stop)
            if near is None:
                return None
            at = max(at, near.start() - self._loose.lead)
        return self._pattern.search(data, at, stop)

    def secret(self, found: Found) -> Stretch:
        """The span of the first group from the rule's own on that took part in the match *found*."""
        for number in range(self.rule.secret, self._groups + 1):
            span = found.span(number)
            if span[0] >= 0:
                return span
        return found.span()
