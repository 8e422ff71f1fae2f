"""Decodes long words: base64 of either alphabet at any offset and over lines, hex, and what base64 has compressed.

Drawn or binary material is not decoded: what readable bytes look like in base64 says which words are worth it.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Final

from ..expressions import Expression, expression
from .runs import Allowance, Run, Unread

# Three readable bytes have their top bit clear and seldom start with 0000 or 0001, so of the four characters that code
# them the first three come from less than half of the alphabet. Drawn or binary material fits one group in eleven.
_GROUP: Final = "[CDI-Za-f][ACD-HQS-Xgi-nwyz0-3][ABEFIJMNQRUVYZcdghklopstwx014589][0-9A-Za-z+/_-]"
# Of UTF-16, three bytes are a letter, NUL and a letter, or NUL, a letter and NUL, in turn, wherever one begins to read.
_AROUND: Final = "[CDI-Za-f][AQgw][AB][0-9A-Za-z+/_-]"
_BETWEEN: Final = "A[AC-H][AEIMQUYcgkosw048]A"
_PAIR: Final = "(?:[2-7][0-9A-Fa-f]|0[9aAdD])"
_BREAK: Final = r"(?:(?:\\r)?\\n|\r?\n[ \t]{0,8}|\r)"
"""Between two lines of one word: as they are, or as JSON writes them."""
_ALPHABET: Final = "[0-9A-Za-z+/_-]"

WORD: Final = "[0-9A-Za-z+/_-]{27}"
"""A word of 27 holds 20 bytes, the shortest token."""
CODED: Final = f"(?:(?:{_GROUP}){{6}}|(?:{_AROUND}{_BETWEEN}){{4}})"
"""Eighteen readable bytes in base64, or twelve letters of UTF-16: what makes a long word worth decoding."""
HEXED: Final = "[0-9A-Fa-f]{40}"
PAIRED: Final = f"{_PAIR}{{20}}"
"""The same in hex: twenty bytes, and all of them readable."""
PACKED: Final = rf"[^0-9A-Za-z+/_-](?:H4sI|eJ[w-z]|eN[o-r]|eA[E-H]|eF[4-7]){_ALPHABET}{{20}}"
"""How gzip and zlib streams begin in base64, at the beginning of a word."""

_BASE64: Final = expression(rf"(?:{_GROUP}{_BREAK}?){{6,}}[0-9A-Za-z+/_-]{{0,3}}")
_WIDE: Final = expression(
    rf"(?:{_BETWEEN}{_BREAK}?)?(?:{_AROUND}{_BREAK}?{_BETWEEN}{_BREAK}?){{4,}}(?:{_AROUND}{_BREAK}?)?{_ALPHABET}{{0,3}}"
)
_HEX: Final = expression(rf"{_PAIR}{{20,}}")
_PACKED: Final = expression(rf"{PACKED}(?:{_BREAK}?{_ALPHABET}+)*={{0,2}}")
_ODD: Final = re.compile(rb"\\[rn]|[\r\n\t =]")
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_EITHER: Final = zlib.MAX_WBITS | 32
"""gzip or zlib, by its head."""
_RATIO: Final = 100
"""Bytes that one compressed byte may become, beyond the first `_SMALL`; text comes to 3 to 20."""
_SMALL: Final = 64 << 10
_HEAD: Final = 1024
"""Characters that tell a compressed stream from what only begins like one."""


def base64_words(data: bytes, allowance: Allowance) -> Iterator[Run | Unread]:
    """What every readable stretch of base64 in *data* says."""
    for start, end in _found(_BASE64, data):
        if not allowance.takes((end - start) * 3 // 4):
            yield Unread(start=start, end=end)
            continue
        yield Run(text=_base64(data[start:end]), origin=partial(_groups, data, start, end))


def wide_words(data: bytes, allowance: Allowance) -> Iterator[Run | Unread]:
    """What every stretch of base64 in *data* says that is of UTF-16, in either order, as PowerShell takes it."""
    for start, end in _found(_WIDE, data):
        if not allowance.takes((end - start) * 3 // 8):
            yield Unread(start=start, end=end)
            continue
        held = _base64(data[start:end])
        first = 1 if held[:1] == b"\0" else 0
        yield Run(text=held[first::2], origin=partial(_letters, data, start, end, first))


def hex_words(data: bytes, allowance: Allowance) -> Iterator[Run | Unread]:
    """What every readable stretch of hex in *data* says."""
    for start, end in _found(_HEX, data):
        if not allowance.takes((end - start) // 2):
            yield Unread(start=start, end=end)
            continue
        yield Run(text=bytes.fromhex(data[start:end].decode("ascii")), origin=partial(_pairs, start))


def packed_words(data: bytes, allowance: Allowance) -> Iterator[Run | Unread]:
    """What every gzip or zlib stream in base64 in *data* holds; one that grows beyond measure is not read."""
    for start, end in _found(_PACKED, data):
        if not _begins_a_stream(data[start + 1 : min(end, start + 1 + _HEAD)]):
            continue
        held = _unpacked(_base64(data[start + 1 : end]), allowance)
        if held is None:
            yield Unread(start=start + 1, end=end)
        elif held:
            yield Run(text=held, origin=partial(_all, start + 1, end))


def _found(coded: Expression, data: bytes) -> Iterator[tuple[int, int]]:
    found = coded.search(data)
    while found:
        yield found.span()
        found = coded.search(data, found.end())


def _base64(run: bytes) -> bytes:
    """*run* decoded, without what its last one to three characters cannot say on their own."""
    plain = _ODD.sub(b"", run).translate(_URL_SAFE)
    rest = len(plain) % 4
    padded = plain[:-1] if rest == 1 else plain + b"=" * (-len(plain) % 4)
    try:
        return base64.b64decode(padded)
    except binascii.Error:
        return b""


def _unpacked(packed: bytes, allowance: Allowance) -> bytes | None:
    """What *packed* holds as far as it is whole, nothing if it is no stream; None when it would become too much."""
    most = min(allowance.left, _SMALL + _RATIO * len(packed))
    inflating = zlib.decompressobj(_EITHER)
    try:
        held = inflating.decompress(packed, most + 1)
    except zlib.error:
        return b""
    return held if len(held) <= most and allowance.takes(len(held)) else None


def _begins_a_stream(coded: bytes) -> bool:
    try:
        zlib.decompressobj(_EITHER).decompress(_base64(coded), _HEAD)
    except zlib.error:
        return False
    return True


def _groups(data: bytes, start: int, end: int, low: int, high: int) -> tuple[int, int]:
    """The characters of the base64 from *start* to *end* that say the bytes from *low* to *high*."""
    breaks = [found.span() for found in _ODD.finditer(data, start, end)]
    first, last = _past(breaks, start + low * 8 // 6), _past(breaks, start + (high * 8 - 1) // 6)
    return first, min(last + 1, end)


def _letters(data: bytes, start: int, end: int, first: int, low: int, high: int) -> tuple[int, int]:
    """The same of letters of two bytes each, of which the *first*th byte is read first."""
    return _groups(data, start, end, first + 2 * low, first + 2 * high - 1)


def _past(breaks: list[tuple[int, int]], at: int) -> int:
    """Where the character stands that would stand *at* if there were no *breaks*."""
    for start, end in breaks:
        if start > at:
            break
        at += end - start
    return at


def _pairs(start: int, low: int, high: int) -> tuple[int, int]:
    return start + 2 * low, start + 2 * high


def _all(start: int, end: int, _low: int, _high: int) -> tuple[int, int]:
    return start, end
