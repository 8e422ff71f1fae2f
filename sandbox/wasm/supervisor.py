"""Raises one confined worker, checks that it is confined, times every call, and kills it when in doubt.

1. A worker with one thread that is not confined never gets a request.
2. The deadline is kept here, by the clock of a process no guest runs in.
3. After any end but return, exit, fuel or epoch the worker is killed, and so it is when its call is cancelled.
4. A host call is answered by a broker of the parent's, within the call's one deadline. A worker that speaks or ends
   while it is the parent's turn loses its call at once, and what the broker does for it is cancelled.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from ..confinement.threads import unconfined
from .birth import READY, REFUSED, Birth, write_birth
from .channel import Channel, Gone
from .frames import (
    HELLO_CAP,
    UNHARMED,
    FrameError,
    HostAnswer,
    HostCall,
    Reply,
    Request,
    frame,
    host_answer_frame,
    is_host_call,
    read_host_call,
    read_reply,
    request_frame,
    spoken_cap,
)
from .memfd import Shared, sealed
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


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The guest made more host calls than it has; the worker was killed."""


Answer: TypeAlias = Reply | Overdue | Died | Garbled | Exhausted

Broker: TypeAlias = Callable[[HostCall], Awaitable[HostAnswer]]
"""Answers one host call after another, of one call. Raises HostCallsSpent to end the call, and nothing else."""


class HostCallsSpent(Exception):
    """The call has made as many host calls as it may."""


async def nothing_granted(_call: HostCall) -> HostAnswer:
    """The broker of a call that was granted nothing."""
    return HostAnswer(code="host/not-granted", payload=b"this tool is granted no host function")


class Worker:
    """A confined child that serves one tool."""

    def __init__(self, child: Child, channel: Channel) -> None:
        self._child = child
        self._channel = channel
        self._ended: asyncio.Task[int] | None = None
        self.calls = 0
        self.cpu_seconds = 0.0

    @classmethod
    async def born(cls, birth: Birth, native: bytes | Shared) -> "Worker":
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
    def alive(self) -> bool:
        """Whether it is usable and its process has not ended meanwhile."""
        return self.usable and self._child.ended_within(0) is None

    @property
    def pid(self) -> int:
        """Its process id, while it lives."""
        return self._child.pid

    async def call(self, request: Request, broker: Broker = nothing_granted) -> Answer:
        """Run *request* within its `wall_ms`, its host calls answered by *broker*. Cancelling this kills the worker."""
        inner = replace(request, wall_ms=request.wall_ms - min(_MARGIN_MS, request.wall_ms // _MARGIN_SHARE))
        self.calls += 1
        try:
            async with asyncio.timeout(request.wall_ms / 1000):
                body = await self._conversation(request_frame(inner), broker, cap=spoken_cap(request.output_bytes))
            reply = read_reply(body, output_bytes=request.output_bytes)
        except TimeoutError:
            await self.end()
            return Overdue()
        except Gone:
            return Died(signal=_signal(await self.end()))
        except FrameError:
            await self.end()
            return Garbled()
        except HostCallsSpent:
            await self.end()
            return Exhausted()
        except asyncio.CancelledError:
            await self.end()
            raise
        self.cpu_seconds = reply.cpu_us / 1_000_000
        if reply.ending not in UNHARMED:
            await self.end()
        return reply

    async def _conversation(self, opening: bytes, broker: Broker, *, cap: int) -> bytes:
        body = await self._channel.exchange(opening, cap=cap)
        while is_host_call(body):
            answer = await self._answered(broker, read_host_call(body))
            body = await self._channel.exchange(host_answer_frame(answer), cap=cap)
        return body

    async def _answered(self, broker: Broker, call: HostCall) -> HostAnswer:
        answering = asyncio.ensure_future(broker(call))
        disturbance = asyncio.ensure_future(self._channel.disturbed())
        try:
            await asyncio.wait((answering, disturbance), return_when=asyncio.FIRST_COMPLETED)
            if disturbance.done():
                raise disturbance.result()
            return answering.result()
        finally:
            disturbance.cancel()
            await _cancelled(answering)

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


async def _cancelled(answering: "asyncio.Future[HostAnswer]") -> None:
    """Wait until what was begun for a worker is over: nothing goes on for a call that has ended."""
    answering.cancel()
    await asyncio.wait((answering,))
    if not answering.cancelled():
        answering.exception()


async def _started(native: bytes | Shared) -> Child:
    start_of = _Start(native)
    starting = asyncio.ensure_future(asyncio.to_thread(start_of.run))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        start_of.give_up()
        await asyncio.wait({starting})  # so that who closes the pool knows that nothing is left
        starting.exception()
        raise
    except (SpawnError, OSError) as error:
        raise WorkerRefused(str(error)) from error


class _Start:
    """One child being started in a thread. Whoever comes second, the child or the cancellation, ends it."""

    def __init__(self, native: bytes | Shared) -> None:
        self._native = native
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._given_up = False

    def run(self) -> Child:
        """Start it. Raises: SpawnError, OSError."""
        child = _born_of(self._native)
        with self._lock:
            self._child = child
            given_up = self._given_up
        if given_up:
            child.kill()
            child.wait()
            raise SpawnError("nobody waits for it any more")
        return child

    def give_up(self) -> None:
        """Let no child stay, whether it was started already or will be."""
        with self._lock:
            self._given_up = True
            child = self._child
        if child is not None:
            child.kill()
            child.wait()


def _born_of(native: bytes | Shared) -> Child:
    if isinstance(native, Shared):
        return start(_CHILD, (), native.descriptor)
    descriptor = sealed(native)
    try:
        return start(_CHILD, (), descriptor)
    finally:
        os.close(descriptor)


def _signal(status: int) -> int | None:
    return -status if status < 0 and -status in set(signal.Signals) else None
