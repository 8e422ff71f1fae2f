"""Lays texts out as one padded buffer of bytes and brings spans back to characters. It searches nothing."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

BETWEEN: Final = b"\n\x00\n"
"""Stands between two texts that do not follow each other; no pattern of ours spans it by design."""
SEAM: Final = 4096
"""Bytes of a text that are looked at on each side of a seam. No token is longer; a private key may be, and is then
found by what lies in one text."""

_CONTINUATION: Final = bytes(range(0x80, 0xC0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of one text as it lies in the buffer."""

    start: int
    end: int
    part: int
    offset: int
    """Byte of its text at which the piece begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A buffer and what lies where in it."""

    data: bytes
    pieces: tuple[Piece, ...]
    starts: tuple[int, ...]
    islands: tuple[tuple[int, int], ...]
    """Stretches within which a match may lie: one for each text kept apart, one for texts run together."""

    def touched(self, start: int, end: int) -> Iterator[tuple[Piece, int, int]]:
        """Every piece that the bytes from *start* to *end* lie in, with the stretch of its text, in bytes."""
        for piece in self.pieces[max(0, bisect_right(self.starts, start) - 1) :]:
            if piece.start >= end:
                return
            low, high = max(start, piece.start), min(end, piece.end)
            if low < high:
                yield piece, low - piece.start + piece.offset, high - piece.start + piece.offset

    def clipped(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The bytes from *start* to *end*, cut to islands; each keeps the line end on either side."""
        first = bisect_right(self.islands, start, key=lambda island: island[0])
        for island in self.islands[max(0, first - 1) :]:
            if island[0] > end:
                return
            low, high = max(start, island[0] - 1), min(end, island[1] + 1)
            if low < high:
                yield low, high

    def crosses(self, start: int, end: int) -> bool:
        """Whether the bytes from *start* to *end* lie in more than one piece."""
        touched = iter(self.touched(start, end))
        return next(touched, None) is not None and next(touched, None) is not None


def encoded(text: str) -> bytes:
    """*text* as UTF-8; lone surrogates stay, as three bytes, so that no text is beyond scanning."""
    return text.encode("utf-8", "surrogatepass")


def buffer(texts: Sequence[bytes]) -> bytes:
    """All *texts*, kept apart from each other, as they lie in the buffer of `apart`."""
    return b"\n%b\n" % BETWEEN.join(texts)


def apart(texts: Sequence[bytes], data: bytes | None = None) -> Layout:
    """All *texts*, kept apart from each other; *data* is their `buffer`, if it was made already."""
    pieces: list[Piece] = []
    at = 1
    for part, text in enumerate(texts):
        pieces.append(Piece(start=at, end=at + len(text), part=part, offset=0))
        at += len(text) + len(BETWEEN)
    islands = tuple((piece.start, piece.end) for piece in pieces)
    return _layout(buffer(texts) if data is None else data, pieces, islands)


def seams(texts: Sequence[bytes], order: Sequence[int]) -> Layout | None:
    """*texts* run together in *order*, and each two neighbours on their own; of a long text only its ends.

    All together find a secret in many crumbs; two on their own find one in two texts whatever stands around them.
    None when nothing adjoins.
    """
    if not order[1:]:
        return None
    groups: list[list[Piece]] = [[]]
    for part in order:
        size = len(texts[part])
        if size <= 2 * SEAM:
            groups[-1].append(_piece(part, 0, size))
            continue
        groups[-1].append(_piece(part, 0, SEAM))
        groups.append([_piece(part, size - SEAM, size)])
    if order[2:]:
        for left, right in pairwise(order):
            low = max(0, len(texts[left]) - SEAM)
            groups.append([_piece(left, low, len(texts[left])), _piece(right, 0, min(SEAM, len(texts[right])))])
    return _run_together(texts, groups)


def _piece(part: int, low: int, high: int) -> Piece:
    """The bytes from *low* to *high* of text *part*, before it has a place."""
    return Piece(start=0, end=high - low, part=part, offset=low)


def _run_together(texts: Sequence[bytes], groups: Sequence[Sequence[Piece]]) -> Layout:
    pieces: list[Piece] = []
    islands: list[tuple[int, int]] = []
    chunks: list[bytes] = []
    at = 1
    for group in groups:
        begun = at
        for piece in group:
            pieces.append(replace(piece, start=at, end=at + piece.end))
            at += piece.end
        islands.append((begun, at))
        chunks.append(b"".join(texts[piece.part][piece.offset : piece.offset + piece.end] for piece in group))
        at += len(BETWEEN)
    return _layout(b"\n" + BETWEEN.join(chunks) + b"\n", pieces, tuple(islands))


def characters(text: str, data: bytes, start: int, end: int) -> tuple[int, int]:
    """The span of characters of *text* that the bytes *start* to *end* of its encoding *data* touch."""
    if len(text) == len(data):
        return start, end
    end = border(data, end)
    before = len(data[: start + 1].translate(None, _CONTINUATION)) - 1
    return before, before + max(1, len(data[start + 1 : end].translate(None, _CONTINUATION)) + 1)


def border(data: bytes, at: int) -> int:
    """The first place from *at* on where a character of *data* begins or *data* ends."""
    while at < len(data) and data[at] in _CONTINUATION:
        at += 1
    return at


def _layout(data: bytes, pieces: Sequence[Piece], islands: tuple[tuple[int, int], ...]) -> Layout:
    return Layout(data=data, pieces=tuple(pieces), starts=tuple(piece.start for piece in pieces), islands=islands)
