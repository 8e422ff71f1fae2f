r"""Undoes escapes: percent, `\u`, `\x`, octal, `\/` and `\"`, numbered and a few named entities, and quoted-printable.

All but the last are undone together, as they stand mixed: what one of them left in two layers is still two. Ordinary
text around an escape is decoded along, since a credential is known by its surroundings.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from .runs import Allowance, Run, Unread

_AROUND: Final = 256
"""Bytes read on both sides of a lone escape."""
_DENSE: Final = 64
"""With more than one escape in so many bytes, the whole text is decoded at once."""

ESCAPED: Final = (
    r"%[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}|\\u\{0{0,4}[2-7][0-9A-Fa-f]\}|\\x[0-9A-Fa-f]{2}|\\1[0-7]{2}"
    r"|[0-9A-Za-z+]{4}\\/[0-9A-Za-z+]{4}|\\\\[\"']"
    r"|&#0{0,5}(?:4[5-9]|5[0-8]|6[15-9]|[78][0-9]|9[05789]|1[01][0-9]|12[0-2]);?|&#[xX]0{0,4}[2-7][0-9A-Fa-f];?|&amp;#"
)
"""Escapes of what credentials are made of, and what is escaped twice. `&#39;` and `&amp;` alone are in every page."""
QUOTED: Final = r"=3D|[0-9A-Za-z_+/%\\{}&#;-]=\r?\n[0-9A-Za-z_+/%\\{}&#;-]|(?:=[2-7][0-9A-F]){3}"
"""Quoted-printable: an escaped `=`, a word broken over two lines, or several escapes in a row."""

_NAMED: Final = {b"amp": b"&", b"quot": b'"', b"apos": b"'", b"lt": b"<", b"gt": b">", b"equals": b"=", b"colon": b":"}
_ESCAPE: Final = re.compile(
    rb"%([0-9A-Fa-f]{2})"
    rb"|\\{1,8}(?:u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|([0-3][0-7]{2})|([/\"']))"
    rb"|&#(?:0{0,5}([0-9]{1,7})|[xX]0{0,4}([0-9A-Fa-f]{1,6}));?"
    rb"|&(amp|quot|apos|lt|gt|equals|colon);"
)
_TELLING: Final = re.compile(
    rb"%[0-9A-Fa-f]{2}"
    rb"|\\(?:u00[0-9A-Fa-f]{2}|u\{0{0,4}[2-7][0-9A-Fa-f]\}|x[0-9A-Fa-f]{2}|1[0-7]{2}|\\[\"']|(?<=[0-9A-Za-z+]{4}\\)/(?=[0-9A-Za-z+]{4}))"
    rb"|&(?:amp;)?#(?:0{0,5}(?:4[5-9]|5[0-8]|6[15-9]|[78][0-9]|9[05789]|1[01][0-9]|12[0-2]);?|[xX]0{0,4}[2-7][0-9A-Fa-f];?)"
)
"""`ESCAPED` as `re` reads it fastest: every branch begins with one of three characters. Only around these is anything
undone; without one of them the text would not be looked at."""
_PRINTABLE: Final = re.compile(rb"=(?:([0-9A-F]{2})|[ \t]*\r?\n)")
_BYTE: Final = {1: 16, 4: 16, 5: 8}
"""Groups of `_ESCAPE` that say one byte, and in which base."""
_CODE: Final = {2: 16, 3: 16, 7: 10, 8: 16}
"""Those that say a character."""
_LAST_CODE: Final = 0x10FFFF


def escaped(data: bytes, allowance: Allowance) -> Iterator[Run | Unread]:
    """*data* without its escapes: all of it, or what stands around them."""
    return _undone(data, _TELLING, _ESCAPE, _meant, allowance)


def quoted(data: bytes, allowance: Allowance) -> Iterator[Run | Unread]:
    """*data* as quoted-printable says it."""
    return _undone(data, _PRINTABLE, _PRINTABLE, _quoted_byte, allowance)


def _undone(
    data: bytes,
    telling: re.Pattern[bytes],
    escape: re.Pattern[bytes],
    meant: Callable[[re.Match[bytes]], bytes],
    allowance: Allowance,
) -> Iterator[Run | Unread]:
    places = [found.start() for found in telling.finditer(data)]
    for start, end in _surroundings(places, len(data)):
        if not allowance.takes(end - start):
            yield Unread(start=start, end=end)
            continue
        coded = data[start:end]
        way = _Way(coded, start, escape, meant)
        yield Run(text=escape.sub(meant, coded), origin=way.origin, whole=False)


class _Way:
    """The way back, made when it is first asked for: most of what is decoded holds nothing."""

    def __init__(
        self, coded: bytes, start: int, escape: re.Pattern[bytes], meant: Callable[[re.Match[bytes]], bytes]
    ) -> None:
        self._start = start
        self._walk = partial(_pieces, coded, escape, meant)
        self._pieces: tuple[list[int], list[tuple[int, int]]] | None = None

    def origin(self, low: int, high: int) -> tuple[int, int]:
        """See `runs.Way`."""
        if self._pieces is None:
            self._pieces = self._walk()
        return self._start + self._byte(low)[0], self._start + self._byte(max(low, high - 1))[1]

    def _byte(self, at: int) -> tuple[int, int]:
        assert self._pieces is not None  # noqa: S101 -- `origin` made them
        begins, coded = self._pieces
        number = bisect_right(begins, at) - 1
        start, size = coded[number]
        if size:
            return start, start + size
        plain = start + at - begins[number]
        return plain, plain + 1


def _pieces(
    coded: bytes, escape: re.Pattern[bytes], meant: Callable[[re.Match[bytes]], bytes]
) -> tuple[list[int], list[tuple[int, int]]]:
    """Where each escape, and each stretch between two, begins once decoded; where before, and an escape's length."""
    begins: list[int] = []
    places: list[tuple[int, int]] = []
    at = done = 0
    for found in escape.finditer(coded):
        start, end = found.span()
        if start > done:
            begins.append(at)
            places.append((done, 0))
            at += start - done
        begins.append(at)
        places.append((start, end - start))
        at += len(meant(found))
        done = end
    begins.append(at)
    places.append((done, 0))
    return begins, places


def _surroundings(places: list[int], size: int) -> Iterator[tuple[int, int]]:
    if len(places) * _DENSE > size:
        yield 0, size
        return
    start = end = 0
    for place in places:
        if place - _AROUND > end:
            if end:
                yield start, end
            start = place - _AROUND
        end = min(size, place + _AROUND)
    if end:
        yield start, end


def _meant(found: re.Match[bytes]) -> bytes:
    kind = found.lastindex or 0
    said = found[kind]
    if kind in _BYTE:
        return bytes((int(said, _BYTE[kind]),))
    if kind in _CODE:
        code = int(said, _CODE[kind])
        return chr(code).encode("utf-8", "surrogatepass") if code <= _LAST_CODE else found[0]
    return _NAMED.get(said, said)


def _quoted_byte(found: re.Match[bytes]) -> bytes:
    return bytes((int(found[1], 16),)) if found[1] else b""
