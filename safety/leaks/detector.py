"""Scans texts for credentials and answers findings: rule, place, action; never the text. It blocks and edits nothing.

1. The database says where a rule may match; RE2 confirms there, with the characters around it in view.
2. A match counts when its rule's judge lets the secret pass; a failed checksum lowers the tier, it does not acquit.
3. Texts are scanned apart, then across their seams, then decoded one level; then all of it again as it is seen, where
   something in them is not.
4. Whatever bound is hit, the answer says so with a finding over everything that was scanned: never silence.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Action, Finding, Json, RuleId, Severity, Where

from . import checks, encodings, layout
from .database import KeywordScanner, Scanner, Sighting, Stretch, open_scanner
from .encodings import Run
from .expressions import Expression, Found, expression
from .layout import Layout
from .rules import LeakRule, Tier
from .unseen import bare

LAYER: Final = "leaks"
FLOOD: Final = RuleId("leaks/flood")
_MOST_FOUND: Final = 1024
"""Searches that confirming may make in one scan: so many, and one more for every `_SHARE` bytes."""
_SHARE: Final = 64
_READ_AGAIN: Final = 16
"""Bytes RE2 may read for each byte of the text, above a first `_READ_FREELY`."""
_READ_FREELY: Final = 4 << 20
_MARK: Final = re.compile(rb"\[REDACTED:([a-z0-9-]{1,64})\]")
_LONGEST_MARK: Final = 80
_RANK: Final = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2, Severity.CRITICAL: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A confirmed secret in a buffer, in bytes."""

    start: int
    end: int
    rule: LeakRule
    tier: Tier


class _Flood(Exception):
    """More to look at than will be looked at."""


class _Budget:
    """What confirming may still cost in one scan."""

    def __init__(self, size: int) -> None:
        self._searches = _MOST_FOUND + size // _SHARE
        self._bytes = _READ_FREELY + _READ_AGAIN * size

    def spend(self, read: int) -> None:
        self._searches -= 1
        self._bytes -= read
        if self._searches < 0 or self._bytes < 0:
            raise _Flood


class LeakDetector:
    """All leak rules, ready to scan. Thread-safe; build it once."""

    def __init__(self, rules: Sequence[LeakRule], scanner: Scanner) -> None:
        self._rules = tuple(rules)
        self._patterns = tuple(expression(rule.pattern) for rule in self._rules)
        self._names = frozenset(rule.id.encode("ascii") for rule in self._rules)
        self._scanner = scanner

    @classmethod
    def build(cls, rules: Sequence[LeakRule], *, database: bytes | None = None) -> "LeakDetector":
        """Make a detector of *rules*.

        *database* is what `serialized` gave for the same rules; anything else is ignored and compiled anew (about
        two seconds for 400 rules). It is native code in effect: pass only bytes whose digest you have kept yourself.
        """
        return cls(rules, open_scanner(rules, database))

    @classmethod
    def build_without_database(cls, rules: Sequence[LeakRule]) -> "LeakDetector":
        """Make the detector of machines without hyperscan: same verdicts, slower by orders of magnitude."""
        return cls(rules, KeywordScanner(rules))

    def serialized(self) -> bytes:
        """The compiled database for `build`; empty where there is none to keep."""
        return self._scanner.dump()

    def scan(self, texts: Sequence[str], where: Where) -> tuple[Finding, ...]:
        """Every credential in *texts*; `part` counts texts, `start` and `end` count characters.

        A secret that runs over from one text into the next is one finding for each text it touches.
        """
        return self._scan(texts, tuple(range(len(texts))), where)

    def scan_arguments(self, arguments: Mapping[str, Json], where: Where) -> tuple[Finding, ...]:
        """Every credential in the strings of *arguments*; parts count as `json_values.strings` does, keys included.

        A secret split over neighbouring values is found although a key stands between them.
        """
        texts: list[str] = []
        values: list[int] = []
        _walk(arguments, texts, values)
        return self._scan(texts, tuple(values), where)

    def _scan(self, texts: Sequence[str], order: Sequence[int], where: Where) -> tuple[Finding, ...]:
        found, seen = self._found(texts, order, where), bare(texts)
        if seen is None:
            return found
        again = (seen.placed(one) for one in self._found(seen.texts, order, where))
        known = {(one.part, one.rule, one.start, one.end) for one in found}
        return (*found, *(one for one in again if (one.part, one.rule, one.start, one.end) not in known))

    def _found(self, texts: Sequence[str], order: Sequence[int], where: Where) -> tuple[Finding, ...]:
        raw = [layout.encoded(text) for text in texts]
        spans: list[tuple[int, int, int, LeakRule, Tier]] = []
        try:
            for laid, found in self._searched(raw, order):
                for piece, low, high in laid.touched(found.start, found.end):
                    spans.append((piece.part, low, high, found.rule, found.tier))
        except _Flood:
            return tuple(_flood(part, text, where) for part, text in enumerate(texts) if text)
        return tuple(
            Finding(
                rule=RuleId(f"{LAYER}/{rule.id}"),
                layer=LAYER,
                severity=rule.severity,
                action=_action(tier, where),
                where=where,
                start=start,
                end=end,
                part=part,
            )
            for part, low, high, rule, tier in _merged(spans)
            for start, end in (layout.characters(texts[part], raw[part], low, high),)
        )

    def _searched(self, raw: Sequence[bytes], order: Sequence[int]) -> Iterator[tuple[Layout, Match]]:
        """Every match in one of the texts, then every one that runs across a seam between two."""
        laid = layout.apart(raw)
        budget = _Budget(len(laid.data))
        for found in self._matches(laid, budget):
            yield laid, found
        joined = layout.seams(raw, order)
        if joined is None:
            return
        for found in self._matches(joined, budget):
            if found.rule.across and joined.crosses(found.start, found.end):
                yield joined, found

    def _matches(self, laid: Layout, budget: _Budget) -> Iterator[Match]:
        sighting = self._sight(laid.data)
        yield from self._confirmed(sighting, laid, budget)
        runs = tuple(encodings.decode(laid.data, sighting.signs))
        if runs:
            yield from self._encoded(runs, budget)

    def _encoded(self, runs: Sequence[Run], budget: _Budget) -> Iterator[Match]:
        """What *runs* hold once decoded; each match covers what says so in the buffer they come from."""
        inner = layout.apart([run.text for run in runs])
        for found in self._confirmed(self._sight(inner.data), inner, budget):
            if found.rule.tier is Tier.DENY:
                for piece, low, high in inner.touched(found.start, found.end):
                    start, end = runs[piece.part].origin(low, high)
                    yield Match(start=start, end=end, rule=found.rule, tier=found.tier)

    def _sight(self, data: bytes) -> Sighting:
        sighting = self._scanner.sight(data)
        if sighting.flooded:
            raise _Flood
        return sighting

    def _confirmed(self, sighting: Sighting, laid: Layout, budget: _Budget) -> Iterator[Match]:
        for number, stretches in sighting.stretches:
            for start, end in stretches:
                for stretch in laid.clipped(start, end):
                    yield from self._searched_for(number, laid.data, stretch, budget)

    def _searched_for(self, number: int, data: bytes, stretch: Stretch, budget: _Budget) -> Iterator[Match]:
        rule, pattern = self._rules[number], self._patterns[number]
        at, stop = stretch
        while True:
            found = pattern.search(data, at, stop)
            budget.spend((found.end() if found else stop) - at)
            if found is None:
                return
            closing = self._mark_around(data, found.start())
            if closing is not None:
                at = closing
                continue
            start, end = _secret(pattern, found, rule.secret)
            secret = data[start:end].decode("utf-8", "replace")
            before = data[found.start() : start].decode("utf-8", "replace")
            if checks.passes(rule, secret, before):
                sound = rule.checksum is None or checks.holds(rule.checksum, secret)
                yield Match(start=start, end=end, rule=rule, tier=rule.tier if sound else Tier.REDACT)
                at = max(end, found.start() + 1)
            else:
                at = start if start > found.start() else start + 1

    def _mark_around(self, data: bytes, start: int) -> int | None:
        """Where the mark of one of these rules closes, when *start* lies in one: its name is no word of the text."""
        opening = data.rfind(b"[REDACTED:", max(0, start - _LONGEST_MARK), start + 1)
        mark = _MARK.match(data, opening) if opening >= 0 else None
        if mark is None or start >= mark.end() - 1 or mark[1] not in self._names:
            return None
        return mark.end() - 1


