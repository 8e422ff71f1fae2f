"""Puts the detectors' findings together and says of each who saw it. It looks at no text itself and drops nothing."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.contracts import Action, Finding, Json, Where

from .credentials import CredentialDetector
from .leaks import LeakDetector
from .leaks.detector import FLOOD, UNREAD
from .pii import PiiDetector

_Spans = Mapping[int, tuple[list[int], list[int]]]
"""For each part the starts and the ends of what was seen there: in order, apart from each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectors:
    """What looks at texts: two opinions on secrets, and personal data."""

    leaks: LeakDetector
    credentials: CredentialDetector
    pii: PiiDetector

    def scan(self, texts: Sequence[str], where: Where) -> tuple[Finding, ...]:
        """Everything found in *texts*; `part` counts texts."""
        secrets = agreed(self.leaks.scan(texts, where), self.credentials.scan(texts, where))
        personal = self.pii.scan(texts, where)
        return (*secrets, *personal) if personal else secrets

    def scan_request(self, texts: Sequence[str]) -> tuple[Finding, ...]:
        """Every secret in *texts* that leave together: a URL, header lines, a body, each taken apart as well."""
        request: dict[str, Json] = {"request": list(texts)}
        leaks = self.leaks.scan(texts, Where.ARGUMENTS)
        return agreed(leaks, _without_key(self.credentials.scan_arguments(request, Where.ARGUMENTS)))


def _without_key(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """*found* with the key of the list that held the texts not counted as one of them."""
    return tuple(replace(finding, part=finding.part - 1) for finding in found if finding.part)


def agreed(leaks: tuple[Finding, ...], credentials: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings of both detectors, each with the layers that saw a secret at the place it names.

    A finding that only says what was not looked at is nobody's opinion of a secret; it is handed on as it is.
    """
    if not leaks and not credentials:
        return ()
    by_leaks, by_credentials = _spans(leaks), _spans(credentials)
    return (
        *(_signed(finding, by_credentials, ("leaks", "credentials")) for finding in leaks),
        *(_signed(finding, by_leaks, ("leaks", "credentials")) for finding in credentials),
    )


def _signed(finding: Finding, others: _Spans, both: tuple[str, ...]) -> Finding:
    if not _is_opinion(finding):
        return finding
    return replace(finding, seen_by=both if _touches(finding, others) else (finding.layer,))


def _is_opinion(finding: Finding) -> bool:
    return finding.action in (Action.REDACT, Action.DENY) and finding.rule not in (FLOOD, UNREAD)


def _touches(finding: Finding, spans: _Spans) -> bool:
    if finding.part not in spans:
        return False
    starts, ends = spans[finding.part]
    before = bisect_left(starts, finding.end) - 1
    return before >= 0 and ends[before] > finding.start


def _spans(findings: Iterable[Finding]) -> _Spans:
    spans: dict[int, tuple[list[int], list[int]]] = {}
    for finding in sorted(filter(_is_opinion, findings), key=lambda each: (each.part, each.start)):
        starts, ends = spans.setdefault(finding.part, ([], []))
        if starts and finding.start <= ends[-1]:
            ends[-1] = max(ends[-1], finding.end)
        else:
            starts.append(finding.start)
            ends.append(finding.end)
    return spans
