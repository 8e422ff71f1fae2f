"""Turns the example templates of leak rules into text, the same for the same seed. It never makes a real secret.

Templates keep the repository free of anything a secret scanner would stop at: `ghp_{base62:36}` is expanded only in
memory. Fields: `{base62:36}`, and the same for hex, HEX, base36, BASE36, base32, base58, bech32, base64, url64, digits,
lower and upper; `{uuid}`, `{jwt}`, `{jwe}`, `{nkey:U}`, `{crc:30}` (drawn, then their CRC-32), `{b64:TEXT}`,
`{pem:RSA }`, `{bech32of:HRP}` and `{xprv}` with their checksums, `{discord}`. Doubled braces are braces.
"""

import base64
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Final

from holdfast.contracts import Digest, OperatorError

from ..checksums import base58check, bech32
from .checks import base62, crc16

_DIGITS: Final = "0123456789"
_LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
_UPPER: Final = _LOWER.upper()
_ALPHABETS: Final = {
    "base62": _DIGITS + _UPPER + _LOWER,
    "hex": _DIGITS + "abcdef",
    "HEX": _DIGITS + "ABCDEF",
    "base36": _DIGITS + _LOWER,
    "BASE36": _DIGITS + _UPPER,
    "base32": _UPPER + "234567",
    "base58": _DIGITS[1:] + _UPPER.replace("I", "").replace("O", "") + _LOWER.replace("l", ""),
    "bech32": "023456789acdefghjklmnpqrstuvwxyz",
    "base64": _DIGITS + _UPPER + _LOWER + "+/",
    "url64": _DIGITS + _UPPER + _LOWER + "-_",
    "digits": _DIGITS,
    "lower": _LOWER,
    "upper": _UPPER,
}
_DRAW: Final = 2
"""Bytes a draw takes, so that every alphabet comes out nearly even."""
_XPRV: Final = bytes.fromhex("0488ade4")
"""Version bytes of a private key of the main network (BIP-32)."""
_FIELD: Final = re.compile(r"\{\{|\}\}|\{(\w+)(?::([^{}]*))?\}")


class _Draw:
    """A stream of characters that follows from its seed alone."""

    def __init__(self, seed: str) -> None:
        self._seed, self._block, self._bytes = seed, 0, b""

    def letters(self, alphabet: str, count: int) -> str:
        return "".join(alphabet[self._number() % len(alphabet)] for _ in range(count))

    def raw(self, count: int) -> bytes:
        return bytes(self._number() % 256 for _ in range(count))

    def _number(self) -> int:
        if len(self._bytes) < _DRAW:
            self._bytes += bytes.fromhex(Digest.of(f"{self._seed}\n{self._block}".encode()).hex)
            self._block += 1
        number, self._bytes = int.from_bytes(self._bytes[:_DRAW], "big"), self._bytes[_DRAW:]
        return number


def expand(template: str, seed: int = 0) -> str:
    """*template* with every field drawn from *seed*.

    Raises: OperatorError for an unknown field.
    """
    draw = _Draw(f"{seed}\n{template}")
    return _FIELD.sub(lambda found: _field(found, draw), template)


def _field(found: re.Match[str], draw: _Draw) -> str:
    if found[1] is None:
        return found[0][0]
    kind, detail = found[1], found[2] or ""
    if kind in _ALPHABETS:
        return draw.letters(_ALPHABETS[kind], int(detail))
    if kind not in _MADE:
        raise OperatorError(f"a specimen has no field `{kind}`")
    return _MADE[kind](detail, draw)


def _uuid(_detail: str, draw: _Draw) -> str:
    return "-".join(draw.letters(_ALPHABETS["hex"], size) for size in (8, 4, 4, 4, 12))


def _crc(detail: str, draw: _Draw) -> str:
    body = draw.letters(_ALPHABETS["base62"], int(detail))
    return body + base62(zlib.crc32(body.encode("ascii")))


def _bech32(prefix: str, draw: _Draw) -> str:
    written = bech32(prefix.lower(), draw.raw(32))
    return written.upper() if prefix.isupper() else written


def _xprv(_detail: str, draw: _Draw) -> str:
    return base58check(_XPRV + draw.raw(74))


def _discord(_detail: str, draw: _Draw) -> str:
    return base64.urlsafe_b64encode(draw.letters(_DIGITS[1:], 18).encode()).decode("ascii")


def _b64(detail: str, _draw: _Draw) -> str:
    return base64.b64encode(expand(detail.replace("[", "{").replace("]", "}")).encode()).decode("ascii")


def _pem(detail: str, draw: _Draw) -> str:
    body = "\n".join(draw.letters(_ALPHABETS["base64"], 64) for _ in range(6))
    dashes = "-" * 5
    return f"{dashes}BEGIN {detail}PRIVATE KEY{dashes}\n{body}\n{dashes}END {detail}PRIVATE KEY{dashes}"


def _segments(*segments: bytes) -> str:
    return ".".join(base64.urlsafe_b64encode(segment).rstrip(b"=").decode("ascii") for segment in segments)


def _jwt(_detail: str, draw: _Draw) -> str:
    subject = draw.letters(_DIGITS, 10).encode()
    return _segments(b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"' + subject + b'"}', draw.raw(32))


def _jwe(_detail: str, draw: _Draw) -> str:
    return _segments(b'{"alg":"dir","enc":"A256GCM"}', b"", draw.raw(12), draw.raw(48), draw.raw(16))


def _nkey(kind: str, draw: _Draw) -> str:
    """A NATS seed: two prefix bytes for `S` and *kind*, 32 bytes, CRC-16, in base32."""
    public = {"U": 20 << 3, "A": 0, "O": 14 << 3, "N": 13 << 3, "C": 2 << 3, "X": 23 << 3}[kind]
    body = bytes([(18 << 3) | (public >> 5), (public & 31) << 3]) + draw.raw(32)
    return base64.b32encode(body + crc16(body).to_bytes(2, "little")).decode("ascii").rstrip("=")


_MADE: Final[Mapping[str, Callable[[str, _Draw], str]]] = {
    "uuid": _uuid,
    "jwt": _jwt,
    "jwe": _jwe,
    "nkey": _nkey,
    "crc": _crc,
    "bech32of": _bech32,
    "xprv": _xprv,
    "discord": _discord,
    "b64": _b64,
    "pem": _pem,
}
"""How fields are drawn that are more than letters of an alphabet."""
