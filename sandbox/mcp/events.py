"""Cuts server-sent events out of a byte stream, under a cap, and writes them anew. It reads nothing they say."""

from collections.abc import Iterator
from typing import Final

from holdfast.contracts import TooLarge

from .answers import MAX_MESSAGE_BYTES

END: Final = b": end\n\n"
"""A comment: what the consumer of a stream sees after its answer."""


def event_of(data: bytes) -> bytes:
    """One event of the kind `message` that carries *data*."""
    lines = b"".join(b"data: " + line + b"\n" for line in data.split(b"\n"))
    return b"event: message\n" + lines + b"\n"


class EventLines:
    """The data of each event of a stream; other fields, ids among them, are dropped."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of each event that *chunk* completes.

        Raises: TooLarge when one is larger than a message may be.
        """
        searched = max(0, len(self._held) - 1)
        self._held += chunk
        while (end := self._held.find(b"\n", searched)) >= 0:
            line = bytes(self._held[:end]).removesuffix(b"\r")
            del self._held[: end + 1]
            searched = 0
            data = self._line(line)
            if data:
                yield data
        if len(self._held) + self._size > MAX_MESSAGE_BYTES:
            raise TooLarge(f"an event is longer than {MAX_MESSAGE_BYTES} bytes")

    def _line(self, line: bytes) -> bytes:
        if not line:
            whole, self._data, self._size = b"\n".join(self._data), [], 0
            return whole
        field, _colon, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value) + 1
        return b""
