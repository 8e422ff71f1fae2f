"""A running confined child as seen by the server: its streams, its end, its log. Starts nothing."""

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from holdfast.contracts import Json, MalformedJson, OperatorError, ToolError
from holdfast.contracts.json_values import parse

_CONTROL_BYTES: Final = 16_384
_READ_BYTES: Final = 1 << 16
_CLOSE_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a child ended."""

    code: int
    """Its exit code; -1 when it was killed."""
    signal: int
    """The signal that ended it, or 0."""
    killed: bool
    """We or a limit ended it: with nobody having asked for it, that was the memory limit."""
    tripped: bool = False
    """It had made a write-protected name, which was set aside; that ended it, if it had not ended yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The server's ends of a child's streams: descriptors, and the control socket."""

    stdin: int
    stdout: int
    stderr: int
    control: socket.socket

    def close(self) -> None:
        """Close all four. Not after `connect`, which hands them over."""
        for one in (self.stdin, self.stdout, self.stderr):
            os.close(one)
        self.control.close()


class ConfinedChild:
    """One child. What it writes is untrusted; nobody reads ahead of you by more than 128 KiB."""

    def __init__(
        self,
        *,
        stdin: asyncio.WriteTransport,
        input_drain: "Drain",
        stdout: "Source",
        stderr: "Source",
        control: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        keep_log_bytes: int,
    ) -> None:
        """Use `Launcher.launch`."""
        self._stdin, self._drain = stdin, input_drain
        self._stdout, self._stderr = stdout, stderr
        self._told, self._control = control
        self._exit: asyncio.Task[Exit] | None = None
        self._log = bytearray()
        self._keep = keep_log_bytes
        self._logging = asyncio.ensure_future(self._keep_log()) if keep_log_bytes else None
        self.pid = 0
        """Of the child itself, in this machine's numbering."""
        self.isolation: tuple[str, ...] = ()
        """What confines it, as applied."""
        self.closed = False

    async def started(self) -> None:
        """Wait until it runs.

        Raises: OperatorError with the reason why it does not.
        """
        said = await self._hear()
        if "started" not in said:
            raise OperatorError(f"the child cannot be confined as asked: {said.get('failed', 'its keeper broke')}")
        self.pid = int(str(said["started"]))
        layers = said["isolation"]
        self.isolation = tuple(map(str, layers)) if isinstance(layers, list) else ()
        self._exit = asyncio.ensure_future(self._hear_exit())

    async def receive(self, most: int, /) -> bytes:
        """At most *most* bytes of its standard output, at least one; empty once it has closed it."""
        return await self._stdout.reader.read(most)

    async def receive_error(self, most: int, /) -> bytes:
        """The same of its standard error; empty at once when a log is kept of it."""
        return b"" if self._logging is not None else await self._stderr.reader.read(most)

    async def send(self, data: bytes, /) -> None:
        """Write all of *data* to its standard input.

        Raises: BrokenPipeError when it no longer reads.
        """
        if self._stdin.is_closing():
            raise BrokenPipeError("the child does not read its input")
        self._stdin.write(data)
        await self._drain.drained()

    async def end_input(self) -> None:
        """Let it read the end of its input, after what was sent."""
        self._stdin.close()

    async def wait(self) -> Exit:
        """Wait until it and everything it started has ended. Read its output meanwhile, or it may never."""
        if self._exit is None:
            raise ToolError("the child never started")
        return await asyncio.shield(self._exit)

    def log(self) -> str:
        """The newest of its standard error, as far as it is kept. Untrusted."""
        return self._log.decode("utf-8", errors="replace")

    async def close(self) -> None:
        """End it and everything it started, and close its streams. Idempotent."""
        self.closed = True
        with suppress(OSError):
            if not self._control.is_closing() and self._control.can_write_eof():
                self._control.write_eof()  # the keeper reads this as: end it
        if not self._stdin.is_closing():
            self._stdin.abort()
        if self._exit is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await asyncio.shield(self._exit)
        self._control.close()
        if self._logging is not None:
            self._logging.cancel()
            with suppress(asyncio.CancelledError):
                await self._logging
        self._stdout.transport.close()
        self._stderr.transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.ensure_future(self.close()))

    async def _hear(self) -> dict[str, Json]:
        try:
            line = await self._told.readline()
            said = parse(line) if line else {}
        except (OSError, ValueError, MalformedJson):
            said = {}
        return dict(said) if isinstance(said, dict) else {}

    async def _hear_exit(self) -> Exit:
        said = await self._hear()
        if "code" not in said:
            return Exit(code=-1, signal=0, killed=True)  # the keeper itself was killed
        return Exit(
            code=int(str(said["code"])),
            signal=int(str(said["signal"])),
            killed=said["killed"] is True,
            tripped=said.get("tripped") is True,
        )

    async def _keep_log(self) -> None:
        while chunk := await self._stderr.reader.read(_READ_BYTES):
            self._log += chunk
            del self._log[: max(0, len(self._log) - self._keep)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One stream we read."""

    reader: asyncio.StreamReader
    transport: asyncio.ReadTransport


class Drain(asyncio.BaseProtocol):
    """Holds a sender up while the pipe is full."""

    def __init__(self) -> None:
        self._room = asyncio.Event()
        self._room.set()
        self._lost = False

    def pause_writing(self) -> None:
        """The pipe is full."""
        self._room.clear()

    def resume_writing(self) -> None:
        """There is room again."""
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """Nobody reads any more."""
        self._lost = True
        self._room.set()

    async def drained(self) -> None:
        """Wait for room. Raises: BrokenPipeError when nobody reads."""
        await self._room.wait()
        if self._lost:
            raise BrokenPipeError("the child does not read its input")


async def connect(channels: Channels, *, keep_log_bytes: int) -> ConfinedChild:
    """Hand *channels* to the event loop."""
    loop = asyncio.get_running_loop()
    drain = Drain()
    stdin, _ = await loop.connect_write_pipe(lambda: drain, os.fdopen(channels.stdin, "wb", buffering=0))
    stdout = await _source(channels.stdout)
    stderr = await _source(channels.stderr)
    channels.control.setblocking(False)
    control = await asyncio.open_connection(sock=channels.control, limit=_CONTROL_BYTES)
    return ConfinedChild(
        stdin=stdin,
        input_drain=drain,
        stdout=stdout,
        stderr=stderr,
        control=control,
        keep_log_bytes=keep_log_bytes,
    )


async def _source(descriptor: int) -> Source:
    reader = asyncio.StreamReader(limit=_READ_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return Source(reader=reader, transport=transport)
