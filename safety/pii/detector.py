"""Finds personal data in texts by form, check digits and words near it; says where it is. It never repeats any of it.

1. The database says where a rule may match; RE2 confirms there, the check digits are counted, the words looked for.
2. A finding is a note unless the operator has asked for the class to be taken out of output.
3. Whatever bound is hit, the answer says so with a finding over everything: never silence.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Action, Finding, RuleId, Severity, Where

from ..expressions import Expression, expression
from ..leaks import layout
from ..leaks.database import Gates, SearchedGates, Stretch, open_gates
from ..leaks.layout import Layout
from .checks import CHECKS, Check
from .entries import AFTER, BEFORE, Entry, entries, gates_of
from .rules import PiiRule, When

LAYER: Final = "pii"
FLOOD: Final = RuleId("pii/flood")
_SEARCHES: Final = 1024
_SHARE: Final = 64
"""Searches that confirming may make: `_SEARCHES`, and one more for every `_SHARE` bytes."""
_CUTS: Final = 6
"""Groups that may be taken off the end of an account number before it is given up: words in capitals behind it."""
_LONGER_BEFORE: Final = re.compile(rb"[0-9A-Fa-f][.,:/_-]\Z|[.\\%#&]\Z")
_LONGER_AFTER: Final = re.compile(rb"[.,:/_-][0-9]|-[0-9A-Za-z]|[%@]")
"""What makes a number a part of something longer: a decimal, a version, a time, an identifier in pieces."""
_USERINFO: Final = re.compile(rb"://[^\s/@]*:\Z")
_VAGUE: Final = frozenset({"phone", "network"})
"""What many numbers look like: a word that names it stands before it, and a surer rule goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    part: int
    start: int
    """Byte of its text."""
    end: int
    entry: Entry
    far: int
    """Bytes between it and the nearest of its words; 0 where it needs none."""
    number: int
    """Of its entry."""


_ANYTHING: Check = bool


class _Flood(Exception):
    """More to look at than will be looked at."""


class PiiDetector:
    """All rules for personal data, ready to scan. Thread-safe; build it once."""

    def __init__(self, found: Sequence[Entry], gates: Gates, redact: Collection[str]) -> None:
        self._entries = tuple(found)
        self._members = tuple(gate.members for gate in gates_of(found))
        self._patterns = tuple(expression(entry.pattern) for entry in self._entries)
        self._words = tuple(None if entry.words is None else expression(entry.words) for entry in self._entries)
        self._gates = gates
        self._redact = frozenset(redact)

    @classmethod
    def build(
        cls, rules: Sequence[PiiRule], *, redact: Collection[str] = (), database: bytes | None = None
    ) -> "PiiDetector":
        """Make a detector of *rules* that takes the classes *redact* out of output and notes the others.

        *database* is what `serialized` gave for the same rules, as for the leak detector.
        """
        found = entries(rules)
        return cls(found, open_gates([gate.pattern for gate in gates_of(found)], database), redact)

    @classmethod
    def build_without_database(cls, rules: Sequence[PiiRule], *, redact: Collection[str] = ()) -> "PiiDetector":
        """Make the detector of machines without hyperscan: same verdicts, slower by orders of magnitude."""
        found = entries(rules)
        return cls(found, SearchedGates([gate.pattern for gate in gates_of(found)]), redact)

    def serialized(self) -> bytes:
        """The compiled database for `build`; empty where there is none to keep."""
        return self._gates.dump()

    def scan(self, texts: Sequence[str], where: Where) -> tuple[Finding, ...]:
        """All personal data in *texts*, in order; `part` counts texts, `start` and `end` count characters.

        In arguments it is always a note: what may leave is for policy to say.
        """
        raw = [layout.encoded(text) for text in texts]
        ends = self._gates.ends(b"\n" + layout.BETWEEN.join(raw) + b"\n")
        if ends is not None and not ends:
            return ()
        try:
            found = sorted(self._found(layout.apart(raw), ends), key=_rank)
        except _Flood:
            return tuple(self._flood(part, text, where) for part, text in enumerate(texts) if text)
        return tuple(
            Finding(
                rule=RuleId(f"{LAYER}/{match.entry.rule.id}"),
                layer=LAYER,
                severity=match.entry.rule.severity,
                action=self._action(match.entry.rule.kind in self._redact, where),
                where=where,
                start=start,
                end=end,
                part=match.part,
            )
            for match in _apart(found)
            for start, end in (layout.characters(texts[match.part], raw[match.part], match.start, match.end),)
        )

    def _found(self, laid: Layout, ends: Mapping[int, Sequence[int]] | None) -> Iterator[_Match]:
        if ends is None:
            raise _Flood
        room = _SEARCHES + len(laid.data) // _SHARE
        for gate, seen in ends.items():
            for number in self._members[gate]:
                for stretch in _stretches(seen, self._entries[number].width, len(laid.data)):
                    for match in self._searched(number, laid, stretch):
                        room -= 1
                        if room < 0:
                            raise _Flood
                        if match is not None:
                            yield match

    def _searched(self, number: int, laid: Layout, stretch: Stretch) -> Iterator[_Match | None]:
        """Each search's outcome, so that every one of them is counted."""
        entry, pattern = self._entries[number], self._patterns[number]
        at, stop = stretch
        while True:
            found = pattern.search(laid.data, at, stop)
            if found is None:
                return
            start, end = found.span(1)
            match = self._confirmed(number, entry, laid, (start, end))
            yield match
            at = max(start, at + 1) if match is None else start + match.end - match.start

    def _confirmed(self, number: int, entry: Entry, laid: Layout, span: Stretch) -> _Match | None:
        piece, low, high = next(laid.touched(*span), (None, 0, 0))
        if piece is None or high - low != span[1] - span[0]:
            return None
        value = laid.data[span[0] : span[1]].decode("latin-1")
        size = _holds(entry.rule, value)
        if size is None or _is_part_of_more(laid.data, span[0], span[0] + size):
            return None
        if entry.alone and len(laid.data[piece.start : piece.end].strip(b" \t\"'\r\n")) != size:
            return None
        words, far = self._words[number], 0
        if words is not None:
            ahead = 0 if entry.rule.kind in _VAGUE else AFTER
            near = (max(0, span[0] - BEFORE), min(len(laid.data), span[1] + ahead))
            far = min(_distances(words, laid.data, near, span), default=-1)
            if far < 0:
                return None
        return _Match(part=piece.part, start=low, end=low + size, entry=entry, far=far, number=number)

    def _action(self, takes_out: bool, where: Where) -> Action:  # noqa: FBT001 -- private, one caller a line away
        return Action.REDACT if takes_out and where is Where.OUTPUT else Action.ANNOTATE

    def _flood(self, part: int, text: str, where: Where) -> Finding:
        return Finding(
            rule=FLOOD,
            layer=LAYER,
            severity=Severity.MEDIUM,
            action=self._action(bool(self._redact), where),
            where=where,
            start=0,
            end=len(text),
            part=part,
        )


