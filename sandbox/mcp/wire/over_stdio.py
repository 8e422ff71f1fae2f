"""Speaks MCP over the pipes of a confined child. Reads raw bytes under a cap; hands on only messages that were checked.

1. A line that cannot be taken fails the calls that wait, at once: which of them it was meant for, nobody can tell.
2. An answer to an id we never gave out does the same. A late answer to a request given up on is dropped.
3. A line over the cap, or more unasked lines than the screen allows, ends the connection.
4. What the server asks in the middle of a call goes to that call; all else is declined here, and nothing of it reaches
   the protocol library.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from holdfast.contracts import MalformedJson

from ..answers import MAX_MESSAGE_BYTES, Answered, Asked, Errored, Message, MessageId, Noticed, read_message
from ..credentials.keyring import Scrub
from ..faults import Ending, Fault, Marks
from ..ports import Pipe
from .adapter import alive, declined, faulted, inbound, issued, outbound, withdrawn
from .screen import Screen

READ_BYTES: Final = 64 << 10
OFF_LOOP_BYTES: Final = 64 << 10
"""A longer line is parsed on a thread: 16 MiB take half a second."""

_EXIT_SECONDS: Final = 1.0
"""From the end of a child's output to word of its own end."""

_QUEUED: Final = 1_024
"""Messages of ours that wait for the child to read; the SDK's own wait on the way to it would hold up cancelling."""

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]


class StdioTransport:
    """One child's pipes as a transport of the SDK. Good for one connection."""

    def __init__(self, child: Pipe, marks: Marks, screen: Screen, *, seconds: float, scrub: Scrub) -> None:
        """*seconds*: how long the child may leave its input unread before it counts as gone.

        *scrub* takes out of its lines what the child was given.
        """
        self._child = child
        self._marks = marks
        self._screen = screen
        self._seconds = seconds
        self._scrub = scrub
        self._waiting: dict[MessageId, None] = {}
        self._highest = 0
        self._given: set[str] = set()
        self._to_child, self._from_sdk = anyio.create_memory_object_stream[SessionMessage](_QUEUED)
        self._to_sdk, self._from_child = anyio.create_memory_object_stream[SessionMessage | Exception](_QUEUED)
        self.ended = Ending()

    @contextlib.asynccontextmanager
    async def streams(self) -> AsyncGenerator[Streams]:
        """Carry messages while the block runs. The child is its owner's to close."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read)
            tasks.start_soon(self._write)
            try:
                yield self._from_child, self._to_child.clone()
            finally:
                tasks.cancel_scope.cancel()
                for stream in (self._to_child, self._from_sdk, self._to_sdk, self._from_child):
                    stream.close()

    async def _read(self) -> None:
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # the other direction ended it
            await self._read_to_the_end()

    async def _read_to_the_end(self) -> None:
        fault, message = Fault.CLOSED, ""
        try:
            async for line in self._lines():
                if not await self._take(line):
                    fault, message = Fault.PROTOCOL, "the server sends more than was asked for"
                    break
        except _LineTooLong:
            fault, message = Fault.TOO_LARGE, f"the server sent a line longer than {MAX_MESSAGE_BYTES} bytes"
        except OSError:
            fault, message = Fault.CLOSED, "the pipe of the server broke"
        await self._end(fault, message or await self._why())

    async def _why(self) -> str:
        with anyio.move_on_after(_EXIT_SECONDS):
            if (await self._child.wait()).killed:
                return "the server went over its memory limit and was ended; raise `memory_bytes` of its entry"
        return "the server closed its output"

    async def _lines(self) -> AsyncIterator[bytes]:
        held = bytearray()
        while chunk := await self._child.receive(READ_BYTES):
            searched = len(held)
            held += chunk
            while (end := held.find(b"\n", searched)) >= 0:
                line = bytes(held[:end])
                del held[: end + 1]
                searched = 0
                yield line
            if len(held) > MAX_MESSAGE_BYTES:
                raise _LineTooLong
        if held:
            yield bytes(held)

    async def _take(self, line: bytes) -> bool:
        """Deal with one line; False when there have been too many unasked."""
        if not self._screen.spend(len(line)):
            return False
        if not line.strip():
            return True
        try:
            message = await _parsed(await self._scrub.clean(line))
        except MalformedJson as error:
            await self._fail_waiting(Fault.PROTOCOL, f"the server sent what cannot be taken: {error.message}")
            return True
        await self._handle(message)
        return True

    async def _handle(self, message: Message) -> None:
        match message:
            case Answered() | Errored():
                await self._answer(message.id, message)
            case Asked(id=request, method=method):
                if method == "ping":
                    self._reply(alive(request))
                elif not self._screen.asked(message):
                    self._reply(declined(request))
            case Noticed():
                if self._screen.passes(message):
                    await self._to_sdk.send(inbound(message))

    async def _answer(self, request: MessageId | None, message: Answered | Errored) -> None:
        if request is None:
            await self._fail_waiting(Fault.PROTOCOL, "the server says it could not read a request")
        elif request in self._waiting:
            del self._waiting[request]
            self._screen.answered()
            await self._to_sdk.send(inbound(message))
        elif not self._was_given(request):
            await self._fail_waiting(Fault.PROTOCOL, "the server answered a request that was never made")

    def _was_given(self, request: MessageId) -> bool:
        return request in self._given if isinstance(request, str) else 0 < request <= self._highest

    def _reply(self, message: SessionMessage) -> None:
        with contextlib.suppress(anyio.WouldBlock):  # it does not read our answers: it need not get this one
            self._to_child.send_nowait(message)

    async def _fail_waiting(self, fault: Fault, message: str) -> None:
        waiting, self._waiting = self._waiting, {}
        for request in waiting:
            await self._to_sdk.send(faulted(request, self._marks, fault, message))

    async def _write(self) -> None:
        try:
            async for message in self._from_sdk:
                self._note(message)
                with anyio.fail_after(self._seconds):
                    await self._child.send(outbound(message))
        except (OSError, TimeoutError):
            await self._end(Fault.CLOSED, "the server does not read its input")

    def _note(self, message: SessionMessage) -> None:
        request = issued(message)
        if isinstance(request, int):
            self._highest = max(self._highest, request)
        elif request is not None:
            self._given.add(request)
        if request is not None:
            self._waiting[request] = None
        given_up = withdrawn(message)
        if given_up is not None:
            self._waiting.pop(given_up, None)

    async def _end(self, fault: Fault, message: str) -> None:
        self.ended.end(fault, message)
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            await self._fail_waiting(fault, message)
        self._to_sdk.close()


class _LineTooLong(Exception):
    """There is no end of the line within the cap."""


async def _parsed(line: bytes) -> Message:
    if len(line) <= OFF_LOOP_BYTES:
        return read_message(line)
    return await asyncio.to_thread(read_message, line)
