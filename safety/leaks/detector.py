"""Scans texts for credentials and answers findings: rule, place, action; never the text. It blocks and edits nothing.

1. The database says where a rule may match; RE2 confirms there, with the characters around it in view.
2. A match counts when its rule's judge lets the secret pass; a failed checksum lowers the tier, it does not acquit.
3. Texts are scanned apart, then across their seams, then decoded to two levels; then all of it again as it is seen,
   where something in them is not.
4. Whatever bound is hit, the answer says so with a finding over everything that was scanned: never silence.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import chain
from typing import Final, assert_never

from holdfast.contracts import Action, Finding, Json, RuleId, Severity, Where

from . import encodings, layout
from .confirming import Budget, Confirmer, Flood, Match
from .database import NOTHING, KeywordScanner, Scanner, Sighting, open_scanner
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
_SURE: Final = {Tier.NOTE: 0, Tier.REDACT: 1, Tier.DENY: 2}
_RANK: Final = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2, Severity.CRITICAL: 3}


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
        peek=(),
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


class LeakDetector:
    """All leak rules, ready to scan. Thread-safe; build it once."""

    def __init__(self, rules: Sequence[LeakRule], scanner: Scanner) -> None:
        self._rules = tuple(rules)
        self._confirmer = Confirmer(self._rules)
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
        if seen is None or _is_flood(found):
            return found
        again = self._found(seen.texts, order, where)
        if _is_flood(again):
            return tuple(_flood(part, text, where) for part, text in enumerate(texts) if text)
        known = {(one.part, one.rule, one.start, one.end) for one in found}
        placed = map(seen.placed, again)
        return (*found, *(one for one in placed if (one.part, one.rule, one.start, one.end) not in known))

    def _found(self, texts: Sequence[str], order: Sequence[int], where: Where) -> tuple[Finding, ...]:
        raw = [layout.encoded(text) for text in texts]
        spans: list[tuple[int, int, int, LeakRule, Tier]] = []
        try:
            for laid, found in self._searched(raw, order):
                for piece, low, high in laid.touched(found.start, found.end):
                    spans.append((piece.part, low, high, found.rule, found.tier))
        except Flood:
            return tuple(_flood(part, text, where) for part, text in enumerate(texts) if text)
        if not spans:
            return ()
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
        sighting, held = self._sight(data), self._held_in(data)
        if not order[1:] and not held and sighting is NOTHING:  # so it is with most texts
            return
        budget = Budget(len(data))
        if held or sighting is not NOTHING:
            laid = layout.apart(raw, data)
            for found in chain(held, self._matches(laid, sighting, budget)):
                yield laid, found
        joined = layout.seams(raw, order)
        if joined is None:
            return
        budget.widen(len(joined.data))
        for found in chain(self._held_in(joined.data), self._matches(joined, self._sight(joined.data), budget)):
            if found.rule.across and joined.crosses(found.start, found.end):
                yield joined, found

    def _matches(self, laid: Layout, sighting: Sighting, budget: Budget) -> Iterator[Match]:
        yield from self._confirmer.confirmed(sighting, laid, budget)
        yield from self._encoded(laid.data, sighting.signs, budget, LAYERS)

    def _encoded(self, data: bytes, signs: frozenset[Sign], budget: Budget, layers: int) -> Iterator[Match]:
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
        budget.widen(min(len(inner.data), len(data)))
        sighting = self._sight(inner.data)
        plain = self._confirmer.confirmed(sighting, inner, budget)
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
            raise Flood
        return tuple(Match(start=start, end=end, rule=_HELD, tier=Tier.DENY) for start, end in places)

    def _decoded(self, data: bytes, signs: frozenset[Sign], allowance: Allowance) -> Iterator[Run | Unread]:
        yield from encodings.decode(data, signs, allowance)
        if Sign.MIRRORED in signs:
            yield from self._mirror.backwards(data, allowance)

    def _sight(self, data: bytes) -> Sighting:
        sighting = self._scanner.sight(data)
        if sighting.flooded:
            raise Flood
        return sighting


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


def _is_flood(found: Sequence[Finding]) -> bool:
    """Whether *found* says that not all was looked at; it then says so of every text, and nothing else."""
    return bool(found) and found[0].rule == FLOOD


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
