"""Reads texts without the characters nobody sees, and leads back to where they stood. It judges and removes nothing.

The sanitizer leaves alone what a writing system may need, and a few of those between its letters split a credential.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from holdfast.contracts import Finding

from ..sanitizer.scripts import HIDERS

_UNSEEN: Final = re.compile(f"[{HIDERS}]+")


@dataclass(frozen=True, slots=True)
class Bare:
    """Texts without what nobody sees."""

    texts: tuple[str, ...]
    pieces: tuple[tuple[tuple[int, int], ...], ...]
    """For each text, where each seen stretch begins in the bare text, and where in the whole one."""

    def placed(self, finding: Finding) -> Finding:
        """*finding* of a bare text as one of the whole text."""
        pieces = self.pieces[finding.part]
        if not pieces:
            return finding
        start, end = _whole(pieces, finding.start), _whole(pieces, max(finding.end - 1, finding.start))
        return replace(finding, start=start, end=end + 1)


def bare(texts: Sequence[str]) -> Bare | None:
    """*texts* as they are seen; None when nothing in them is unseen."""
    if all(text.isascii() or _UNSEEN.search(text) is None for text in texts):
        return None
    read = [_stripped(text) for text in texts]
    return Bare(tuple(text for text, _pieces in read), tuple(pieces for _text, pieces in read))


def _stripped(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    if text.isascii():
        return text, ()
    kept: list[str] = []
    pieces: list[tuple[int, int]] = []
    at = size = 0
    for found in _UNSEEN.finditer(text):
        if found.start() > at:
            pieces.append((size, at))
            kept.append(text[at : found.start()])
            size += found.start() - at
        at = found.end()
    pieces.append((size, at))
    kept.append(text[at:])
    return "".join(kept), tuple(pieces)


def _whole(pieces: Sequence[tuple[int, int]], place: int) -> int:
    """Where the character at *place* of the bare text stands in the whole one."""
    low, high = 0, len(pieces)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if pieces[middle][0] <= place else (low, middle)
    began, stands = pieces[low]
    return stands + place - began
