"""Scans texts for credentials and answers findings: rule, place, action; never the text. It blocks and edits nothing.

1. The database says where a rule may match; RE2 confirms there, with the characters around it in view.
2. A match counts when its rule's judge lets the secret pass; a failed checksum lowers the tier, it does not acquit.
3. Texts are scanned apart, then across their seams, then decoded to two levels; then all of it again as it is seen,
   where something in them is not.
4. Whatever bound is hit, the answer says so with a finding over everything that was scanned: never silence.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import chain
from typing import Final, assert_never

from holdfast.contracts import Action, Finding, Json, RuleId, Severity, Where

from ..expressions import Found, expression
from . import checks, encodings, layout
from .database import NOTHING, KeywordScanner, Scanner, Sighting, Stretch, open_scanner
from .encodings import LAYERS, Sign
from .held import Held
from .layout import Layout
from .mirrored import Mirror
from .rules import Judge, LeakRule, Tier
from .runs import Allowance, Run, Unread
from .stream import REACH, LeakStream
from .unseen import bare

LAYER: Final = "leaks"
FLOOD: Final = RuleId("leaks/flood")
_MOST_FOUND: Final = 1024
"""Searches that confirming may make in one scan: so many, and one more for every `_SHARE` bytes."""
_SHARE: Final = 64
_READ_AGAIN: Final = 16
"""Bytes RE2 may read for each byte of the text, above a first `_READ_FREELY`."""
_READ_FREELY: Final = 4 << 20
_JUDGED: Final = 256
"""Characters that say whether a value looks like a secret: names in a row without a blank are each other's values."""
_MARK: Final = re.compile(rb"\[REDACTED:([a-z0-9-]{1,64})\]")
_LONGEST_MARK: Final = 80
_SURE: Final = {Tier.NOTE: 0, Tier.REDACT: 1, Tier.DENY: 2}
_RANK: Final = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2, Severity.CRITICAL: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A confirmed secret in a buffer, in bytes."""

    start: int
    end: int
    rule: LeakRule
    tier: Tier


def _own(name: str, why: str, severity: Severity) -> LeakRule:
    """A finding that no pattern makes, as a rule."""
    return LeakRule(
        id=name,
        issuer="",
        why=why,
        source="",
        severity=severity,
        tier=Tier.DENY,
        pattern="",
        trigger=None,
        keywords=(),
        width=0,
        secret=0,
        checksum=None,
        judge=Judge.FORM,
        entropy=0,
        across=True,
        examples=(),
        near_misses=(),
    )


_UNREAD: Final = _own("unread", "is encoded, and too much of it to be decoded", Severity.HIGH)
_HELD: Final = _own("held-secret", "is a secret that Holdfast holds; which one, nobody is told", Severity.CRITICAL)
UNREAD: Final = RuleId(f"{LAYER}/{_UNREAD.id}")
"""What decoding had no room for."""
HELD: Final = RuleId(f"{LAYER}/{_HELD.id}")
"""The one rule of all secrets that are held."""


class _Flood(Exception):
    """More to look at than will be looked at."""


class _Budget:
    """What confirming may still cost in one scan."""

    def __init__(self, size: int) -> None:
        self._searches = _MOST_FOUND + size // _SHARE
        self._bytes = _READ_FREELY + _READ_AGAIN * size
        self.decoding = Allowance(size)
        self._judged: dict[tuple[str, bytes, bytes], Tier | None] = {}

    def judge(self, rule: LeakRule, secret: bytes, before: bytes) -> Tier | None:
        """How sure *secret* after *before* is one of *rule*, or None if it is none. The same is judged once a scan."""
        key = rule.id, secret, before
        if key not in self._judged:
            self._judged[key] = _tier(rule, secret.decode("utf-8", "replace"), before.decode("utf-8", "replace"))
        return self._judged[key]

    def spend(self, read: int) -> None:
        self._searches -= 1
        self._bytes -= read
        if self._searches < 0 or self._bytes < 0:
            raise _Flood


def _tier(rule: LeakRule, secret: str, before: str) -> Tier | None:
    if not checks.passes(rule, secret if rule.judge is Judge.FORM else secret[:_JUDGED], before):
        return None
    sound = rule.checksum is None or checks.holds(rule.checksum, secret)
    return rule.tier if sound or rule.tier is Tier.NOTE else Tier.REDACT


class LeakDetector:
    """All leak rules, ready to scan. Thread-safe; build it once."""

    def __init__(self, rules: Sequence[LeakRule], scanner: Scanner) -> None:
        self._rules = tuple(rules)
        self._patterns = tuple(expression(rule.pattern) for rule in self._rules)
        self._groups = tuple(pattern.groups for pattern in self._patterns)
        self._names = frozenset(rule.id.encode("ascii") for rule in self._rules)
        self._scanner = scanner
        self._mirror = Mirror(self._rules)
        self._held: Callable[[], Held | None] = lambda: None

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

    def holding(self, held: Callable[[], Held | None]) -> "LeakDetector":
        """Make a detector like this one that also looks for what *held* answers, asked anew for each scan.

        Whoever may scan any text with it can try whether a guess is held: bound how often.
        """
        both = copy(self)
        both._held = held  # noqa: SLF001 -- of its own kind
        return both

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

    def stream(self, where: Where, *, reach: int = REACH) -> LeakStream:
        """Begin to scan a text that comes in chunks."""
        return LeakStream(self.scan, where, reach=reach)

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
        data = layout.buffer(raw)
        budget, sighting, held = _Budget(len(data)), self._sight(data), self._held_in(data)
        if held or sighting is not NOTHING:  # else it needs no layout: so it is with most texts
            laid = layout.apart(raw, data)
            for found in chain(held, self._matches(laid, sighting, budget)):
                yield laid, found
        joined = layout.seams(raw, order)
        if joined is None:
            return
        for found in chain(self._held_in(joined.data), self._matches(joined, self._sight(joined.data), budget)):
            if found.rule.across and joined.crosses(found.start, found.end):
                yield joined, found

    def _matches(self, laid: Layout, sighting: Sighting, budget: _Budget) -> Iterator[Match]:
        yield from self._confirmed(sighting, laid, budget)
        yield from self._encoded(laid.data, sighting.signs, budget, LAYERS)

    def _encoded(self, data: bytes, signs: frozenset[Sign], budget: _Budget, layers: int) -> Iterator[Match]:
        """What *data* holds once decoded; each match covers what says so in *data*."""
        if not signs or not layers:
            return
        runs: list[Run] = []
        for one in self._decoded(data, signs, budget.decoding):
            if isinstance(one, Unread):
                yield Match(start=one.start, end=one.end, rule=_UNREAD, tier=Tier.DENY)
            else:
                runs.append(one)
        if not runs:
            return
        inner = layout.apart([run.text for run in runs])
        sighting = self._sight(inner.data)
        plain = self._confirmed(sighting, inner, budget)
        deeper = self._encoded(inner.data, sighting.signs, budget, layers - 1)
        for found in chain(plain, self._held_in(inner.data), deeper):
            for piece, low, high in inner.touched(found.start, found.end):
                run = runs[piece.part]
                if found.rule.tier is Tier.DENY or run.changed(low, high):
                    start, end = run.origin(low, high)
                    yield Match(start=start, end=end, rule=found.rule, tier=found.tier)

    def _held_in(self, data: bytes) -> tuple[Match, ...]:
        held = self._held()
        if held is None:
            return ()
        places = held.places(data)
        if places is None:
            raise _Flood
        return tuple(Match(start=start, end=end, rule=_HELD, tier=Tier.DENY) for start, end in places)

    def _decoded(self, data: bytes, signs: frozenset[Sign], allowance: Allowance) -> Iterator[Run | Unread]:
        yield from encodings.decode(data, signs, allowance)
        if Sign.MIRRORED in signs:
            yield from self._mirror.backwards(data, allowance)

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
            if found is None:
                budget.spend(stop - at)
                return
            begun, ended = found.span()
            budget.spend(ended - at)
            closing = self._mark_around(data, begun)
            if closing is not None:
                at = closing
                continue
            start, end = _secret(self._groups[number], found, rule.secret)
            tier = budget.judge(rule, data[start:end], data[begun:start])
            if tier is not None:
                yield Match(start=start, end=end, rule=rule, tier=tier)
                at = max(end, begun + 1)
            else:
                at = start if start > begun else start + 1

    def _mark_around(self, data: bytes, start: int) -> int | None:
        """Where the mark of one of these rules closes, when *start* lies in one: its name is no word of the text."""
        opening = data.rfind(b"[REDACTED:", max(0, start - _LONGEST_MARK), start + 1)
        mark = _MARK.match(data, opening) if opening >= 0 else None
        if mark is None or start >= mark.end() - 1 or mark[1] not in self._names:
            return None
        return mark.end() - 1


def _secret(groups: int, found: Found, group: int) -> Stretch:
    """The span of the first of *groups* from *group* on that took part in the match *found*."""
    spans = (found.span(number) for number in range(group, groups + 1))
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
        surer = _noted(current, span) or max(current, span, key=_weight)
        current = (current[0], current[1], max(current[2], span[2]), surer[3], surer[4])
    if current is not None:
        yield current


def _noted(
    one: tuple[int, int, int, LeakRule, Tier], other: tuple[int, int, int, LeakRule, Tier]
) -> tuple[int, int, int, LeakRule, Tier] | None:
    """Of two spans at one place the one that is known to be public, when the other only stands like a secret."""
    if one[1:3] == other[1:3] and {one[4], other[4]} == {Tier.NOTE, Tier.REDACT}:
        return one if one[4] is Tier.NOTE else other
    return None


def _weight(span: tuple[int, int, int, LeakRule, Tier]) -> tuple[bool, int, int, int]:
    return span[3] is _HELD, _SURE[span[4]], _RANK[span[3].severity], span[2] - span[1]


def _action(tier: Tier, where: Where) -> Action:
    match tier:
        case Tier.DENY:
            return Action.DENY if where is Where.ARGUMENTS else Action.REDACT
        case Tier.REDACT:
            return Action.REDACT
        case Tier.NOTE:
            return Action.ANNOTATE
        case _:
            assert_never(tier)


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
