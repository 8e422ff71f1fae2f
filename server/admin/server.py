"""Listens on the admin socket and has verbs done for its owner. Knows no verb.

1. The socket has mode 0600, and the peer's user is asked of the kernel all the same: only the same user or root.
2. A connection carries one request of bounded size that must arrive in time, and its answer.
3. When the peer goes away, what it asked for is cancelled.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self, TypeAlias

import structlog

from holdfast.contracts import Forbidden, HoldfastError, Json, JsonObject, MalformedJson, Overloaded, TooLarge

from .peers import address_of, is_trusted, peer_uid, remove_stale
from .wire import MAX_REQUEST, read_request, write_error, write_value

Answer: TypeAlias = Callable[[str, JsonObject], Awaitable[Json]]
"""Does the verb of that name with those parameters. Raises HoldfastError for the peer to see."""

READ_S = 10
MAX_CONNECTIONS = 32
_log = structlog.get_logger("holdfast.admin")


class AdminServer:
    """The admin socket of one data directory, whose lock the process holds."""

    def __init__(self, path: Path, answer: Answer, *, read_s: float = READ_S) -> None:
        self._path = path
        self._answer = answer
        self._read_s = read_s
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen.

        Raises: OperatorError when something else lies at the socket's path.
        """
        remove_stale(self._path)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            before = os.umask(0o177)
            try:
                with address_of(self._path) as address:
                    listening.bind(address)
            finally:
                os.umask(before)
            self._path.chmod(0o600)
            self._server = await asyncio.start_unix_server(self._accept, sock=listening, limit=MAX_REQUEST)
        except BaseException:
            listening.close()
            raise

    async def close(self) -> None:
        """Stop listening, cancel what is under way, and take the socket away."""
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(self._open)
        self._server = None
        self._path.unlink(missing_ok=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- a coroutine always runs in a task; for the type checkers
        self._open.add(task)
        try:
            answer = await self._serve(reader, writer)
            if answer is not None:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the peer is gone, or the server is closing: nobody is left to tell
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        try:
            self._admit(writer)
            request = read_request(await self._line(reader))
            return await _unless_gone(reader, self._answer(request.verb, request.params))
        except HoldfastError as error:
            return write_error(error)
        except (ConnectionError, asyncio.IncompleteReadError):
            return None
        except Exception as error:  # noqa: BLE001 -- the socket's one broad catch: the peer gets a constant, the log the kind
            _log.error("admin.failed", error=type(error).__name__)
            return write_error(error)

    def _admit(self, writer: asyncio.StreamWriter) -> None:
        if not is_trusted(_uid_of(writer)):
            raise Forbidden("the admin socket answers its owner only")
        if len(self._open) > MAX_CONNECTIONS:
            raise Overloaded("too many are connected to the admin socket", remedy="try again")

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(self._read_s):
                return await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise TooLarge(f"a request to the admin socket is at most {MAX_REQUEST} bytes") from None
        except TimeoutError:
            raise MalformedJson("the request did not end in time") from None


def _uid_of(writer: asyncio.StreamWriter) -> int:
    # A duplicate, because uvloop hands out a socket that cannot be asked.
    descriptor = writer.get_extra_info("socket").fileno()
    with socket.fromfd(descriptor, socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        return peer_uid(connection)


async def _unless_gone(reader: asyncio.StreamReader, work: Awaitable[Json]) -> bytes | None:
    doing = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        return write_value(doing.result()) if doing.done() else None
    finally:
        for task in (doing, leaving):
            task.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)
