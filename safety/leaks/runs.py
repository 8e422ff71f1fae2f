"""A stretch of a buffer that says something else once decoded, and the way back from each byte of that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .grammar import NAMED_MARGIN

Way = Callable[[int, int], tuple[int, int]]
"""From a stretch of what was decoded to the stretch of the buffer that says it, both in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An encoded stretch of a buffer and what it says."""

    text: bytes
    origin: Way
    whole: bool = True
    """All of it was encoded; otherwise there is plain text around what was, which the buffer itself says as well."""

    def changed(self, low: int, high: int) -> bool:
        """Whether decoding made anything of the bytes from *low* to *high*, or of what they may be known by."""
        if self.whole:
            return True
        first, last = max(0, low - NAMED_MARGIN), min(len(self.text), high + 1)
        start, end = self.origin(first, last)
        return end - start != last - first


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A stretch of a buffer, in bytes, that is encoded and was not decoded: there was too much of it."""

    start: int
    end: int


FREE: Final = 1 << 20
SHARE: Final = 4


class Allowance:
    """How many bytes decoding may still make in one scan: `SHARE` for each of the text, and `FREE` more."""

    def __init__(self, size: int) -> None:
        self.left = FREE + SHARE * size

    def takes(self, size: int) -> bool:
        """Whether *size* bytes more may be made; if so, they are counted."""
        if size > self.left:
            return False
        self.left -= size
        return True
