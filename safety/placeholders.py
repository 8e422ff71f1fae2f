"""Says whether a value only stands in for a secret or is made of ordinary words. It looks at nothing around it."""

import re
from collections.abc import Sequence
from functools import lru_cache
from math import log2
from operator import add
from string import ascii_lowercase
from typing import Final

from .gated import Gated
from .vocabulary import NOTHING, PAIRS, WORDS

_STAND_INS: Final = Gated(
    r"example|redacted|placeholder|change.?(?:me|it|this)|replace.?(?:me|with|this)|dummy|insert.?(?:your|here)|"
    r"your[-_ .]|to.?be.?(?:set|defined|filled)|not.?(?:set|a.?secret|real)|x{4,}|y{6,}|\*{3,}|\.{3,}|…|#{4,}|0{12,}|"
    r"deadbeef|\bfill.?(?:me|in)\b|a-fake|\bfake-",
    ignore_case=True,
)
_TEMPLATES: Final = re.compile(
    r"\$\{|\$\(|\$\[|\{\{|\}\}|#\{|<[^<>]*>|%\(|%[sdv]\b|\{[\w.:\- ]*\}|\[[A-Z _-]+\]|<%|%[A-Z_]+%|@@|\\\("
)
_IN_BRACES: Final = re.compile(r"\{[^{}\s\"',]{1,60}\}")
_EXPRESSION: Final = re.compile(r"\(\?[:i]|\[[^\]\s]*\w-\w[^\]\s]*\](?:[+*]|\{\d+(?:,\d*)?\})")
"""A regular expression, which says what secrets look like: `(?:`, or a class of ranges with how often."""
_VARIABLE: Final = re.compile(r"\$[A-Za-z_][A-Za-z0-9_.:>-]*|%[A-Za-z_]+%|@[a-z_.]+")
_SIGNS: Final = re.compile(r"[^0-9A-Za-z_./+=~,: -]")
"""Without one of them a value is no template, no regular expression and no variable."""
_PIECES: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NUMBERED: Final = Gated(
    r"ed25519|ed448|x25519|curve25519|secp\d{3}[kr]1|sha-?\d{1,3}|aes\d{3}|[reh]s256|x509|base(?:32|58|62|64)|crc32|"
    r"md5|utf-?8|oauth2|pkcs\d{1,2}",
    ignore_case=True,
)
"""Words that have numbers in them."""
_NO_LETTERS: Final = bytes(code for code in range(128) if not chr(code).islower())
_NUMBERS: Final = re.compile(r"\d+")
_COUNTING: Final = "01234567890123456789"
_SHORT: Final = 16
"""Up to this length a run of counted digits is an afterthought to a word; beyond it the whole is a token."""
_COMMON: Final = frozenset(
    {"123456", "12345678", "123456789", "1234567890", "12345", "1234", "123", "111111", "654321"}
)


def is_placeholder(value: str) -> bool:
    """Whether *value* is no secret: empty, a template, a stand-in, one character repeated."""
    bare = value.strip("\"'` \t")
    if not bare or bare.lower() in NOTHING or len(set(bare)) <= min(3, len(bare) // 4 + 1):
        return True
    if _SIGNS.search(bare) and (
        _IN_BRACES.fullmatch(bare) or _EXPRESSION.search(bare) or _TEMPLATES.search(bare) or _VARIABLE.fullmatch(bare)
    ):
        return True
    return _STAND_INS.search(bare)


def is_made_of_words(value: str) -> bool:
    """Whether *value* is nothing but everyday words of programs and documents, up to a short number at its end."""
    if value in _COMMON:
        return True
    numbers = _NUMBERS.findall(value)
    if numbers and _NUMBERED.search(value):
        value = _NUMBERED.exact.sub("key", value)
        numbers = _NUMBERS.findall(value)
    letters = [piece.lower() for piece in _PIECES.findall(value)]
    size = sum(map(len, letters))
    digits = sum(len(run) for run in numbers if run not in _COUNTING or len(value) > _SHORT)
    if size == 0 or digits > max(3, size // 3):
        return False
    least = 0.8 * size
    return _know(letters, size, least) or (len(letters) > 1 and _covers("".join(letters), least))


def _know(pieces: Sequence[str], size: int, least: float) -> bool:
    """Whether of *pieces*, which have *size* letters, *least* are in known words."""
    for piece in pieces:
        size -= len(piece) - _known(piece)
        if size < least:
            return False
    return True


def is_gibberish(value: str) -> bool:
    """Whether letters follow each other in *value* as they seldom do in words: drawn at random, or close to it."""
    letters = value.lower().encode("ascii", "ignore").translate(None, _NO_LETTERS).decode("ascii")
    pairs = len(letters) - 1
    return pairs > 0 and sum(map(PAIRS.__contains__, map(add, letters, letters[1:]))) < 0.55 * pairs


def bits(value: str) -> float:
    """Shannon entropy of *value* in bits a character; 0.0 for nothing."""
    told = _told(len(value)) if len(value) <= _OFTEN else _Told(len(value))
    return -sum([told[value.count(char)] for char in set(value)])


class _Told(dict[int, float]):
    """What a character adds to the entropy of a text of one length, by how often it is in there."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def __missing__(self, count: int) -> float:
        share = count / self._size
        self[count] = share * log2(share)
        return self[count]


_OFTEN: Final = 256
"""Lengths whose logarithms are kept."""


@lru_cache(maxsize=_OFTEN + 1)
def _told(size: int) -> _Told:
    return _Told(size)


_LETTERS: Final = 3


def _by_beginning() -> dict[str, tuple[tuple[str, int], ...]]:
    """The words that three letters may begin, or fewer at the end of a text, and how long each is."""
    found: dict[str, list[tuple[str, int]]] = {}
    for word in sorted(WORDS):
        begun = [word[:_LETTERS]]
        for _letter in range(len(word), _LETTERS):
            begun += [some + letter for some in begun for letter in ascii_lowercase if len(some) < _LETTERS]
        for letters in dict.fromkeys(begun):
            found.setdefault(letters, []).append((word, len(word)))
    return {begun: tuple(words) for begun, words in found.items()}


_BY_BEGINNING: Final = _by_beginning()
_LONGEST: Final = max(map(len, WORDS))


@lru_cache(maxsize=1024)
def _known(text: str) -> int:
    """How many letters of *text* the best cutting into known words covers. Only its start is read."""
    return len(text[:_READ]) - _left_over(text[:_READ], len(text))


def _covers(text: str, least: float) -> bool:
    """Whether that many letters are covered; what is drawn at random is soon seen not to be."""
    text = text[:_READ]
    return len(text) - _left_over(text, len(text) - least) >= least


_READ: Final = 128


def _left_over(text: str, most: float) -> int:
    """How many letters of *text* no cutting into known words covers; some number above *most* where that is more."""
    left = list(range(len(text) + 1))
    fewest = 0
    for start in range(len(text)):
        if left[start] < fewest:  # noqa: PLR1730 -- `min` takes thrice as long, here where the time goes
            fewest = left[start]
        if fewest > most and min(left[start + 1 : start + 1 + _LONGEST]) > most:
            return fewest
        for word, size in _BY_BEGINNING.get(text[start : start + _LETTERS], ()):
            if text.startswith(word, start) and fewest < left[start + size]:
                left[start + size] = fewest
        fewest += 1
    return min(fewest, left[-1])
