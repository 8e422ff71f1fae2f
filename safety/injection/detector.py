"""Scores how much a text tries to steer the model that reads it, and notes what says so. Never edits, never blocks.

1. Rules are searched in the folded text, and in what its layers say once they are off, two deep.
2. Rules near each other add up: the score is the probability that at least one of them is right, if each were alone.
3. Below the threshold nothing is noted; the score is told all the same.
"""

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from holdfast.contracts import Action, Finding, RuleId, Severity, Where

from ..expressions import expression
from .folding import fold
from .layers import SIGNS, unwrapped
from .rules import DECODED, FLOOD, REPETITION, SignalRule
from .spotting import PlainSpotter, Spotter, open_spotter, quoted

LAYER: Final = "injection"
THRESHOLD: Final = 60
"""Score from which findings are noted. Chosen on development texts, with sources left out; see docs/detection.md."""
_ENOUGH: Final = -math.log1p(-(THRESHOLD - 0.5) / 100)
"""The threshold as weights add up: minus the logarithm of what is left of doubt."""
_NEAR: Final = 2_000
"""Characters between two signals that still speak of one attempt."""
_BLOCK: Final = 4_096
_OVERLAP: Final = 1_024
"""Bytes that are looked at together, so that the words of a pattern are near each other; no match is longer."""
_MATCHES: Final = 8
"""Places of one pattern that are told apart in one block."""
_READ_FREELY: Final = 4 << 20
_READ_AGAIN: Final = 32
"""Bytes RE2 may read for each byte of the text, above a first `_READ_FREELY`: beyond it, that alone is a signal."""
MOST_FINDINGS: Final = 32
_DEEP: Final = 2
_MOST_LAYERS: Final = 64
_WORTH: Final = 0.3
"""Weight from which a rule that matches inside an encoding shows that something was hidden there."""
_HIGH, _MEDIUM = 0.8, 0.4
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
_SPACERS: Final = "sanitizer/zero-width"
_TELLING: Final = 4
_REPEATED: Final = re.compile(r"(\b[^\W\d]{2,24}\W{1,3})\1{11,}", re.IGNORECASE)
_WORD: Final = 27
"""Characters of the longest word that counts, and what stands behind it."""
_SAMPLE: Final = 9
_LETTERS: Final = 3
_AROUND: Final = 400
_TIMES: Final = 12
_SHORTEST: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What was noticed in some texts."""

    score: int
    """0 to 100: how likely some stretch of them is meant to steer the model. Advice, never a verdict."""
    findings: tuple[Finding, ...]
    """All with action `annotate`; empty below the threshold."""


NOTHING: Final = Signals(score=0, findings=())


@dataclass(frozen=True, slots=True)
class _Hit:
    start: int
    end: int
    rule: int


class _Budget:
    """Bytes that RE2 may still read in one scan."""

    def __init__(self, size: int) -> None:
        self._left = _READ_FREELY + _READ_AGAIN * size

    def spend(self, read: int) -> bool:
        """Whether there was enough left for *read* bytes."""
        self._left -= read
        return self._left >= 0

    @property
    def gone(self) -> bool:
        return self._left < 0


class InjectionDetector:
    """All injection rules, ready to scan. Thread-safe; build it once."""

    def __init__(self, rules: Sequence[SignalRule], spot: Callable[[Sequence[str], Sequence[str]], Spotter]) -> None:
        self._rules = tuple(rules)
        self._owners = [number for number, rule in enumerate(rules) for _ in rule.patterns]
        written = [pattern for rule in rules for pattern in rule.patterns]
        self._patterns = tuple(expression(pattern) for pattern in written)
        cues = sorted({cue for rule in rules for cue in rule.cues})
        places = {cue: number for number, cue in enumerate(cues, len(SIGNS))}
        self._cues = [frozenset(places[cue] for cue in rule.cues) for rule in rules for _ in rule.patterns]
        self._spotter = spot(written, [*(sign for _name, sign in SIGNS), *map(quoted, cues)])
        self._raised = {signal: number for number, rule in enumerate(rules) for signal in rule.signals}
        self._costs = tuple(-math.log1p(-rule.weight) for rule in rules)

    @classmethod
    def build(cls, rules: Sequence[SignalRule], *, database: bytes | None = None) -> "InjectionDetector":
        """Make a detector of *rules*.

        *database* is what `serialized` gave for the same rules; anything else is ignored and compiled anew (about a
        second). It is native code in effect: pass only bytes whose digest you have kept yourself.
        """
        return cls(rules, partial(open_spotter, kept=database))

    @classmethod
    def build_without_database(cls, rules: Sequence[SignalRule]) -> "InjectionDetector":
        """Make the detector of machines without hyperscan: same answers, slower by orders of magnitude."""
        return cls(rules, PlainSpotter)

    def serialized(self) -> bytes:
        """The compiled database for `build`; empty where there is none to keep."""
        return self._spotter.dump()

    def scan(self, texts: Sequence[str], where: Where, removed: Sequence[Finding] = ()) -> Signals:
        """Score *texts*, which belong together, in order; `part` counts them.

        *removed* is what the sanitizer found in the same texts: what it took out was hidden, and that is a signal too.
        """
        whole = texts[0] if len(texts) == 1 else "\n".join(texts)
        budget = _Budget(len(whole))
        hits = list(self._hits(whole, 0, budget))
        if budget.gone and FLOOD in self._raised:
            hits.append(_Hit(0, len(whole), self._raised[FLOOD]))
        offsets = _offsets(texts)
        if removed:
            hits += self._hidden(removed, where, offsets, len(whole))
        if not hits:
            return NOTHING
        hits.sort(key=lambda hit: (hit.start, hit.end, hit.rule))
        score, grave = self._scored(hits)
        if score < THRESHOLD:
            return Signals(score=score, findings=())
        return Signals(score=score, findings=tuple(self._findings(grave, texts, offsets, where)))

    def _hits(self, text: str, depth: int, budget: "_Budget") -> Iterator[_Hit]:
        folded = fold(text)
        data = b"\n%b\n" % folded.text.encode("utf-8", "surrogatepass")
        narrow = folded.text.isascii()
        seen: set[_Hit] = set()
        signs: set[int] = set()
        before = -1  # the line end in front is no character of the text
        for low in range(0, max(1, len(data) - _OVERLAP), _BLOCK - _OVERLAP):
            block = data[low : low + _BLOCK]
            candidates, signed = self._spotter.spot(block)
            signs.update(signed)
            for number in candidates:
                if self._cues[number] and self._cues[number].isdisjoint(signed):
                    continue
                for start, end in self._places(number, block, budget):
                    if not narrow:
                        start, end = _characters(block, start), _characters(block, end)  # noqa: PLW2901 -- in other units
                    place = folded.origin(max(0, before + start), min(before + end, len(folded.text)))
                    seen.add(_Hit(*place, self._owners[number]))
            step = data[low : low + _BLOCK - _OVERLAP]
            before += len(step) if narrow else _characters(step, len(step))
        yield from seen
        if depth == 0:
            yield from self._repeated(text)
        if signs and depth < _DEEP:
            wrapped = [name for number, (name, _sign) in enumerate(SIGNS) if number in signs]
            yield from self._inside(text, wrapped, seen, depth, budget)

    def _inside(
        self, text: str, signs: Sequence[str], seen: Collection[_Hit], depth: int, budget: "_Budget"
    ) -> Iterator[_Hit]:
        """What only shows once a layer is off; that it was wrapped at all is a signal of its own."""
        for layer in islice(unwrapped(text, signs), _MOST_LAYERS):
            for hit in self._hits(layer.text, depth + 1, budget):
                start, end = layer.origin(hit.start, hit.end)
                if any(one.rule == hit.rule and one.start < end and start < one.end for one in seen):
                    continue
                yield _Hit(start, end, hit.rule)
                if self._rules[hit.rule].weight >= _WORTH and DECODED in self._raised:
                    yield _Hit(start, end, self._raised[DECODED])

    def _places(self, number: int, block: bytes, budget: "_Budget") -> Iterator[tuple[int, int]]:
        """Where a pattern matches in *block*, in bytes."""
        pattern, at = self._patterns[number], 0
        for _ in range(_MATCHES):
            if not budget.spend(len(block) - at):
                return
            found = pattern.search(block, at)
            if found is None or found.end() <= found.start():
                return
            yield found.start(), found.end()
            at = found.end()

    def _repeated(self, text: str) -> Iterator[_Hit]:
        """One word or phrase over and over, as texts that wear a model down have it."""
        number = self._raised.get(REPETITION)
        if number is None or len(text) < _SHORTEST:
            return
        for place in (len(text) // 3, len(text) * 2 // 3):
            low, high = max(0, place - _AROUND), place + _AROUND
            sample = text[place : place + _SAMPLE]
            if len(set(sample)) < _LETTERS:
                continue  # a ruler, or filling
            if _comes_again(text, sample, place) and text.count(sample, low, high) >= _TIMES:
                found = _REPEATED.search(text[low:high])
                if found is not None:
                    yield _Hit(low + found.start(), low + found.end(), number)
                    return

    def _hidden(self, removed: Sequence[Finding], where: Where, offsets: Sequence[int], size: int) -> Iterator[_Hit]:
        for finding in removed:
            number = self._raised.get(finding.rule)
            if finding.rule == _SPACERS and finding.end - finding.start < _TELLING:
                continue  # two of them between words are left by editors; a message takes eight for each letter
            if number is not None and finding.where is where and finding.part < len(offsets):
                start = min(offsets[finding.part] + finding.start, size)
                yield _Hit(start, min(max(start, offsets[finding.part] + finding.end), size), number)

    def _scored(self, hits: Sequence[_Hit]) -> tuple[int, Sequence[_Hit]]:
        """The best score of any stretch, and every hit of the stretches that reach the threshold."""
        held: dict[int, int] = {}
        best = cost = 0.0
        first, grave = 0, dict[_Hit, None]()
        for last, hit in enumerate(hits):
            held[hit.rule] = held.get(hit.rule, 0) + 1
            cost += self._costs[hit.rule] if held[hit.rule] == 1 else 0.0
            while hit.start - hits[first].end > _NEAR:
                gone = hits[first].rule
                held[gone] -= 1
                cost -= self._costs[gone] if not held[gone] else 0.0
                first += 1
            best = max(best, cost)
            if cost >= _ENOUGH and len(grave) < MOST_FINDINGS:
                grave.update(dict.fromkeys(hits[first : last + 1]))
        return min(100, math.floor(100 * -math.expm1(-best) + 0.5)), tuple(grave)[:MOST_FINDINGS]

    def _findings(
        self, hits: Sequence[_Hit], texts: Sequence[str], offsets: Sequence[int], where: Where
    ) -> Iterator[Finding]:
        for hit in hits:
            part = max(0, bisect_right(offsets, hit.start) - 1)
            size = len(texts[part])
            start = min(hit.start - offsets[part], size)
            rule = self._rules[hit.rule]
            yield Finding(
                rule=RuleId(f"{LAYER}/{rule.id}"),
                layer=LAYER,
                severity=_severity(rule.weight),
                action=Action.ANNOTATE,
                where=where,
                start=start,
                end=min(max(start, hit.end - offsets[part]), size),
                part=part,
            )


def _comes_again(text: str, sample: str, place: int) -> bool:
    """Whether *sample*, which stands at *place*, stands there again within a word: a line may repeat as often."""
    return (
        text.find(sample, place + 1, place + _WORD + _SAMPLE) >= 0
        or text.rfind(sample, max(0, place - _WORD), place + _SAMPLE - 1) >= 0
    )


def _characters(data: bytes, at: int) -> int:
    """Characters that begin before byte *at*."""
    return len(data[:at].translate(None, _CONTINUATION))


def _severity(weight: float) -> Severity:
    return Severity.HIGH if weight >= _HIGH else Severity.MEDIUM if weight >= _MEDIUM else Severity.LOW


def _offsets(texts: Sequence[str]) -> list[int]:
    offsets, at = list[int](), 0
    for text in texts:
        offsets.append(at)
        at += len(text) + 1
    return offsets
