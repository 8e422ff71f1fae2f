"""Remembers what labelled texts looked like, to say that an argument resembles one. Advisory: it clears nothing.

Texts are reduced to letters and digits in folded case. Of what is learned the hash of 16 bytes is kept at every eighth
byte; an argument is compared at every byte, so a common run of 23 characters is always found while it is remembered.
Hashes are Python's own: they mean nothing in another process and are never written down.
"""

import binascii
import re
import struct
import sys
import unicodedata
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from holdfast.contracts import Label

GRAM: Final = 16
"""Bytes of one fingerprint."""
STRIDE: Final = 8
"""Bytes between two that are kept."""
FOUND: Final = GRAM + STRIDE - 1
"""Characters of a common run that is always found."""
MAX_HASHES: Final = 16_384
"""Kept for one label: the newest 128 KB of letters and digits."""
_ROOM: Final = 1024
"""Hashes dropped beyond what is needed, so that making room is rare."""
_BATCH: Final = 512
"""Fingerprints taken in one go."""
_MOST_BYTES: Final = (MAX_HASHES - _ROOM) * STRIDE
_INT_BYTES: Final = 36
_DEQUE_SLOT: Final = 8

_NO_LETTERS: Final = bytes(byte for byte in range(0x80) if not chr(byte).isalnum())
_NO_WORD: Final = re.compile(r"[^\w\x00-\x7f]+")
_LOWER: Final = bytes(range(256)).lower()

_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{22,}(?:[\r\n]{1,2}[A-Za-z0-9+/_-]+)*")
_BREAKS: Final = re.compile(r"[\r\n]+")
_STANDARD: Final = str.maketrans("-_", "+/")
_HEX: Final = re.compile(rb"[0-9a-f]{32,}")
_DIGITS: Final = b"x" * 22
"""A run of digits of an encoding, as the tables below show it: 22 of base64 are 16 bytes."""


def _table(digits: bytes) -> bytes:
    return bytes(ord("x") if byte in digits else ord(" ") for byte in range(256))


_AS_BASE64: Final = _table(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
_AS_HEX: Final = _table(b"0123456789abcdef")


class Fingerprints:
    """What one session has read, by label."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[Label, _Kept] = {}

    def learn(self, text: str, labels: frozenset[Label]) -> None:
        """Remember *text* under *labels*; the oldest is forgotten where there is no room."""
        if not labels:
            return
        reduced = _reduced(text)[-_MOST_BYTES:]
        hashes = _hashes(reduced)
        for label in labels:
            self._kept.setdefault(label, _Kept()).add(hashes)

    def resembles(self, text: str, label: Label) -> bool:
        """Whether *text*, or what it decodes to, has a long run in common with something of *label*."""
        kept = self._kept.get(label)
        return kept is not None and any(kept.knows(form) for form in _forms(text))

    def resembled(self, text: str) -> frozenset[Label]:
        """The labels that *text* resembles something of."""
        return frozenset(label for label in self._kept if self.resembles(text, label))

    @property
    def size_bytes(self) -> int:
        """Memory held, about."""
        return sum(kept.size_bytes for kept in self._kept.values())

    @property
    def count(self) -> int:
        """Hashes held, over all labels."""
        return sum(len(kept.known) for kept in self._kept.values())


class _Kept:
    """The hashes of one label, the oldest first."""

    __slots__ = ("known", "order")

    def __init__(self) -> None:
        self.known: set[int] = set()
        self.order: deque[int] = deque()

    def add(self, hashes: list[int]) -> None:
        fresh = [each for each in dict.fromkeys(hashes) if each not in self.known]
        self.order.extend(fresh)
        self.known.update(fresh)
        if len(self.order) > MAX_HASHES:
            self._forget(len(self.order) - MAX_HASHES + _ROOM)

    def _forget(self, many: int) -> None:
        """Drop the oldest, a few more than need be, and the table they leave too large."""
        self.known.difference_update([self.order.popleft() for _ in range(many)])
        self.known = set(self.known)

    def knows(self, reduced: bytes) -> bool:
        """Whether any 16 bytes of *reduced* are known."""
        isdisjoint, size = self.known.isdisjoint, len(reduced)
        for offset in range(GRAM):
            for start in range(offset, size - GRAM + 1, GRAM * _BATCH):
                grams = _grams(min(_BATCH, (size - start) // GRAM)).unpack_from(reduced, start)
                if not isdisjoint(map(hash, grams)):
                    return True
        return False

    @property
    def size_bytes(self) -> int:
        return sys.getsizeof(self.known) + len(self.known) * (_INT_BYTES + _DEQUE_SLOT)


def _reduced(text: str) -> bytes:
    """Letters and digits of *text*, in folded case, as UTF-8."""
    if text.isascii():
        return text.encode("ascii").translate(_LOWER, _NO_LETTERS)
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    return _NO_WORD.sub("", text.casefold()).encode("utf-8", "ignore").translate(None, _NO_LETTERS)


def _hashes(reduced: bytes) -> list[int]:
    """The hash of every 16 bytes that start at a multiple of eight."""
    return [hash(reduced[start : start + GRAM]) for start in range(0, len(reduced) - GRAM + 1, STRIDE)]


@lru_cache(maxsize=_BATCH)
def _grams(many: int) -> struct.Struct:
    return struct.Struct(f"{GRAM}s" * many)


def _forms(text: str) -> Iterator[bytes]:
    """*text* reduced: as it is, backwards, and as whatever in it decodes to."""
    plain = _reduced(text)
    if len(plain) < GRAM:
        return
    yield plain
    yield plain[::-1] if text.isascii() else _reduced(text[::-1])
    if "%" in text:
        yield _reduced(unquote(text))
    if _DIGITS in text.encode("utf-8", "ignore").translate(_AS_BASE64):
        for found in _BASE64.finditer(text):
            yield _reduced(_from_base64(found[0]))
    if _DIGITS in plain.translate(_AS_HEX):
        for run in _HEX.finditer(plain):
            yield from (_reduced(_from_hex(run[0][start:])) for start in (0, 1))


def _from_base64(run: str) -> str:
    """What *run*, with or without line breaks, in the standard or the URL alphabet, decodes to."""
    digits = _BREAKS.sub("", run).translate(_STANDARD)
    whole = digits[: len(digits) - (len(digits) % 4 == 1)]
    return binascii.a2b_base64(whole + "=" * (-len(whole) % 4)).decode("utf-8", "ignore")


def _from_hex(run: bytes) -> str:
    return binascii.unhexlify(run[: len(run) // 2 * 2]).decode("utf-8", "ignore")
