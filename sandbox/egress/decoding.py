"""Decompresses an answer in pieces, under a limit; never holds more than the limit and one piece."""

import zlib
from collections.abc import AsyncIterable, Iterator
from typing import Final

from holdfast.contracts import Refusal, ToolError

from .refusals import refused

_PIECE: Final = 1 << 16
_HEAD: Final = 2
"""Bytes of a zlib header."""
_GZIP: Final = zlib.MAX_WBITS | 16
_ZLIB_OR_RAW: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


async def read_body(chunks: AsyncIterable[bytes], *, encoding: str, most_bytes: int) -> bytes:
    """All of *chunks*, decompressed from *encoding* (a `Content-Encoding`, or nothing).

    Raises: Refusal `egress/response-too-large` past *most_bytes*, counted both as received and as decompressed;
    ToolError when the compression is broken, unknown or more than one.
    """
    decoder = _decoder(encoding)
    body = bytearray()
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        for piece in decoder.pieces(chunk):
            body += piece
            if len(body) > most_bytes:
                raise too_large(most_bytes)
        if received > most_bytes:
            raise too_large(most_bytes)
    decoder.finish()
    return bytes(body)


def too_large(most_bytes: int) -> Refusal:
    """The answer is over the limit."""
    return refused(
        "response-too-large",
        f"the answer is over {most_bytes} bytes once it is decompressed; ask for a part of it",
        remedy="raise `http_response_bytes` under `[limits]`",
    )


def _decoder(encoding: str) -> "_Identity | _Inflater":
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return _Identity()
    if name not in _ZLIB_OR_RAW:
        raise ToolError("the answer is compressed in a way that was not asked for")
    return _Inflater(_ZLIB_OR_RAW[name])


class _Identity:
    """Nothing to undo."""

    def pieces(self, chunk: bytes) -> tuple[bytes, ...]:
        """*chunk* as it is."""
        return (chunk,)

    def finish(self) -> None:
        """Nothing is owed."""


class _Inflater:
    """gzip, or deflate with or without its zlib wrapping, which servers have never agreed on."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._inflate = zlib.decompressobj(window)
        self._begun = False
        self._head = b""

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """*chunk* decompressed, at most 64 KiB at a time. Raises: ToolError when it cannot be."""
        waiting = self._head + chunk
        if not self._begun and len(waiting) < _HEAD:  # too little to tell the wrapping by
            self._head = waiting
            return
        self._head = b""
        while waiting:
            piece = self._inflated(waiting)
            waiting = self._inflate.unconsumed_tail or self._next_member()
            yield piece

    def _inflated(self, data: bytes) -> bytes:
        first, self._begun = not self._begun, True
        try:
            return self._inflate.decompress(data, _PIECE)
        except zlib.error:
            if not first or self._window != zlib.MAX_WBITS:
                raise ToolError("the compressed answer is broken") from None
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            return self._inflate.decompress(data, _PIECE)
        except zlib.error:
            raise ToolError("the compressed answer is broken") from None

    def _next_member(self) -> bytes:
        """What follows the end of one gzip member is another; of anything else it is rubbish, and left."""
        if not self._inflate.eof or self._window != _GZIP or not self._inflate.unused_data:
            return b""
        rest = self._inflate.unused_data
        self._inflate = zlib.decompressobj(self._window)
        return rest

    def finish(self) -> None:
        """Raises: ToolError when the end is missing."""
        if self._head or (self._begun and not self._inflate.eof):
            raise ToolError("the compressed answer breaks off")
