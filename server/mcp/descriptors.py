"""Standard input and output as streams, for as long as a protocol is spoken on them. It understands none."""

import asyncio
import contextlib
import fcntl
import os
import stat
import sys
from collections.abc import Generator
from typing import Final

READ_BYTES: Final = 64 << 10
CLOSE_SECONDS: Final = 5.0
_FIRST_PRIVATE: Final = 3


@contextlib.contextmanager
def claimed(stdin: int, stdout: int) -> Generator[tuple[int, int]]:
    """Private duplicates of both, until they are given back.

    Meanwhile *stdin* reads nothing and *stdout* leads to standard error, so that what some library prints does not end
    up in the protocol, and no child inherits either.
    """
    sys.stdout.flush()
    source = fcntl.fcntl(stdin, fcntl.F_DUPFD_CLOEXEC, _FIRST_PRIVATE)
    sink = fcntl.fcntl(stdout, fcntl.F_DUPFD_CLOEXEC, _FIRST_PRIVATE)
    nowhere = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.dup2(nowhere, stdin)
        os.dup2(2, stdout)
        yield source, sink
    finally:
        sys.stdout.flush()  # what is still held back belongs to standard error as well
        os.dup2(source, stdin)
        os.dup2(sink, stdout)
        for descriptor in (source, sink, nowhere):
            os.close(descriptor)


class LineWriter:
    """Writes whole lines, one after the other, and waits for whoever reads them."""

    def __init__(self, transport: asyncio.WriteTransport, flow: "_Flow") -> None:
        """Use `writer_of`."""
        self._transport = transport
        self._flow = flow

    async def line(self, data: bytes) -> None:
        """Write *data* and a line end.

        Raises: BrokenPipeError when nobody reads any more.
        """
        self._transport.write(data + b"\n")
        await self._flow.room()

    async def close(self) -> None:
        """Write what is left, as far as somebody reads it in time."""
        self._transport.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._flow.closed.wait()
        except TimeoutError:
            self._transport.abort()


class FileWriter:
    """The same for a plain file, which never makes anyone wait."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(os.dup(descriptor), "wb")

    async def line(self, data: bytes) -> None:
        """Write *data* and a line end."""
        self._file.write(data + b"\n")
        self._file.flush()

    async def close(self) -> None:
        """Close the duplicate."""
        self._file.close()


class _Flow(asyncio.BaseProtocol):
    """Holds writers up while the pipe is full."""

    def __init__(self) -> None:
        self._room = asyncio.Event()
        self._room.set()
        self.closed = asyncio.Event()

    def pause_writing(self) -> None:
        """The pipe is full."""
        self._room.clear()

    def resume_writing(self) -> None:
        """There is room again."""
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """Nobody reads any more, or we are done."""
        self.closed.set()
        self._room.set()

    async def room(self) -> None:
        """Wait for room."""
        await self._room.wait()
        if self.closed.is_set():
            raise BrokenPipeError("nobody reads the output")


async def reader_of(descriptor: int) -> asyncio.StreamReader:
    """A reader of *descriptor*, of whatever kind it is."""
    reader = asyncio.StreamReader(limit=READ_BYTES)
    file = os.fdopen(os.dup(descriptor), "rb", buffering=0)
    if _can_wait(descriptor):
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        return reader
    with file:
        reader.feed_data(file.read())
    reader.feed_eof()
    return reader


async def writer_of(descriptor: int) -> LineWriter | FileWriter:
    """A writer to *descriptor*, of whatever kind it is."""
    if not _can_wait(descriptor):
        return FileWriter(descriptor)
    file = os.fdopen(os.dup(descriptor), "wb", buffering=0)
    return LineWriter(*await asyncio.get_running_loop().connect_write_pipe(_Flow, file))


def _can_wait(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
