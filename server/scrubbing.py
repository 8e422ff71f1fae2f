"""Redacts what a piece of a text would halve: the `Scrubber` port over the detectors. It reports nothing."""

from dataclasses import replace

from holdfast.contracts import Finding, Where
from holdfast.safety.redaction import redact

from .dispatch import Guessing, Layers


class DetectorScrubber:
    """Scans the text around a piece as well, since a piece alone hides what it is a piece of."""

    def __init__(self, layers: Layers, guessing: Guessing) -> None:
        self._layers = layers
        self._guessing = guessing

    def scrub(self, text: str, start: int, end: int, /) -> str:
        """The characters from *start* to *end*, with every secret redacted that reaches beyond them."""
        found = self._layers.detectors.scan((text,), Where.OUTPUT)
        self._guessing.look(found)
        crossing = [_clipped(one, start, end) for one in found if _crosses(one, start, end)]
        return redact((text[start:end],), crossing)[0]


def _crosses(finding: Finding, start: int, end: int) -> bool:
    reaches_in = finding.start < end and finding.end > start
    return reaches_in and (finding.start < start or finding.end > end)


def _clipped(finding: Finding, start: int, end: int) -> Finding:
    return replace(finding, start=max(finding.start, start) - start, end=min(finding.end, end) - start)
