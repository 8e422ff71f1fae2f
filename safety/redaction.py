"""Replaces what findings point at by the name of the rule that found it. It finds nothing and keeps nothing of it."""

from collections.abc import Sequence
from typing import Final

from holdfast.contracts import Action, Finding, Severity

_TAKES_OUT: Final = frozenset({Action.REDACT, Action.DENY})
_RANK: Final = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2, Severity.CRITICAL: 3}


def redact(texts: Sequence[str], findings: Sequence[Finding]) -> tuple[str, ...]:
    """*texts* with every span of a `redact` or `deny` finding replaced by `[REDACTED:<rule-name>]`.

    Of personal data it is `[REDACTED:pii-<rule-name>]`. Spans that overlap or touch become one mark, named by the most
    severe finding in it. A span that reaches beyond its text counts as far as the text goes. What lies outside every
    span is kept character by character.

    Raises: ValueError when a finding's part is not among *texts*: redacting less than was found is no success.
    """
    by_part: dict[int, list[Finding]] = {}
    for finding in findings:
        if not 0 <= finding.part < len(texts):
            raise ValueError(f"a finding names part {finding.part}, and there are {len(texts)}")
        if finding.action in _TAKES_OUT:
            by_part.setdefault(finding.part, []).append(finding)
    return tuple(_without(text, by_part[part]) if part in by_part else text for part, text in enumerate(texts))


def _without(text: str, findings: Sequence[Finding]) -> str:
    kept: list[str] = []
    done = 0
    for start, end, name in _merged(findings, len(text)):
        kept += (text[done:start], f"[REDACTED:{name}]")
        done = end
    return "".join([*kept, text[done:]])


def _merged(findings: Sequence[Finding], size: int) -> list[tuple[int, int, str]]:
    merged: list[tuple[int, int, Finding]] = []
    for finding in sorted(findings, key=lambda each: (each.start, each.end, each.rule)):
        start, end = max(0, finding.start), min(size, finding.end)
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            first, last, named = merged[-1]
            worse = finding if _RANK[finding.severity] > _RANK[named.severity] else named
            merged[-1] = (first, max(last, end), worse)
        else:
            merged.append((start, end, finding))
    return [(start, end, _mark(named)) for start, end, named in merged]


def _mark(finding: Finding) -> str:
    """The rule's own name; personal data is told from secrets, whatever its rules are called."""
    name = finding.rule.rpartition("/")[2]
    return f"pii-{name}" if finding.layer == "pii" else name
