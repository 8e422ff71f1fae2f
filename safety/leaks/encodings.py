"""Finds base64, hex, percent and backslash encoding that decodes to readable text: one level, in linear time."""

import base64
import binascii
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import unquote_to_bytes

from .expressions import Expression, expression

_AROUND: Final = 256
"""Bytes read on both sides of a lone escape."""
_DENSE: Final = 64
"""With more than one escape in so many bytes, the whole text is decoded at once."""

# Three readable bytes have their top bit clear and seldom start with 0000 or 0001, so of the four characters that code
# them the first three come from less than half of the alphabet. Drawn or binary material fits one group in eleven.
_GROUP: Final = "[CDI-Za-f][ACD-HQS-Xgi-nwyz0-3][ABEFIJMNQRUVYZcdghklopstwx014589][0-9A-Za-z+/_-]"
_PAIR: Final = "(?:[2-7][0-9A-Fa-f]|0[9aAdD])"
CODED: Final = f"(?:{_GROUP}){{6}}|{_PAIR}{{20}}"
"""Eighteen readable bytes in base64, or twenty in hex: what makes a long word worth decoding."""
_BASE64: Final = expression(rf"(?:{_GROUP}(?:\r?\n[ \t]{{0,8}})?){{6,}}[0-9A-Za-z+/_-]{{0,3}}")
_HEX: Final = expression(rf"{_PAIR}{{20,}}")
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_PERCENT: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
_UNICODE: Final = re.compile(rb"\\u00([0-9A-Fa-f]{2})")
_BYTES: Final = re.compile(rb"\\x([0-9A-Fa-f]{2})")


class Sign(Enum):
    """What shows that an encoding may be there."""

    WORD = "word"
    PERCENT = "percent"
    UNICODE = "unicode"
    BYTES = "bytes"


SIGNS: Final = {
    Sign.WORD: "[0-9A-Za-z+/_-]{27}",
    Sign.PERCENT: "%[0-9A-Fa-f]{2}",
    Sign.UNICODE: r"\\u00[0-9A-Fa-f]{2}",
    Sign.BYTES: r"\\x[0-9A-Fa-f]{2}",
}
"""What the database looks for before anything is decoded. A word of 27 holds 20 bytes, the shortest token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An encoded stretch of a buffer and what it says."""

    start: int
    end: int
    text: bytes
    escapes: tuple[int, ...] = ()
    """Where in `text` each escape's byte stands; empty when the run is one code word, not text with escapes."""
    shrink: int = 0
    """Bytes that each escape is shorter once decoded."""

    def origin(self, low: int, high: int) -> tuple[int, int]:
        """The encoded bytes that say what stands from *low* to *high* in `text`."""
        if not self.escapes:
            return self.start, self.end
        before = bisect_left(self.escapes, low) * self.shrink
        through = bisect_left(self.escapes, high) * self.shrink
        return self.start + low + before, self.start + high + through


def decode(data: bytes, signs: frozenset[Sign]) -> Iterator[Run]:
    """Every stretch of *data* that reads as text once decoded, of the encodings that *signs* point to."""
    if Sign.WORD in signs:
        yield from _runs(data, _BASE64, _base64)
        yield from _runs(data, _HEX, _hex)
    if Sign.PERCENT in signs:
        yield from _escaped(data, _PERCENT, len("%41"))
    if Sign.UNICODE in signs:
        yield from _escaped(data, _UNICODE, len("\\u0041"))
    if Sign.BYTES in signs:
        yield from _escaped(data, _BYTES, len("\\x41"))


def _runs(data: bytes, coded: Expression, read: Callable[[bytes], bytes]) -> Iterator[Run]:
    found = coded.search(data)
    while found:
        start, end = found.span()
        yield Run(start=start, end=end, text=read(data[start:end]))
        found = coded.search(data, end)


def _escaped(data: bytes, escape: re.Pattern[bytes], length: int) -> Iterator[Run]:
    places = [found.start() for found in escape.finditer(data)]
    for start, end in _surroundings(places, len(data)):
        inside = places[bisect_left(places, start) : bisect_left(places, end)]
        coded = data[start:end]
        text = unquote_to_bytes(coded) if escape is _PERCENT else escape.sub(_byte, coded)
        shrink = length - 1
        spots = tuple(place - start - index * shrink for index, place in enumerate(inside))
        yield Run(start=start, end=end, text=text, escapes=spots, shrink=shrink)


def _surroundings(places: list[int], size: int) -> Iterator[tuple[int, int]]:
    if len(places) * _DENSE > size:
        yield 0, size
        return
    start = end = -1
    for place in places:
        if place - _AROUND <= end:
            end = min(size, place + _AROUND)
            continue
        if end >= 0:
            yield start, end
        start, end = max(0, place - _AROUND), min(size, place + _AROUND)
    if end >= 0:
        yield start, end


def _byte(digits: re.Match[bytes]) -> bytes:
    return bytes([int(digits[1], 16)])


def _hex(run: bytes) -> bytes:
    return bytes.fromhex(run.decode("ascii"))


def _base64(run: bytes) -> bytes:
    """*run* decoded, without what its last one to three characters cannot say on their own."""
    plain = run.translate(_URL_SAFE, b"\r\n\t ")
    rest = len(plain) % 4
    padded = plain[:-1] if rest == 1 else plain + b"=" * (-len(plain) % 4)
    try:
        return base64.b64decode(padded)
    except binascii.Error:
        return b""
