r"""Undoes escapes of a text that is searched, and says where in the text as it came each byte stood. Changes no answer.

1. What is undone: percent-encoding, `\u` and `\x` escapes, numbered and named HTML entities, each inside another, up
   to `LEVELS` deep. Only escapes of ASCII, and of names only those of characters that are searched for.
2. Everything is lower case from here on, needles too: an answer may say a secret in capitals.
3. A text with more than `MOST_ESCAPES` of them is not searched but withheld: that bounds the work.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html.entities import html5
from itertools import accumulate, compress
from types import MappingProxyType
from typing import Final

LEVELS: Final = 3
MOST_ESCAPES: Final = 500_000
"""Of one level; about half a second of work."""

_BLOCK: Final = 1 << 14

_TOKEN: Final = re.compile(
    rb"%(?:u00)?(?:[2-7][0-9a-f]|0[09a-d])"
    rb"|\\{1,8}+(?:(?:u00|x)(?:[2-7][0-9a-f]|0[09a-d])|u\{0{0,6}[2-7][0-9a-f]\})"
    rb"|&(?:#[0-9]{1,10};?|#x[0-9a-f]{1,8};?|[a-z]{2,10};)"
)
_NAMED: Final[Mapping[bytes, bytes]] = MappingProxyType(
    {
        b"&" + name.lower().encode(): char.lower().encode()
        for name, char in html5.items()
        if name.endswith(";") and char.isascii() and len(char) == 1
    }
)
_ASCII: Final = 128
_SPACE: Final = b" \t\r\n\x0b\x0c\0\\"
"""Left out wherever it stands: lines are broken, UTF-16 has a NUL in each character, JSON puts `\\` before `/`."""
_NOT_HEX: Final = bytes(sorted(set(range(256)) - set(b"0123456789abcdef")))
_TABLE: Final = bytes.maketrans(b"-_", b"+/")
"""The two alphabets of base64 are one."""


class TooManyEscapes(Exception):
    """The text is not searched."""


@dataclass(frozen=True, slots=True)
class View:
    """A text derived from another, and the way back."""

    text: bytes
    above: "View | None" = None
    byte: "Callable[[int], tuple[int, int]] | None" = None
    """From which bytes above a byte was made: start and end."""

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Where in the first text the bytes from *start* to *end* stood."""
        if self.above is None or self.byte is None:
            return start, end
        return self.above.origin(self.byte(start)[0], self.byte(end - 1)[1])


class _Undone:
    """Where each escape stood, and the one byte that stands for it."""

    __slots__ = ("_ends", "_places", "_starts")

    def __init__(self) -> None:
        self._places, self._starts, self._ends = array("q"), array("q"), array("q")

    def add(self, place: int, start: int, end: int) -> None:
        """The byte at *place* stands for those from *start* to *end*. In order."""
        self._places.append(place)
        self._starts.append(start)
        self._ends.append(end)

    def byte(self, at: int) -> tuple[int, int]:
        """See `View`."""
        before = bisect_right(self._places, at) - 1
        if before < 0:
            return at, at + 1
        beyond = at - self._places[before]
        if beyond == 0:
            return self._starts[before], self._ends[before]
        start = self._ends[before] + beyond - 1
        return start, start + 1


class _Kept:
    """Where each byte stood of a text from which some were left out. Looked up block by block."""

    __slots__ = ("_blocks", "_keeps", "_least", "_text")

    def __init__(self, text: bytes, left_out: bytes) -> None:
        self._text = text
        self._keeps = bytes(byte not in left_out for byte in range(256))
        self._blocks: dict[int, Sequence[int]] = {}
        sizes = (len(text[at : at + _BLOCK].translate(None, left_out)) for at in range(0, len(text), _BLOCK))
        self._least = [0, *accumulate(sizes)]

    def byte(self, at: int) -> tuple[int, int]:
        """See `View`."""
        number = bisect_right(self._least, at) - 1
        begins = number * _BLOCK
        if number not in self._blocks:
            block = self._text[begins : begins + _BLOCK]
            self._blocks[number] = array("H", compress(range(len(block)), block.translate(self._keeps)))
        start = begins + self._blocks[number][at - self._least[number]]
        return start, start + 1


def unescaped(view: View, wanted: frozenset[int]) -> View | None:
    """*view* with its escapes of *wanted* characters undone once; None when there is none.

    Raises: TooManyEscapes.
    """
    text, at, place = view.text, 0, 0
    pieces: list[bytes] = []
    undone = _Undone()
    for found in _TOKEN.finditer(text):
        char = _meant(found[0], wanted)
        if char is None:
            continue
        start, end = found.span()
        pieces += (text[at:start], bytes((char,)))
        place += start - at
        undone.add(place, start, end)
        place, at = place + 1, end
        if len(pieces) > 2 * MOST_ESCAPES:
            raise TooManyEscapes
    if not pieces:
        return None
    pieces.append(text[at:])
    return View(b"".join(pieces), view, undone.byte)


def without_breaks(view: View) -> View | None:
    r"""*view* with two spaces for each `\n`, `\r` and `\t` of JSON; None when there is none."""
    text = view.text
    for written in (b"\\n", b"\\r", b"\\t"):
        text = text.replace(written, b"  ")
    return None if text == view.text else replace(view, text=text)


def squeezed(text: bytes) -> bytes:
    """*text* without space, and with one alphabet of base64."""
    return text.translate(_TABLE, _SPACE)


def digits(text: bytes) -> bytes:
    """The hexadecimal digits of *text*, whatever stands between them."""
    return text.translate(None, _NOT_HEX)


def squeezed_view(view: View) -> View:
    """As `squeezed`, with the way back. Slower: for a text in which something was found."""
    return View(squeezed(view.text), view, _Kept(view.text, _SPACE).byte)


def digits_view(view: View) -> View:
    """As `digits`, with the way back."""
    return View(digits(view.text), view, _Kept(view.text, _NOT_HEX).byte)


def _meant(token: bytes, wanted: frozenset[int]) -> int | None:
    """The character that *token* stands for, all in lower case; None for one that is left as it is."""
    if token.startswith(b"&#x"):
        char = int(token[3:].rstrip(b";"), 16)
    elif token.startswith(b"&#"):
        char = int(token[2:].rstrip(b";"))
    elif token.startswith(b"&"):
        char = _NAMED.get(token, b"\xff")[0]
        return char if char in wanted else None
    else:
        char = int(token.strip(b"%\\ux{}"), 16)
    return ord(chr(char).lower()) if char < _ASCII else None
