"""Scans a text that comes in chunks: what is found is what the whole text would give, in memory that does not grow.

A finding is given once no character that is still to come could change it: `reach` characters after its end. As many
are kept from before, so that what a credential is known by is in view. Only what is wider than that is given in pieces.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from holdfast.contracts import Finding, Where

from .rules import MAX_WIDTH

REACH: Final = 4 * MAX_WIDTH
"""Characters. A rule is `MAX_WIDTH` wide at most, and tokens are far shorter: six times that, escaped, is within."""

_Scan = Callable[[Sequence[str], Where], tuple[Finding, ...]]


class LeakStream:
    """One text in chunks. For one task at a time."""

    def __init__(self, scan: _Scan, where: Where, *, reach: int = REACH) -> None:
        """Look with *scan*. A stretch is looked at once four times *reach* more have come."""
        self._scan = scan
        self._where = where
        self._reach = reach
        self._text = ""
        self._base = 0
        """Where in the whole text the kept one begins."""
        self._given = 0
        """Every finding that ends here or before has been given."""

    def feed(self, chunk: str) -> tuple[Finding, ...]:
        """Take *chunk*; answer what is known by now, with `start` and `end` counted from the beginning of the text."""
        found: list[Finding] = []
        step = 4 * self._reach
        for at in range(0, len(chunk), step):
            self._text += chunk[at : at + step]
            if len(self._text) >= step + 2 * self._reach:
                found += self._settled(len(self._text) - self._reach)
        return tuple(found)

    def close(self) -> tuple[Finding, ...]:
        """Answer the rest: the text is at its end."""
        return tuple(self._settled(len(self._text)))

    def _settled(self, until: int) -> Iterator[Finding]:
        """What ends at *until* or before, and was not given yet; then forget what nothing to come could need."""
        border = self._base + until
        for one in self._scan((self._text,), self._where):
            start, end = self._base + one.start, self._base + one.end
            if end - start > self._reach:
                start, end = max(start, self._given), min(end, border)
            if self._given < end <= border and start < end:
                yield replace(one, start=start, end=end)
        self._given = border
        kept = max(0, until - self._reach)
        self._text, self._base = self._text[kept:], self._base + kept
