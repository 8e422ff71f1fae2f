"""The checksums of base58check and bech32, taken and told. It decides nothing about a match."""

import hashlib
from collections.abc import Sequence
from typing import Final

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
"""Of the BCH code of bech32 (BIP-173)."""
BECH32: Final = 1
BECH32M: Final = 0x2BC830A3
"""What that code comes to where it holds, in bech32 (BIP-173) and in bech32m (BIP-350)."""
_CHECK_BYTES: Final = 4
_CHECK_WORDS: Final = 6
_WORD: Final = 5
"""Bits of a letter of bech32."""


def base58check(body: bytes) -> str:
    """*body* and the first bytes of its SHA-256 taken twice, in base58."""
    number = int.from_bytes(body + _twice(body), "big")
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = _BASE58[digit] + digits
    return "1" * (len(body) - len(body.lstrip(b"\0"))) + digits


def holds_base58check(value: str, size: int | None = None) -> bool:
    """Whether the last four bytes of *value* are the checksum of those before; of *size* bytes in all, if given."""
    number = 0
    for char in value:
        digit = _BASE58.find(char)
        if digit < 0:
            return False
        number = number * 58 + digit
    needed = (number.bit_length() + 7) // 8
    if size is not None and needed > size:
        return False
    raw = number.to_bytes(needed if size is None else size, "big")
    return len(raw) > _CHECK_BYTES and raw[-_CHECK_BYTES:] == _twice(raw[:-_CHECK_BYTES])


def bech32(prefix: str, body: bytes) -> str:
    """*body* after *prefix*, with its checksum, in lower case."""
    bits = int.from_bytes(body, "big") << (-len(body) * 8 % _WORD)
    count = -(-len(body) * 8 // _WORD)
    return bech32_words(prefix, [(bits >> _WORD * (count - 1 - at)) & 31 for at in range(count)])


def bech32_words(prefix: str, words: Sequence[int]) -> str:
    """*words* of five bits after *prefix*, with their checksum, in lower case."""
    rest = _remainder([*_expanded(prefix), *words, *[0] * _CHECK_WORDS]) ^ BECH32
    check = [(rest >> _WORD * (_CHECK_WORDS - 1 - at)) & 31 for at in range(_CHECK_WORDS)]
    return prefix + "1" + "".join(_BECH32[word] for word in (*words, *check))


def holds_bech32(value: str, *sums: int) -> bool:
    """Whether *value*, all in one case, ends in the checksum of what stands before: one of *sums*, or bech32's."""
    prefix, _one, data = value.lower().rpartition("1")
    if not prefix or any(char not in _BECH32 for char in data):
        return False
    return _remainder([*_expanded(prefix), *(_BECH32.index(char) for char in data)]) in (sums or (BECH32,))


def _twice(body: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(body).digest()).digest()[:_CHECK_BYTES]


def _expanded(prefix: str) -> list[int]:
    return [*(ord(char) >> _WORD for char in prefix), 0, *(ord(char) & 31 for char in prefix)]


def _remainder(words: list[int]) -> int:
    rest = 1
    for word in words:
        top, rest = rest >> 25, (rest & 0x1FFFFFF) << _WORD ^ word
        for at, generator in enumerate(_GENERATORS):
            rest ^= generator if top >> at & 1 else 0
    return rest
