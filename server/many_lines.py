"""Has texts with many likely lines read by detect-secrets in the confined process: the detector's way out of here."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Action, Finding, RuleId, Severity, Where
from holdfast.sandbox.scanning import ScanProcess

MOST: Final = 2 << 20
"""Bytes of texts that are handed over; beyond them the detector says what it did not read."""


@dataclass(frozen=True, slots=True)
class ManyLines:
    """Reads elsewhere."""

    process: ScanProcess

    def __call__(self, texts: Sequence[str], where: Where) -> tuple[Finding, ...] | None:
        """The findings in *texts*; None when that was stopped, too long, or what came back is no answer of ours."""
        data = json.dumps(list(texts)).encode("ascii")
        said = self.process.ask(f"credentials/{where.value}", data) if len(data) <= MOST else None
        if said is None:
            return None
        try:
            return tuple(_finding(row, texts, where) for row in json.loads(said))
        except (ValueError, TypeError, IndexError, RecursionError):
            return None


def written(findings: Sequence[Finding]) -> bytes:
    """*findings* as `ManyLines` reads them."""
    return json.dumps(
        [[one.rule, one.severity.value, one.action.value, one.part, one.start, one.end] for one in findings]
    ).encode("ascii")


def _finding(row: list[object], texts: Sequence[str], where: Where) -> Finding:
    """Raises: ValueError, TypeError or IndexError for what is no finding in *texts*."""
    match row:
        case [str(rule), str(severity), str(action), int(part), int(start), int(end)] if rule.startswith(
            "credentials/"
        ):
            if part < 0 or not 0 <= start <= end <= len(texts[part]):
                raise ValueError("a finding lies outside its text")
            return Finding(
                rule=RuleId(rule),
                layer="credentials",
                severity=Severity(severity),
                action=Action(action),
                where=where,
                start=start,
                end=end,
                part=part,
            )
        case _:
            raise ValueError("this is no finding")
