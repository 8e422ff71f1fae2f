"""The server's end of the launching process: turns a `ChildSpec` into a running child. Loads no sandlock itself."""

import array
import asyncio
import json
import os
import socket
import sys
from contextlib import suppress
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from holdfast.contracts import OperatorError

from .child import Channels, ConfinedChild, connect
from .spec import ChildSpec, Plan, plan

if TYPE_CHECKING:
    import subprocess  # noqa: TID251 -- only the name of a type; starting_unsafe starts it

_REQUEST_BYTES: Final = 200_000
_START_SECONDS: Final = 20.0
"""How long sandlock may take: 5 ms, on a machine that is not about to fail."""


class Launcher:
    """Starts confined children until it is closed; then all of them are ended."""

    def __init__(self, process: "subprocess.Popen[bytes]", requests: socket.socket) -> None:
        """Use `Launcher.open`."""
        self._process = process
        self._requests = requests
        self._sending = asyncio.Lock()
        self._children: set[ConfinedChild] = set()

    @property
    def pid(self) -> int:
        """Of the launching process."""
        return self._process.pid

    @classmethod
    async def open(cls) -> "Launcher":
        """Start the launching process.

        Raises: OperatorError when this machine is not Linux.
        """
        if sys.platform != "linux":
            raise OperatorError("confined children need Linux")
        from .starting_unsafe import start  # noqa: PLC0415 -- only where there is something to start

        return cls(*await asyncio.to_thread(start))

    async def launch(self, spec: ChildSpec, *, keep_log_bytes: int = 0) -> ConfinedChild:
        """Start *spec*; its streams are connected when this answers.

        With *keep_log_bytes* its standard error is read here and the newest that many bytes are kept for `log()`.

        Raises: OperatorError when it cannot be confined as asked.
        """
        planned = await asyncio.to_thread(plan, spec)
        channels, theirs = _channels()
        try:
            await self._send(planned, theirs)
        except BaseException:
            channels.close()
            raise
        finally:
            for one in theirs:
                os.close(one)
        child = await connect(channels, keep_log_bytes=keep_log_bytes)
        self._children.add(child)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await child.started()
        except TimeoutError:
            await child.close()
            raise OperatorError("sandlock did not start the child in time") from None
        except BaseException:
            await child.close()
            raise
        finally:
            self._children = {one for one in self._children if not one.closed}
        return child

    async def close(self) -> None:
        """End every child, then the launching process. Idempotent."""
        await asyncio.gather(*(child.close() for child in self._children))
        self._children = set()
        self._requests.close()
        await asyncio.to_thread(self._process.wait)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _send(self, planned: Plan, descriptors: tuple[int, ...]) -> None:
        request = json.dumps(asdict(planned)).encode()
        if len(request) > _REQUEST_BYTES:
            raise OperatorError(f"arguments, environment and paths together are over {_REQUEST_BYTES} bytes")
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        async with self._sending:
            while True:
                try:
                    self._requests.sendmsg([request], rights)
                except BlockingIOError:
                    await _writable(self._requests)
                except OSError as error:
                    raise OperatorError("the launching process is gone; restart the server") from error
                else:
                    return


def _channels() -> tuple[Channels, tuple[int, int, int, int]]:
    """Ours, and what the keeper gets: standard input, output, error, control. Nothing is inherited by accident."""
    made: list[int] = []
    try:
        stdin_read, stdin_write = _noted(made, os.pipe())
        stdout_read, stdout_write = _noted(made, os.pipe())
        stderr_read, stderr_write = _noted(made, os.pipe())
        ours, theirs = socket.socketpair()
    except OSError as error:
        for one in made:
            os.close(one)
        raise OperatorError("no descriptors left for another child") from error
    channels = Channels(stdin=stdin_write, stdout=stdout_read, stderr=stderr_read, control=ours)
    return channels, (stdin_read, stdout_write, stderr_write, theirs.detach())


def _noted(made: list[int], pair: tuple[int, int]) -> tuple[int, int]:
    made += pair
    return pair


async def _writable(requests: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(requests.fileno(), _settle, ready)
    try:
        await ready
    finally:
        with suppress(OSError, ValueError):
            loop.remove_writer(requests.fileno())


def _settle(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
