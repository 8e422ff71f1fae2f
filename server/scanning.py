"""Scans any text with the layers that look: sanitizer, detectors, injection signals. It judges no call."""

from dataclasses import replace
from functools import partial

from holdfast.contracts import Principal, TooLarge, Where
from holdfast.safety.redaction import redact

from .answers import Scanned
from .aside import aside
from .dispatch import Layers

MAX_TEXT_BYTES = 1 << 20
"""What one request may hold anyway; longer text is scanned in pieces by whoever has it."""


class Scanner:
    """Findings in the coordinates of the text as it was given, and the text without them."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers

    def look(self, text: str, where: Where) -> Scanned:
        """Scan *text* as *where*: cleaned of hidden text first, since a secret may be split by it."""
        raw = self._layers.detectors.scan((text,), where)
        clean, removed = self._layers.sanitizer.text(text, where=where)
        signals = self._layers.injection.scan((text,), where, removed).findings
        if clean == text:
            return Scanned(findings=(*raw, *signals), text=redact((text,), raw)[0])
        again = self._layers.detectors.scan((clean,), where)
        seen = {finding.rule for finding in raw}
        # Hidden text had split these: the secret is somewhere in the text as given, not at one span of it.
        split = [replace(finding, start=0, end=len(text)) for finding in again if finding.rule not in seen]
        return Scanned(findings=(*removed, *raw, *split, *signals), text=redact((clean,), again)[0])

    async def scan(self, text: str, where: Where, _principal: Principal, /) -> Scanned:
        """As `look`, off the event loop when the text is long.

        Raises: TooLarge.
        """
        if len(text) > MAX_TEXT_BYTES:
            raise TooLarge(f"a text to scan is at most {MAX_TEXT_BYTES} characters")
        return await aside(partial(self.look, text, where), characters=len(text))
