"""One worker's two pipes on the event loop: a frame out, a frame in, one at a time. It believes nothing it reads.

1. A frame over its cap, bytes nobody asked for, or bytes after a frame break the channel for good.
2. Nothing here blocks: both descriptors are non-blocking and wait on the loop.
"""

import asyncio
import os
from typing import Final

from .frames import HEAD, FrameError

_CHUNK: Final = 1 << 18


class Gone(Exception):
    """The worker has closed its side, which it only does by ending."""


class Channel:
    """The parent's ends of the pipes to one worker."""

    def __init__(self, requests: int, replies: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._requests = requests
        self._replies = replies
        self._buffer = bytearray()
        self._unsent = memoryview(b"")
        self._cap = 0
        self._waiter: asyncio.Future[bytes] | None = None
        self._broken: Exception | None = None
        self._breaks = asyncio.Event()
        os.set_blocking(requests, False)
        os.set_blocking(replies, False)
        self._loop.add_reader(replies, self._readable)

    @property
    def broken(self) -> bool:
        """Whether nothing more can be exchanged."""
        return self._broken is not None

    async def exchange(self, frame: bytes, *, cap: int) -> bytes:
        """Send *frame* and answer the body of the next one, at most *cap* bytes.

        Raises: Gone, FrameError.
        """
        if self._broken is not None:
            raise self._broken
        self._cap = cap
        self._waiter = self._loop.create_future()
        try:
            self._send(frame)
            return await self._waiter
        finally:
            self._waiter = None

    async def disturbed(self) -> Exception:
        """Wait, while it is the parent's turn to speak, until the worker ends or says what nobody asked for."""
        await self._breaks.wait()
        return self._broken or Gone()

    def close(self) -> None:
        """Stop listening. The descriptors belong to whoever started the worker."""
        self._break(Gone())

    def _send(self, frame: bytes) -> None:
        self._unsent = memoryview(frame)
        self._writable()
        if self._unsent:
            self._loop.add_writer(self._requests, self._writable)

    def _writable(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._requests, self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._break(Gone())
            return
        if not self._unsent:
            self._loop.remove_writer(self._requests)

    def _readable(self) -> None:
        try:
            data = os.read(self._replies, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._break(Gone())
            return
        self._buffer += data
        self._look()

    def _look(self) -> None:
        if self._waiter is None or self._waiter.done():
            self._break(FrameError("bytes nobody asked for"))
            return
        if len(self._buffer) < HEAD.size:
            return
        (length,) = HEAD.unpack_from(self._buffer)
        if length > self._cap:
            self._break(FrameError("a frame over its cap"))
        elif len(self._buffer) > HEAD.size + length:
            self._break(FrameError("more than one frame at once"))
        elif len(self._buffer) == HEAD.size + length:
            body = bytes(self._buffer[HEAD.size :])
            self._buffer.clear()
            self._waiter.set_result(body)

    def _break(self, why: Exception) -> None:
        if self._broken is not None:
            return
        self._broken = why
        self._breaks.set()
        self._buffer.clear()
        # With nothing to send nobody listens on the descriptor again: it is about to be closed, and its number reused.
        self._unsent = memoryview(b"")
        self._loop.remove_reader(self._replies)
        self._loop.remove_writer(self._requests)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(why)