def _stretches(ends: Sequence[int], width: int, size: int) -> Iterator[Stretch]:
    """What lies within *width* of *ends*, so that no byte is searched twice."""
    start, stop = max(0, ends[0] - width), min(size, ends[0] + width)
    for end in ends[1:]:
        if end - width > stop:
            yield start, stop
            start = end - width
        stop = min(size, end + width)
    yield start, stop


def _holds(rule: PiiRule, value: str) -> int | None:
    """How much of *value* passes the check of *rule*: all of it, or what is left without its last groups."""
    check = _ANYTHING if rule.check is None else CHECKS[rule.check]
    if check(value):
        return len(value)
    for _ in range(_CUTS if rule.kind == "iban" else 0):
        value = value[: max(value.rfind(" "), value.rfind("-"), 0)]
        if check(value):
            return len(value)
    return None


def _is_part_of_more(data: bytes, start: int, end: int) -> bool:
    """Whether the number from *start* to *end* is a piece of a longer one."""
    if b"@" in data[start:end]:
        return _USERINFO.search(data[max(0, start - BEFORE) : start]) is not None
    return (
        _LONGER_BEFORE.search(data[max(0, start - 2) : start]) is not None
        or _LONGER_AFTER.match(data[end : end + 2]) is not None
    )


def _distances(words: Expression, data: bytes, near: Stretch, span: Stretch) -> Iterator[int]:
    """How far each of *words* within *near* is from *span*, in bytes."""
    at, stop = near
    while True:
        found = words.search(data, at, stop)
        if found is None:
            return
        yield max(span[0] - found.end(), found.start() - span[1], 0)
        at = found.start() + 1


def _rank(match: _Match) -> tuple[int, int, int, int]:
    """Surer rules first, then longer matches, then what is named more nearly."""
    rule = match.entry.rule
    return (2 if rule.kind in _VAGUE else rule.when is not When.SURE, match.start - match.end, match.far, match.number)


def _apart(matches: Sequence[_Match]) -> tuple[_Match, ...]:
    """*matches*, best first, without those that overlap a better one; in order of place."""
    taken: dict[int, list[_Match]] = {}
    for match in matches:
        kept = taken.setdefault(match.part, [])
        if all(match.end <= each.start or match.start >= each.end for each in kept):
            kept.append(match)
    return tuple(sorted((one for kept in taken.values() for one in kept), key=lambda one: (one.part, one.start)))
