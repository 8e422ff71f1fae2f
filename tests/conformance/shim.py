"""A loopback proxy that adds a token to every request: the suite sends none. It understands only the head of a request.

Each request has a connection of its own, so that everything after its head is bytes to be passed on, both ways, as
they come. The proxy's own name in `Host` and `Origin` becomes the server's; a foreign one stays what it is, because
refusing it is the server's work.
"""

import asyncio
import contextlib
import threading
from collections.abc import Generator
from contextlib import contextmanager

HEAD_BYTES = 64 << 10


@contextmanager
def with_token(port: int, token: str) -> Generator[int]:
    """Proxy to the server on *port* until the block ends; answers the port to come in by."""
    loop = asyncio.new_event_loop()
    running = threading.Thread(target=loop.run_forever, name="shim")
    running.start()
    shim = _Shim(port, token)
    try:
        yield asyncio.run_coroutine_threadsafe(shim.open(), loop).result(30)
    finally:
        asyncio.run_coroutine_threadsafe(shim.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        running.join(30)
        loop.close()


class _Shim:
    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self._own: frozenset[bytes] = frozenset()
        self._under_way: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", 0, limit=HEAD_BYTES)
        port = self._server.sockets[0].getsockname()[1]
        self._own = frozenset(f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost"))
        return port

    async def close(self) -> None:
        self._server.close()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._pass_on(reader, writer)
        self._under_way.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
            async with _closing(back):
                back.write(self._changed(head))
                ways = [asyncio.ensure_future(_copy(reader, back)), asyncio.ensure_future(_copy(there, writer))]
                # Whichever side is done, the call is: a client that hangs up has given it up.
                _, waiting = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in waiting:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)

    def _changed(self, head: bytes) -> bytes:
        request, *headers = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        kept = [self._named(header) for header in headers if not header.lower().startswith(b"connection:")]
        added = [b"Connection: close", b"Authorization: Bearer " + self._token.encode()]
        return b"\r\n".join([request, *kept, *added]) + b"\r\n\r\n"

    def _named(self, header: bytes) -> bytes:
        name, _, value = header.partition(b":")
        server = f"127.0.0.1:{self._port}".encode()
        match name.lower(), value.strip():
            case b"host", host if host in self._own:
                return b"Host: " + server
            case b"origin", origin if origin.removeprefix(b"http://") in self._own:
                return b"Origin: http://" + server
            case _:
                return header


@contextlib.asynccontextmanager
async def _closing(writer: asyncio.StreamWriter):
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(64 << 10):
        sink.write(data)
        await sink.drain()
