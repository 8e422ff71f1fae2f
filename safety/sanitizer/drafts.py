"""A text being edited that still knows where each part stood in the original; it decides nothing."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Action, Finding, RuleId, Severity, Where

LAYER: Final = "sanitizer"
MAX_FINDINGS_A_RULE: Final = 16
"""Findings of one rule in one text; the last one reaches to the end of all further ones."""
MAX_EDITS: Final = 4_096
"""Edits told apart in one pass over a text; what is left of a text that needs more is cleaned in one go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replace `[start, end)` of a draft's text."""

    start: int
    end: int
    to: str
    rule: str | None
    """`sanitizer/kebab-case`; see `SEVERITIES`. None: it hid nothing, and is not told."""


SEVERITIES: Final = {
    "sanitizer/bidi-control": Severity.HIGH,
    "sanitizer/carriage-return": Severity.LOW,
    "sanitizer/control-character": Severity.LOW,
    "sanitizer/disguised-text": Severity.MEDIUM,
    "sanitizer/hidden-character": Severity.MEDIUM,
    "sanitizer/hidden-markup": Severity.MEDIUM,
    "sanitizer/html-active": Severity.HIGH,
    "sanitizer/html-cleaned": Severity.LOW,
    "sanitizer/html-hidden": Severity.HIGH,
    "sanitizer/html-stopped": Severity.MEDIUM,
    "sanitizer/html-too-large": Severity.MEDIUM,
    "sanitizer/left-out": Severity.LOW,
    "sanitizer/not-normal": Severity.LOW,
    "sanitizer/outside-image": Severity.HIGH,
    "sanitizer/outside-link": Severity.LOW,
    "sanitizer/overstrike": Severity.LOW,
    "sanitizer/picture-metadata": Severity.LOW,
    "sanitizer/soft-hyphens": Severity.MEDIUM,
    "sanitizer/tag-characters": Severity.HIGH,
    "sanitizer/terminal-conceal": Severity.HIGH,
    "sanitizer/terminal-control": Severity.MEDIUM,
    "sanitizer/terminal-string": Severity.MEDIUM,
    "sanitizer/unpaired-surrogate": Severity.LOW,
    "sanitizer/variation-selectors": Severity.HIGH,
    "sanitizer/zero-width": Severity.HIGH,
}
"""How much each rule's find could do: HIGH hides text from people that a model reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a rule found, in the original text."""

    start: int
    end: int
    rule: str
    action: Action = Action.REMOVE


class Draft:
    """The text as it is now, the spans that were edited, and the way back to the original's positions."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: list[Span] = []
        self._length = len(text)
        self._now = [0]
        self._shift = [0]

    def original(self, position: int) -> int:
        """Where the character at *position* of the text stood at first."""
        index = bisect_right(self._now, position) - 1
        mapped = position + self._shift[index]
        after = index + 1
        limit = self._now[after] + self._shift[after] if after < len(self._now) else self._length
        return min(mapped, limit)  # what was put in stands where it replaced something

    def original_end(self, position: int) -> int:
        """Where the characters before *position* ended at first."""
        return self.original(position - 1) + 1 if position > 0 else self.original(0)

    def apply(self, edits: Iterable[Edit]) -> None:
        """Make *edits*, which are in order and do not overlap, and note a span for each."""
        pieces: list[str] = []
        now, shift = [0], [self._shift[0]]
        done = length = 0
        for edit in edits:
            start = self.original(edit.start)
            end = min(max(start + 1, self.original_end(edit.end)), self._length)
            if edit.rule is not None:
                self.spans.append(Span(start=min(start, end), end=end, rule=edit.rule))
            length = self._keep(done, edit.start, length, now, shift) + len(edit.to)
            pieces += (self.text[done : edit.start], edit.to)
            done = edit.end
        if not pieces:
            return
        self._keep(done, len(self.text), length, now, shift)
        pieces.append(self.text[done:])
        self.text, self._now, self._shift = "".join(pieces), now, shift

    def _keep(self, start: int, end: int, length: int, now: list[int], shift: list[int]) -> int:
        """Copy the map of `[start, end)` to where it stands after *length* characters."""
        first = bisect_right(self._now, start) - 1
        for index in range(first, len(self._now)):
            begin = max(start, self._now[index])
            if begin > end or (begin == end and index > first):
                break
            now.append(length + begin - start)
            shift.append(begin + self._shift[index] - now[-1])
        return length + end - start


def findings(spans: Sequence[Span], *, where: Where, part: int) -> tuple[Finding, ...]:
    """One finding for each span, up to `MAX_FINDINGS_A_RULE` of a rule; the last stretches over the rest."""
    if not spans:
        return ()
    kept: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda one: (one.start, one.end)):
        of_rule = kept.setdefault(span.rule, [])
        if len(of_rule) < MAX_FINDINGS_A_RULE:
            of_rule.append(span)
        else:
            last = of_rule[-1]
            end = max(last.end, span.end)
            of_rule[-1] = Span(start=last.start, end=end, rule=last.rule, action=last.action)
    chosen = sorted((span for of_rule in kept.values() for span in of_rule), key=lambda one: (one.start, one.end))
    return tuple(_finding(span, where, part) for span in chosen)


def _finding(span: Span, where: Where, part: int) -> Finding:
    return Finding(
        rule=RuleId(span.rule),
        layer=LAYER,
        severity=SEVERITIES[span.rule],
        action=span.action,
        where=where,
        start=span.start,
        end=span.end,
        part=part,
    )
