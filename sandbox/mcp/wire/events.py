"""Cuts server-sent events out of a byte stream, under a cap, and writes them anew. It reads nothing they say."""

from collections.abc import Iterator
from typing import Final

from holdfast.contracts import TooLarge

from ..answers import MAX_MESSAGE_BYTES

DEFAULT_RETRY_MS: Final = 1_000
_FIELD_BYTES: Final = 1_025
"""Of an id or a time to wait; a longer one is none."""

END: Final = b": end\n\n"
"""A comment: what the consumer of a stream sees after its answer."""


def event_of(data: bytes) -> bytes:
    """One event of the kind `message` that carries *data*."""
    lines = b"".join(b"data: " + line + b"\n" for line in data.split(b"\n"))
    return b"event: message\n" + lines + b"\n"


class EventLines:
    """The data of each event of a stream. Of the other fields only the kind, and where and when to go on, are kept."""

    event: bytes = b""
    """The kind of the event that was handed out last; empty for a plain one."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._kind = b""
        self.last_id = ""
        """Where to go on from; empty when the server did not say."""
        self.retry_ms = DEFAULT_RETRY_MS
        """How long the server wants a client to wait before it does."""

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
            self.event, self._kind = self._kind, b""
            return whole
        field, _colon, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value) + 1
        elif field == b"event":
            self._kind = value.removeprefix(b" ")
        elif field == b"id" and len(value) <= _FIELD_BYTES:
            self.last_id = value.removeprefix(b" ").decode("utf-8", "replace")
        elif field == b"retry" and len(value) <= _FIELD_BYTES and value.strip().isdigit():
            self.retry_ms = int(value)
        return b""
