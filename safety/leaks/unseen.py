"""Reads texts as they are seen, in ASCII as far as it reads so, and leads back to where it stood. Judges nothing.

The sanitizer leaves alone what a writing system may need, and a few of those between its letters split a credential;
so do letters of another width, style or script that look like those of one.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from holdfast.contracts import Finding

from ..sanitizer.scripts import HIDERS

_MARKS: Final = "\u0300-\u036f\u20d0-\u20ff"
"""Drawn over the letter before them."""
_UNSEEN: Final = re.compile(f"[{HIDERS}{_MARKS}]+")

_STYLED: Final = (range(0x2100, 0x2150), range(0x2460, 0x2500), range(0xFF01, 0xFF5F), range(0x1D400, 0x1D800))
"""Letters of another width or style: compatibility forms of one ASCII character."""
_SHAPES: Final = {
    "A": "\u0391\u0410", "B": "\u0392\u0412", "C": "\u0421\u03f9", "E": "\u0395\u0415", "H": "\u0397\u041d",
    "I": "\u0399\u0406\u04c0", "J": "\u0408\u037f", "K": "\u039a\u041a", "M": "\u039c\u041c", "N": "\u039d",
    "O": "\u039f\u041e\u0555", "P": "\u03a1\u0420", "S": "\u0405\u054f", "T": "\u03a4\u0422", "X": "\u03a7\u0425",
    "Y": "\u03a5\u04ae", "Z": "\u0396", "a": "\u0430\u0251", "c": "\u0441\u03f2", "d": "\u0501", "e": "\u0435",
    "g": "\u0261\u0581", "h": "\u04bb\u0570", "i": "\u0456\u03b9\u0131", "j": "\u0458\u03f3", "k": "\u03ba\u043a",
    "l": "\u04cf", "n": "\u0578", "o": "\u03bf\u043e\u0585", "p": "\u03c1\u0440", "q": "\u051b", "s": "\u0455",
    "u": "\u03c5\u057d", "v": "\u03bd\u0475", "w": "\u051d\u0561", "x": "\u0445\u03c7", "y": "\u0443", "z": "\u1d22",
    "-": "\u2010\u2011\u2212", "_": "\u02cd",
}  # fmt: skip
"""Letters of Greek, Cyrillic and Armenian, and dashes, that are drawn as the ASCII ones; facts of UTS 39."""


def _styled() -> Mapping[int, int]:
    plain = {code: unicodedata.normalize("NFKC", chr(code)) for block in _STYLED for code in block}
    return {code: ord(char) for code, char in plain.items() if len(char) == 1 and char.isascii()}


_PLAIN: Final = _styled()
_ASCII: Final = {**_PLAIN, **{ord(shape): ord(char) for char, shapes in _SHAPES.items() for shape in shapes}}
_FIRST_PLANE: Final = 0xFFFF
_WORD: Final = "[0-9A-Za-z_]"


def _members(codes: Iterable[int]) -> str:
    """*codes* as the inside of a class. Of the planes above the first, one range: `re` tries their members in turn."""
    near = "".join(re.escape(chr(code)) for code in sorted(codes) if code <= _FIRST_PLANE)
    return f"{near}{chr(_STYLED[-1].start)}-{chr(_STYLED[-1].stop - 1)}"


_DRAWN: Final = _members(_ASCII)
_STYLE: Final = _members(_PLAIN)
_LOOKALIKE: Final = re.compile(f"[{_DRAWN}](?:(?<={_WORD}.)|(?={_WORD})|(?<=[{_STYLE}])(?=[{_STYLE}]{{3}}))", re.DOTALL)
"""Among ASCII, or many of another style in a row: Greek in Greek, or one wide letter, is what it is.

It begins with the letter, not with what stands before it: `re` then skips to the first one, a hundred times as fast.
"""
_LETTER: Final = re.compile(f"[{_DRAWN}]")
_STRANGE: Final = re.compile(f"[{HIDERS}{_MARKS}{_DRAWN}]")
_ASCII_BYTES: Final = bytes(range(0x80))


@dataclass(frozen=True, slots=True)
class Bare:
    """Texts as they are seen."""

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
    """*texts* as they are seen; None when they are as they look."""
    if not any(_is_disguised(text) for text in texts):
        return None
    read = [_stripped(text) for text in texts]
    return Bare(tuple(text for text, _pieces in read), tuple(pieces for _text, pieces in read))


def _is_disguised(text: str) -> bool:
    if text.isascii():
        return False
    # What is not ASCII, alone: mostly a few dashes and quotes, which are sooner told from these than found in the text.
    strange = text.encode("utf-8", "surrogatepass").translate(None, _ASCII_BYTES).decode("utf-8", "surrogatepass")
    if _STRANGE.search(strange) is None:
        return False
    return _UNSEEN.search(text) is not None or _LOOKALIKE.search(text) is not None


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
    return _LETTER.sub(lambda found: chr(_ASCII.get(ord(found[0]), ord(found[0]))), "".join(kept)), tuple(pieces)


def _whole(pieces: Sequence[tuple[int, int]], place: int) -> int:
    """Where the character at *place* of the bare text stands in the whole one."""
    low, high = 0, len(pieces)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if pieces[middle][0] <= place else (low, middle)
    began, stands = pieces[low]
    return stands + place - began
