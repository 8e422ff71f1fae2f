"""Which characters read as which letter, and which do not show at all; it never changes a text.

A character reads as a letter when its skeleton (compatibility decomposition without marks, then case folding) is that
letter, or when its shape is: the shapes are facts of Unicode's confusables data (UTS 39), listed here for the letters
of `tool_output` only.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Final

PLANES: Final = (
    range(0x3400),
    range(0xA000, 0xAC00),
    range(0xD7B0, 0xD800),
    range(0xE000, 0x17000),
    range(0x18D00, 0x20000),
    range(0xE0000, 0xE1000),
)
"""Where characters may show as letters or not at all: everything but ideographs and Hangul syllables."""

_NEVER_ASSIGNED = r"\ud800-\udfff\U00040000-\U000dffff\U000e1000-\U0010ffff"

SHAPES: Final = {
    "t": "\u03c4\u0442\u2ca7\u13a2\ua4d4\u22a4\u27d9\U0001f768\U00016f0a\U000118bc\U000118dc\U00010297\U000102b1"
    "\U00010315\u1d1b\u0167\u01ab\u01ad\u0288\u0236\u2c66\u1d75\u2020\ua787\u24af\U0001f163\U0001f183\U0001f1f9"
    "\u252c\u2533\u3112\u4e05\u4e01",
    "o": "\u03bf\u03c3\u2c9f\u043e\u10ff\u0585\u05e1\u0647\u06be\u06c1\u06d5\u0d20\u101d\U000104ea\U000118c8"
    "\U000118d7\U0001042c0\u0966\u0a66\u0ae6\u0be6\u0c66\u0ce6\u0d66\u0e50\u0ed0\u1040\u0665\u06f5\u07c0\u09e6\u0b66"
    "\u3007\U000114d0\U000118e0\U0001fbf0\u1d0f\u1d11\uab3d\u2d54\u12d0\u0b20\ua4f3\U000118b5\U000118d5\U00010292"
    "\U000102ab\U00010516\u00f8\u0275\ua74b\ua74d\u2c7a\u25cb\u25ef\u24aa\U0001f15e\U0001f17e\U0001f1f4"
    "\u0c02\u0c82\u0d02\u0d82\u0298\u03b8\u04e9\u0473\u2295\u2296\u2297\u2299\u25cc\u25cf\u2b55\u30ed\u3147\u53e3\u56d7",
    "l": "i1|!\u0131\u0456\u03b9\u04cf\u01c0\u2223\u23fd\uffe8\u0627\u0661\u06f1\u05df\u05d5\u07ca\u2d4f\u16c1\ua4f2"
    "\U00016f28\U0001028a\U00010309\ua4e1\u13de\u14aa\U0001041b\U00010443\U00016f16\U000118a3\U000118c3\U000118b2"
    "\U000118d2\u2cd1\u029f\u0142\u019a\u026b\u026c\u026d\u2c61\u0234\u1d0c\ua749\U0001fbf1\u24a7\U0001f15b\U0001f17b"
    "\U0001f1f1\u0269\u01c3\u026a\u2373\u13a5\uab75\u2d51\ua647\u2c93\U00010320\U00010526\U0001d22a\u2502\u2503"
    "\u2758\u23b8\u4e28\u3021\u30ec\u4e5a",
    "u": "\u03c5\u057d\u028b\u1d1c\ua79f\uab4e\uab52\U000104f6\U000118d8\u222a\u22c3\u1200\u144c\ua4f4\U00016f42"
    "\u028a\u03bc\u0446\u1d99\ua7b9\u24b0\U0001f164\U0001f184\U0001f1fa\u2294",
    "p": "\u0440\u03c1\u03f1\u2374\u2ca3\u13e2\u146d\ua4d1\U00010295\u1d29\u00fe\u1d18\u01a5\u1d71\u1d7d\u1d88\ua751"
    "\ua753\ua755\u20bd\u01bf\u24ab\U0001f15f\U0001f17f\U0001f18a\U0001f1f5\u5369\u5c38",
    "_": "-.:\u00b7\u02cd\u02d7\u2010\u2011\u2012\u2013\u2014\u2015\u203f\u2040\u2054\u2212\u30fb\uff65"
    "\u02d0\u02f8\u0589\u0903\u0a83\u16ec\u1803\u1809\u2043\u205a\u2236\u2796\u2cbb\ua4f8\ua4fd\ua60e\ua789\u2581\u2500\u2501"
    "\u23af\u23bd\u2e3a\u2e3b",
    "/": "\u2215\u2044\u2571\u29f8\u1735\u2041\u27cb\u3033\u2f03\u31d3\u4e3f\u2cc6\U0001d23a\u30ce",
    "<": "\u2039\u276e\u02c2\U0001d236\u1438\u16b2\u27e8\u2329\u3008\u276c\u2770\u29fc"
    "\u00ab\u226a\u227a\u22d6\u27ea\u300a\u22b2\u25c1\u25c3\u2264",
}
"""Skeletons that look like the key. `|`, `!`, `1` and `i` are how fonts draw an `l`, `0` an `o`."""

TWO: Final = {"oo": "\u221e\ua74f\ua699"}
"""Skeletons that look like two of those letters."""

_HIDDEN_MARKS = frozenset({"Mn", "Me", "Cf"})
_BLANK_LETTERS = "\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5\ufffc"
"""Letters and symbols without a shape: Hangul fillers, the blank Braille pattern, Khmer inherent vowels."""


def skeleton(char: str) -> str:
    """What is left of *char* when style, marks and case are taken away; empty for what does not show."""
    once = _unmarked(char).casefold()
    return _unmarked(once).casefold()


def read_as(text: str) -> str:
    """Fold *text* to the letters it reads as, without spaces and without what does not show."""
    shapes = _shape_table()
    return "".join(shapes.get(char, char) for char in skeleton(text) if not does_not_show(char))


def does_not_show(char: str) -> bool:
    """Whether *char* is a space, a control, a mark, a format character or another that leaves no ink of its own."""
    category = unicodedata.category(char)
    return category[0] in "ZC" or category in _HIDDEN_MARKS or char in _BLANK_LETTERS or char.isspace()


@cache
def letterforms() -> dict[str, str]:
    """For each key of `SHAPES` and `TWO` the body of a regular-expression class of every character that reads as it."""
    shapes = _shape_table()
    found = {key: {ord(shape) for shape in drawn} for key, drawn in (SHAPES | TWO).items()}
    for plane in PLANES:
        for char in map(chr, plane):
            if char.isascii() or char.casefold() != char or unicodedata.decomposition(char):
                folded = skeleton(char).strip()
                key = shapes.get(folded, folded)
                if key in found:
                    found[key].add(ord(char))
    return {key: _class_body(sorted(points)) for key, points in found.items()}


@cache
def unseen() -> str:
    """The body of a regular-expression class of every character that does not show, or is a mark on nothing."""
    return (
        _class_body(ord(char) for plane in PLANES for char in map(chr, plane) if _reads_as_nothing(char))
        + _NEVER_ASSIGNED
    )


def _reads_as_nothing(char: str) -> bool:
    return does_not_show(char) or (bool(unicodedata.decomposition(char)) and not skeleton(char).strip())


def _unmarked(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    if decomposed.isascii():
        return decomposed
    return "".join(char for char in decomposed if unicodedata.category(char) not in _HIDDEN_MARKS)


@cache
def _shape_table() -> dict[str, str]:
    return {shape: key for key, shapes in (SHAPES | TWO).items() for shape in shapes}


def _class_body(points: Iterable[int]) -> str:
    """Write *points*, ascending, as ranges."""
    ranges: list[list[int]] = []
    for point in points:
        if ranges and point == ranges[-1][1] + 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
