r"""Takes secrets out of what the far side answers, however it writes them. What cannot be searched is withheld whole.

What is found: a value as it is, in other letter case, backwards, in base64 of either alphabet at any offset (of UTF-16
too), base32, hexadecimal with anything between the digits, a list of decimal bytes, UTF-16, over several lines; each of
these behind percent-encoding, `\u` and `\x` escapes and HTML entities, three deep; and in a body that is itself gzip.
What somebody who has the secret makes of it on purpose (another cipher, one letter at a time) cannot be found: a secret
goes only to a host that is trusted with it.
"""

import base64
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Secret
from holdfast.contracts.limits import MIB

from .unescaping import (
    LEVELS,
    TooManyEscapes,
    View,
    digits,
    digits_view,
    squeezed,
    squeezed_view,
    unescaped,
    without_breaks,
)

MARK: Final = b"[REDACTED:secret]"
MOST_PLACES: Final = 1000
"""Of one text and one writing. An answer that says a secret more often is withheld whole: marking it stays cheap."""

_ENCODED: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789+/")
"""Both of base64 and of base32."""
_INFLATED_BYTES: Final = 10 * MIB
_COMPRESSED: Final = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")
_EITHER: Final = zlib.MAX_WBITS | 32
"""gzip or zlib, by its head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needle:
    """Folded bytes to look for."""

    text: bytes
    edges: frozenset[int] = frozenset()
    """Characters of which one more holds some of the bits, before it or after it."""
    before: bool = False
    after: bool = False

    def places(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Where it stands in *text*, with its edges. Raises: _Everywhere."""
        at, count = text.find(self.text), 0
        while at >= 0:
            count += 1
            if count > MOST_PLACES:
                raise _Everywhere
            end = at + len(self.text)
            before = self.before and at > 0 and text[at - 1] in self.edges
            after = self.after and end < len(text) and text[end] in self.edges
            yield at - before, end + after
            at = text.find(self.text, at + 1)


class SecretScrubber:
    """Looks for the secrets it was made with. Says nothing of them when it is printed."""

    __slots__ = ("_digits", "_needles", "_wanted")

    def __init__(self, secrets: Sequence[Secret]) -> None:
        """Look for *secrets*, which are printable ASCII."""
        values = [secret.reveal() for secret in secrets]
        self._needles = tuple(dict.fromkeys(one for value in values for one in _needles(value)))
        self._digits = tuple(dict.fromkeys(one for value in values for one in _hexadecimal(value)))
        self._wanted = (
            frozenset(byte for value in values for byte in value.lower()) | _ENCODED | frozenset(b"=_-,%\\&#;")
        )

    def scrub(self, data: bytes) -> bytes:
        """*data* with `MARK` where a secret stood; only `MARK` when that cannot be told or stood all over."""
        if self._compressed_with(data):
            return MARK
        try:
            spans = self._spans(data)
        except (TooManyEscapes, _Everywhere):
            return MARK
        return _marked(data, spans)

    def holds(self, data: bytes) -> bool:
        """Whether `scrub` would change *data*."""
        return self.scrub(data) != data

    def _compressed_with(self, data: bytes) -> bool:
        """Whether *data* is compressed, and what is inside holds a secret or is too much to be looked at."""
        if not data.startswith(_COMPRESSED):
            return False
        try:
            inside = _inflated(data)
        except (zlib.error, _Everywhere):
            return True
        # One compressed thing in another is not unpacked for ever: there is one that unpacks to itself.
        return inside.startswith(_COMPRESSED) or self.holds(inside)

    def _spans(self, data: bytes) -> list[tuple[int, int]]:
        view: View | None = View(data.lower())
        spans: list[tuple[int, int]] = []
        for _level in range(LEVELS + 1):
            if view is None:
                break
            broken = without_breaks(view)
            spans += () if broken is None else self._found(broken)
            spans += self._found(view)
            view = unescaped(view, self._wanted)
        return spans

    def _found(self, view: View) -> Iterator[tuple[int, int]]:
        folded = squeezed(view.text)
        hits = [hit for needle in self._needles for hit in needle.places(folded)]
        if hits:
            back = squeezed_view(view)
            yield from (back.origin(*hit) for hit in hits)
        folded = digits(view.text)
        hits = [hit for needle in self._digits for hit in needle.places(folded)]
        if hits:
            back = digits_view(view)
            yield from (back.origin(*hit) for hit in hits)


class _Everywhere(Exception):
    """A secret stands in more places than are marked one by one."""


def _inflated(data: bytes) -> bytes:
    """All members of *data*. Raises: zlib.error; _Everywhere when it is more than would be answered."""
    inside = b""
    while data.startswith(_COMPRESSED):
        inflating = zlib.decompressobj(_EITHER)
        inside += inflating.decompress(data, _INFLATED_BYTES)
        if inflating.unconsumed_tail or len(inside) > _INFLATED_BYTES:
            raise _Everywhere
        data = inflating.unused_data
    return inside + data


def _marked(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    if not spans:
        return data
    pieces: list[bytes] = []
    done = 0
    for start, end in sorted(spans):
        if start > done or not pieces:
            pieces += (data[done:start], MARK)
        done = max(done, end)
    return b"".join((*pieces, data[done:]))


def _needles(value: bytes) -> Iterator[_Needle]:
    """*value* in every writing that is not hexadecimal, folded as the text is."""
    listed = ",".join(map(str, value)).encode()
    for plain in (value, value.replace(b" ", b"+"), value[::-1], listed):
        yield _Needle(text=squeezed(plain.lower()))
    for written in (value, value.decode("ascii").encode("utf-16-le")):
        yield from (_core(base64.b64encode, written, before, bits=6) for before in range(3))
    yield from (_core(base64.b32encode, value, before, bits=5) for before in range(5))


def _hexadecimal(value: bytes) -> Iterator[_Needle]:
    yield _Needle(text=value.hex().encode())
    yield _Needle(text="".join(f"0{byte:02x}" for byte in value).encode())  # 0x61, 0x62: the x is gone


def _core(encode: Callable[[bytes], bytes], value: bytes, before: int, *, bits: int) -> _Needle:
    """The characters of *value*, encoded after *before* other bytes, that those and what follows do not touch."""
    whole = encode(bytes(before) + value + bytes(5))
    first, begun = divmod(8 * before, bits)
    last, left = divmod(8 * (before + len(value)), bits)
    text = squeezed(whole[first + (begun > 0) : last].lower())
    return _Needle(text=text, edges=_ENCODED, before=begun > 0, after=left > 0)