def _secret(pattern: Expression, found: Found, group: int) -> Stretch:
    """The span of the first group from *group* on that took part in the match *found*."""
    spans = (found.span(number) for number in range(group, pattern.groups + 1))
    return next((span for span in spans if span[0] >= 0), found.span())


def _walk(value: Json | Mapping[str, Json], texts: list[str], values: list[int]) -> None:
    """Collect every string in the order of `json_values.strings`, and which of them are values, not keys."""
    if isinstance(value, str):
        values.append(len(texts))
        texts.append(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            texts.append(key)
            _walk(item, texts, values)
    elif isinstance(value, list):
        for item in value:
            _walk(item, texts, values)


def _merged(
    spans: Iterable[tuple[int, int, int, LeakRule, Tier]],
) -> Iterator[tuple[int, int, int, LeakRule, Tier]]:
    """Overlapping spans become one: as wide as both, named by the surer, then the more severe, then the longer."""
    current: tuple[int, int, int, LeakRule, Tier] | None = None
    for span in sorted(spans, key=lambda each: (each[0], each[1], -each[2], each[3].id)):
        if current is None or span[0] != current[0] or span[1] >= current[2]:
            if current is not None:
                yield current
            current = span
            continue
        surer = max(current, span, key=_weight)
        current = (current[0], current[1], max(current[2], span[2]), surer[3], surer[4])
    if current is not None:
        yield current


def _weight(span: tuple[int, int, int, LeakRule, Tier]) -> tuple[bool, int, int]:
    return span[4] is Tier.DENY, _RANK[span[3].severity], span[2] - span[1]


def _action(tier: Tier, where: Where) -> Action:
    return Action.DENY if tier is Tier.DENY and where is Where.ARGUMENTS else Action.REDACT


def _flood(part: int, text: str, where: Where) -> Finding:
    return Finding(
        rule=FLOOD,
        layer=LAYER,
        severity=Severity.HIGH,
        action=Action.DENY if where is Where.ARGUMENTS else Action.REDACT,
        where=where,
        start=0,
        end=len(text),
        part=part,
    )
