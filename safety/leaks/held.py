"""Knows every writing of the secrets that Holdfast itself holds, and where one stands in a text. It says not which.

1. A value is looked for as it is, in other letter case, backwards, as JSON, URLs and HTML write it, in hex, and in
   base64 and base32 at any offset; what is encoded beyond that, the detector decodes first.
2. Values that no text would hold by chance only: `SHORTEST_SECRET` bytes at least.
3. Nothing here is printed, kept or compared with what was guessed, but by looking at a text that passes anyway.
"""

import base64
import html
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, quote_plus

from holdfast.contracts import SHORTEST_SECRET, Secret

from .database import Literals, open_literals

_PIECE: Final = 192
"""Bytes of a long value that are looked for on their own: a part of a key is a leak too. Divisible by 3."""
_LONG: Final = 1024
"""Of a longer value fewer writings are looked for; nobody writes a whole key file backwards."""
_EDGE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")


@dataclass(frozen=True, slots=True)
class _Needle:
    """One writing of one value."""

    text: bytes
    before: bool = False
    """The character before it holds some of its bits."""
    after: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What is held now. Printed, it says nothing."""

    _needles: tuple[_Needle, ...] = field(repr=False)
    _literals: Literals = field(repr=False)

    @classmethod
    def of(cls, secrets: Iterable[Secret]) -> "Held | None":
        """Look for *secrets*, those of `SHORTEST_SECRET` bytes and more; None when there is none."""
        values = dict.fromkeys(one.reveal() for one in secrets)
        needles = dict.fromkeys(needle for value in values if len(value) >= SHORTEST_SECRET for needle in _of(value))
        if not needles:
            return None
        return cls(tuple(needles), open_literals([needle.text for needle in needles]))

    def places(self, data: bytes) -> list[tuple[int, int]] | None:
        """Every stretch of *data*, in bytes, that says one of them; None when there are too many to look at."""
        found = self._literals.ends(data)
        return None if found is None else [self._place(data, number, end) for number, end in found]

    def _place(self, data: bytes, number: int, end: int) -> tuple[int, int]:
        needle = self._needles[number]
        start = end - len(needle.text)
        wider = needle.before and start > 0 and data[start - 1] in _EDGE
        longer = needle.after and end < len(data) and data[end] in _EDGE
        return start - wider, end + longer


def _of(value: bytes) -> Iterator[_Needle]:
    for piece in _pieces(value):
        yield from map(_Needle, _written(piece))
        yield from _based(base64.b64encode, piece, 6)
        yield from _based(base64.urlsafe_b64encode, piece, 6)
        yield _Needle(piece.hex().encode())
        if len(value) <= _LONG:
            yield from map(_Needle, (piece[::-1], piece.hex(" ").encode(), piece.hex(":").encode()))
            yield from _based(base64.b32encode, piece, 5)
            yield from _wide(piece)


def _pieces(value: bytes) -> Iterator[bytes]:
    if len(value) <= _PIECE:
        yield value
        return
    for at in range(0, len(value) - _PIECE, _PIECE):
        yield value[at : at + _PIECE]
    yield value[-_PIECE:]


def _written(piece: bytes) -> Iterator[bytes]:
    """*piece* as formats of text write it."""
    yield piece
    text = piece.decode("utf-8", "replace")
    if text.encode("utf-8") != piece:
        return
    escaped = json.dumps(text)[1:-1]
    spellings = (
        escaped,
        json.dumps(text, ensure_ascii=False)[1:-1],
        escaped.replace("/", "\\/"),
        json.dumps(escaped)[1:-1],
        quote(text, safe=""),
        quote(text),
        quote_plus(text),
        html.escape(text),
    )
    yield from (one.encode() for one in spellings)


def _wide(piece: bytes) -> Iterator[_Needle]:
    """*piece* in base64 of UTF-16, as PowerShell takes it."""
    text = piece.decode("utf-8", "replace")
    if text.isascii():
        yield from _based(base64.b64encode, text.encode("utf-16-le"), 6)


def _based(encode: Callable[[bytes], bytes], piece: bytes, bits: int) -> Iterator[_Needle]:
    """The characters of *piece* after any number of bytes, as far as those and what follows do not touch them."""
    for before in range(3 if bits == 6 else 5):  # noqa: PLR2004 -- base64 repeats after 3 bytes, base32 after 5
        whole = encode(bytes(before) + piece + bytes(5))
        first, begun = divmod(8 * before, bits)
        last, left = divmod(8 * (before + len(piece)), bits)
        yield _Needle(whole[first + (begun > 0) : last], before=begun > 0, after=left > 0)
