"""MCP over standard input and output, for `holdfast mcp` and `wrap`. One caller, whom whoever starts it names.

1. Lines are read as raw bytes under a cap; the protocol library sees only messages that were checked.
2. While it serves, nothing else of this process can write to standard output or read standard input.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import anyio
import mcp.types as t
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from .descriptors import FileWriter, LineWriter, claimed, reader_of, writer_of
from .endpoint import Endpoint
from .strict import INVALID_REQUEST, RefusedMessage, check

MAX_LINE_BYTES: Final = 4 << 20
READ_BYTES: Final = 64 << 10
FLUSH_SECONDS: Final = 5.0
"""For the last answers, once the client has closed its end."""
_QUEUED: Final = 64

_Inward = MemoryObjectSendStream[SessionMessage | Exception]
_Outward = MemoryObjectReceiveStream[SessionMessage]


async def run_stdio(endpoint: Endpoint, *, stdin: int = 0, stdout: int = 1) -> None:
    """Serve until the client closes *stdin*; these are descriptors, taken over for as long."""
    with claimed(stdin, stdout) as (source, sink):
        reader, writer = await reader_of(source), await writer_of(sink)
        try:
            await _serve(endpoint, reader, writer)
        finally:
            await writer.close()


async def _serve(endpoint: Endpoint, reader: asyncio.StreamReader, writer: LineWriter | FileWriter) -> None:
    """Serve the lines of *reader* until they end."""
    inward, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](_QUEUED)
    to_client, outward = anyio.create_memory_object_stream[SessionMessage](_QUEUED)
    server = endpoint.server
    async with anyio.create_task_group() as writing:
        writing.start_soon(_write, outward, writer)
        async with anyio.create_task_group() as reading:
            reading.start_soon(_read, reader, inward, writer)
            await server.run(from_client, to_client, server.create_initialization_options())
            await endpoint.close()
            reading.cancel_scope.cancel()
        writing.cancel_scope.deadline = anyio.current_time() + FLUSH_SECONDS


async def _read(reader: asyncio.StreamReader, inward: _Inward, writer: LineWriter | FileWriter) -> None:
    async with inward:
        async for line in _lines(reader):
            try:
                message = _message(line)
            except RefusedMessage as refused:
                await writer.line(refused.body)
                continue
            await inward.send(SessionMessage(message))


def _message(line: bytes | None) -> t.JSONRPCMessage:
    if line is None:
        raise RefusedMessage(INVALID_REQUEST, f"a message is at most {MAX_LINE_BYTES} bytes")
    check(line)
    try:
        return t.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        raise RefusedMessage(INVALID_REQUEST, "not a JSON-RPC 2.0 message") from None


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes | None]:
    """Each line that is not blank; None for one over the cap, which is skipped to its end."""
    held, skipping = bytearray(), False
    while chunk := await reader.read(READ_BYTES):
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            line = bytes(held) + piece
            held.clear()
            if skipping or len(line) > MAX_LINE_BYTES:
                skipping = False
                yield None
            elif line.strip():
                yield line
        held += b"" if skipping else rest
        if len(held) > MAX_LINE_BYTES:
            held.clear()
            skipping = True


async def _write(outward: _Outward, writer: LineWriter | FileWriter) -> None:
    with contextlib.suppress(OSError):  # the client is gone; its end of input is on its way
        async for message in outward:
            await writer.line(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode())
