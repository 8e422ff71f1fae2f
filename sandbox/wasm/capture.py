"""Collects what a guest writes, within bounds. It decides nothing and never raises on guest data."""

from typing import Final

from .settings import LOG_LINE_BYTES, LOG_LINES

_NO_SPACE: Final = -28  # -ENOSPC


class Output:
    """Standard output up to a number of bytes; one byte more ends the collecting and makes `over` true."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self.over = False

    def write(self, data: bytes) -> int:
        """Keep *data*; answers the bytes taken, or -ENOSPC."""
        room = self._limit - len(self._kept)
        if len(data) > room or self.over:
            self._kept += data[: max(room, 0)]
            self.over = True
            return _NO_SPACE
        self._kept += data
        return len(data)

    def taken(self) -> bytes:
        """Everything kept."""
        return bytes(self._kept)


class Log:
    """Standard error as lines: at most 1000, each at most 4 KiB cut between characters. The rest is counted."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._open = bytearray()
        self._dropped = 0

    def write(self, data: bytes) -> int:
        """Keep what there is room for; answers that all of it was taken, so that a guest goes on."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._extend(part)
            self._end_line()
        self._extend(rest)
        return len(data)

    def taken(self) -> bytes:
        """The lines, and a last one that says what is missing."""
        if self._open:
            self._end_line()
        lines = list(self._lines)
        if self._dropped:
            lines.append(f"[{self._dropped} more lines were dropped]".encode())
        return b"\n".join(lines)

    def _extend(self, part: bytes) -> None:
        room = LOG_LINE_BYTES + 1 - len(self._open)  # one byte more than is shown: then it is known to be cut
        self._open += part[: max(room, 0)]

    def _end_line(self) -> None:
        if len(self._lines) < LOG_LINES:
            self._lines.append(cut(bytes(self._open), LOG_LINE_BYTES))
        else:
            self._dropped += 1
        self._open.clear()


def cut(data: bytes, limit: int) -> bytes:
    """At most *limit* bytes of *data*, never ending inside a UTF-8 character."""
    if len(data) <= limit:
        return data
    return data[:limit].decode("utf-8", errors="ignore").encode("utf-8")
