"""A guest's `fd_write`: standard output and error go into bounded buffers of the worker. It writes to no descriptor.

WASI's own would hand the bytes to another thread and back, which costs more than the rest of a small call. With no
folder and no socket a guest has no other descriptor to write to.
"""

import struct
from typing import Final

from .capture import Log, Output
from .ffi_unsafe import BrokenAbi, Memory, StopGuest

_SUCCESS: Final = 0  # errno of WASI preview 1
_BAD_DESCRIPTOR: Final = 8
_FAULT: Final = 21
_INVALID: Final = 28
_STDOUT: Final = 1
_STDERR: Final = 2
_PIECES: Final = 1024  # IOV_MAX of Linux
_AT_ONCE: Final = 1 << 20
"""The most bytes taken by one call; a guest is told how many, and writes the rest with the next."""
_PIECE: Final = struct.Struct("<II")
_WRITTEN: Final = struct.Struct("<I")


class Stdio:
    """Where the guest of the moment writes to."""

    def __init__(self) -> None:
        self._memory: Memory | None = None
        self._sinks: dict[int, Output | Log] = {}

    def open(self, output: Output | Log, log: Log) -> None:
        """A call begins; its memory is not there yet."""
        self._memory = None
        self._sinks = {_STDOUT: output, _STDERR: log}

    def attach(self, memory: Memory) -> None:
        """The guest exists, with *memory*."""
        self._memory = memory

    def close(self) -> None:
        """The call is over: nothing is written any more."""
        self._memory = None
        self._sinks = {}

    def write(self, descriptor: int, pieces: int, count: int, written: int) -> int:
        """WASI's `fd_write`: *count* pieces at *pieces*, the number of bytes taken to *written*. Answers an errno.

        Raises: StopGuest when the output is over its limit.
        """
        sink = self._sinks.get(descriptor)
        if sink is None or self._memory is None:
            return _BAD_DESCRIPTOR
        if count > _PIECES:
            return _INVALID
        try:
            data = _gathered(self._memory, pieces, count)
            self._memory.write(written, _WRITTEN.pack(len(data)))
        except BrokenAbi:
            return _FAULT
        if sink.write(data) < 0:
            raise StopGuest
        return _SUCCESS


def _gathered(memory: Memory, pieces: int, count: int) -> bytes:
    table = memory.read(pieces, count * _PIECE.size)
    parts: list[bytes] = []
    room = _AT_ONCE
    for start, length in _PIECE.iter_unpack(table):
        parts.append(memory.read(start, min(length, room)))
        room -= len(parts[-1])
        if not room:
            break
    return b"".join(parts)
