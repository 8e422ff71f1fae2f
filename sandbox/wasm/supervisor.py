"""Raises one confined worker, checks that it is confined, times every call, and kills it when in doubt.

1. A worker with one thread that is not confined never gets a request.
2. The deadline is kept here, by the clock of a process no guest runs in.
3. After any end but return, exit, fuel or epoch the worker is killed, and so it is when its call is cancelled.
"""

import asyncio
import os
import signal
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from ..confinement.threads import unconfined
from .birth import READY, REFUSED, Birth, write_birth
from .channel import Channel, Gone
from .frames import HELLO_CAP, UNHARMED, FrameError, Reply, Request, frame, read_reply, reply_cap, request_frame
from .memfd import sealed
from .spawn_unsafe import Child, SpawnError, start

_CHILD: Final = "holdfast.sandbox.wasm.worker"
_READY_SECONDS: Final = 30.0
_MARGIN_MS: Final = 200
"""How much earlier than the deadline a guest is stopped from inside, so that an ordinary stop spares the worker."""
_MARGIN_SHARE: Final = 5


class WorkerRefused(Exception):
    """A worker could not be raised, or was not confined. Says why."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """The deadline passed; the worker was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """The worker ended in the middle of the call."""

    signal: int | None
    """What killed it, or None when it ended by itself."""


@dataclass(frozen=True, slots=True)
class Garbled:
    """The worker answered what is no answer; it was killed."""


Answer: TypeAlias = Reply | Overdue | Died | Garbled


class Worker:
    """A confined child that serves one tool."""

    def __init__(self, child: Child, channel: Channel) -> None:
        self._child = child
        self._channel = channel
        self._ended: asyncio.Task[int] | None = None
        self.calls = 0
        self.cpu_seconds = 0.0

    @classmethod
    async def born(cls, birth: Birth, native: bytes) -> "Worker":
        """Raise a worker for *birth* with the artifact *native*, whose tag the caller has checked.

        Raises: WorkerRefused.
        """
        child = await _started(native)
        worker = cls(child, Channel(child.requests, child.replies))
        try:
            await worker._confined(birth)
        except BaseException:  # cancelled as well: nothing half-born may stay
            await worker.end()
            raise
        return worker

    @property
    def usable(self) -> bool:
        """Whether it can take another call."""
        return self._ended is None and not self._channel.broken

    @property
    def pid(self) -> int:
        """Its process id, while it lives."""
        return self._child.pid

    async def call(self, request: Request) -> Answer:
        """Run *request* within its `wall_ms`. Cancelling this kills the worker."""
        inner = replace(request, wall_ms=request.wall_ms - min(_MARGIN_MS, request.wall_ms // _MARGIN_SHARE))
        self.calls += 1
        try:
            async with asyncio.timeout(request.wall_ms / 1000):
                body = await self._channel.exchange(request_frame(inner), cap=reply_cap(request.output_bytes))
            reply = read_reply(body, output_bytes=request.output_bytes)
        except TimeoutError:
            await self.end()
            return Overdue()
        except Gone:
            return Died(signal=_signal(await self.end()))
        except FrameError:
            await self.end()
            return Garbled()
        except asyncio.CancelledError:
            await self.end()
            raise
        self.cpu_seconds = reply.cpu_us / 1_000_000
        if reply.ending not in UNHARMED:
            await self.end()
        return reply

    async def end(self) -> int:
        """Kill it if it lives, wait until it is gone; answers its status, negative for a signal."""
        if self._ended is None:
            self._channel.close()
            self._child.kill()
            self._ended = asyncio.ensure_future(asyncio.to_thread(self._child.wait))
        return await asyncio.shield(self._ended)

    async def _confined(self, birth: Birth) -> None:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                hello = await self._channel.exchange(frame(write_birth(birth)), cap=HELLO_CAP)
                flaw = await asyncio.to_thread(unconfined, self._child.pid)
        except TimeoutError:
            raise WorkerRefused("it did not become ready in time") from None
        except (Gone, FrameError):
            raise WorkerRefused("it ended before it was ready") from None
        if hello.startswith(REFUSED):
            raise WorkerRefused(hello.removeprefix(REFUSED).decode("utf-8", errors="replace"))
        if hello != READY:
            raise WorkerRefused("it did not say that it is ready")
        if flaw is not None:
            raise WorkerRefused(flaw)


async def _started(native: bytes) -> Child:
    starting = asyncio.ensure_future(asyncio.to_thread(_start, native))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        starting.add_done_callback(_abandon)
        raise
    except (SpawnError, OSError) as error:
        raise WorkerRefused(str(error)) from error


def _start(native: bytes) -> Child:
    descriptor = sealed(native)
    try:
        return start(_CHILD, (), descriptor)
    finally:
        os.close(descriptor)


def _abandon(starting: "asyncio.Future[Child]") -> None:
    if starting.cancelled() or starting.exception() is not None:
        return
    child = starting.result()
    child.kill()
    child.wait()


def _signal(status: int) -> int | None:
    return -status if status < 0 and -status in set(signal.Signals) else None
