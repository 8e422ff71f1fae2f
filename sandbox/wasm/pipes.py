"""Reads and writes whole frames on blocking descriptors, in a child. It never reads more than a cap."""

import os
import select
from typing import Final

from .frames import HEAD, FrameError, frame

_CHUNK: Final = 1 << 16


def read_frame(descriptor: int, *, cap: int) -> bytes | None:
    """The next frame's body, or None when the other side has closed.

    Raises: FrameError when it is over *cap*, cut short, or followed by more: one side speaks at a time.
    """
    buffer = bytearray(os.read(descriptor, _CHUNK))
    if not buffer:
        return None
    _fill(descriptor, buffer, HEAD.size)
    (length,) = HEAD.unpack_from(buffer)
    if length > cap:
        raise FrameError("a frame over its cap")
    _fill(descriptor, buffer, HEAD.size + length)
    if len(buffer) != HEAD.size + length:
        raise FrameError("more than one frame at once")
    return bytes(buffer[HEAD.size :])


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of *data*."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def write_frame(descriptor: int, body: bytes) -> None:
    """Write *body* as one frame."""
    write_all(descriptor, frame(body))


def _fill(descriptor: int, buffer: bytearray, wanted: int) -> None:
    while len(buffer) < wanted:
        more = os.read(descriptor, max(_CHUNK, wanted - len(buffer)))
        if not more:
            raise FrameError("a frame cut short")
        buffer += more


class Waiting:
    """Whether the other side has said something that is not read yet. Made before confinement, asked after it."""

    def __init__(self, descriptor: int) -> None:
        """Raises: OSError."""
        self._events = select.epoll(1)
        self._events.register(descriptor, select.EPOLLIN)

    def nothing_for(self, seconds: float) -> bool:
        """Whether nothing comes within *seconds*; an end of file is something."""
        return not self._events.poll(seconds)
