"""Says whether a value only stands in for a secret or is made of ordinary words. It looks at nothing around it."""

import re
from functools import lru_cache
from math import log2
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
_LONGEST: Final = max(map(len, WORDS))
_PIECES: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NUMBERED: Final = re.compile(
    r"ed25519|ed448|x25519|curve25519|secp\d{3}[kr]1|sha-?\d{1,3}|aes\d{3}|[reh]s256|x509|base(?:32|58|62|64)|crc32|"
    r"md5|utf-?8|oauth2|pkcs\d{1,2}",
    re.IGNORECASE,
)
"""Words that have numbers in them."""
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
    if _IN_BRACES.fullmatch(bare) or _EXPRESSION.search(bare):
        return True
    return bool(_STAND_INS.search(bare) or _TEMPLATES.search(bare) or _VARIABLE.fullmatch(bare))


def is_made_of_words(value: str) -> bool:
    """Whether *value* is nothing but everyday words of programs and documents, up to a short number at its end."""
    if value in _COMMON:
        return True
    value = _NUMBERED.sub("key", value)
    letters = [piece.lower() for piece in _PIECES.findall(value)]
    size = sum(map(len, letters))
    digits = sum(len(run) for run in _NUMBERS.findall(value) if run not in _COUNTING or len(value) > _SHORT)
    if size == 0 or digits > max(3, size // 3):
        return False
    return _known("".join(letters)) >= 0.8 * size or sum(map(_known, letters)) >= 0.8 * size


def is_gibberish(value: str) -> bool:
    """Whether letters follow each other in *value* as they seldom do in words: drawn at random, or close to it."""
    letters = "".join(char for char in value.lower() if "a" <= char <= "z")
    pairs = [letters[at : at + 2] for at in range(len(letters) - 1)]
    return bool(pairs) and sum(pair in PAIRS for pair in pairs) < 0.55 * len(pairs)


def bits(value: str) -> float:
    """Shannon entropy of *value* in bits a character; 0.0 for nothing."""
    size = len(value)
    counts = [value.count(char) for char in set(value)]
    return -sum(count / size * log2(count / size) for count in counts)


@lru_cache(maxsize=1024)
def _known(text: str) -> int:
    """How many letters of *text* the best cutting into known words covers. Quadratic, so only its start is read."""
    text = text[:128]
    best = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        best[end] = best[end - 1]
        for start in range(max(0, end - _LONGEST), end):
            if text[start:end] in WORDS:
                best[end] = max(best[end], best[start] + end - start)
    return best[-1]
