"""Keeps a bounded number of workers, each for one tenant and one module, and gives each one call at a time.

1. A worker never serves another tenant, module, grant or memory limit than the one it was born for.
2. There are never more workers than the bound: the one idle longest makes room, or the call waits.
3. A worker is retired after a number of calls or of processor seconds, and closed after a time without calls.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from holdfast.contracts.digests import Digest
from holdfast.contracts.principals import TenantId

from .artifacts import Artifact
from .birth import Birth
from .frames import Request
from .memfd import Shared
from .report import ModuleReport
from .spares import Spares
from .supervisor import Answer, Broker, Worker, nothing_granted

CPU_SECONDS: Final = 300
"""What the kernel gives a worker for its whole life."""
_RETIRE_CPU_SECONDS: Final = 200.0
"""So that a call of a minute, the ceiling, still fits below `CPU_SECONDS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom and what a worker is for. Two calls share a worker only when all of it is equal."""

    tenant: TenantId
    module: Digest
    abi: str
    clock: bool
    random: bool
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolBounds:
    """How many workers, for how long."""

    workers: int = 8
    calls: int = 1000
    """After which a worker is replaced."""
    idle_seconds: float = 60.0
    waiting: int = 64
    """Calls that may wait for one worker; one more is turned away."""
    spares: int = 1
    """Workers kept ready beside these for the next tenant of an interpreter of ours: one or none."""


class PoolFull(Exception):
    """Too many calls wait for this worker already, or the pool is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedArtifact:
    """An interpreter of ours: one artifact for every tenant and tool, in memory once."""

    report: ModuleReport
    native: Shared


Provide: TypeAlias = Callable[[], Awaitable[Artifact | SharedArtifact]]


@dataclass(slots=True)
class _Place:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    worker: Worker | None = None
    waiting: int = 0
    idle_since: float = 0.0


class WorkerPool:
    """Workers by identity, least recently used first."""

    def __init__(self, bounds: PoolBounds, *, unprivileged: int) -> None:
        self._bounds = bounds
        self._unprivileged = unprivileged
        self._places: OrderedDict[Identity, _Place] = OrderedDict()
        self._alive = 0
        self._changed = asyncio.Event()
        self._sweep: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._spares = Spares()
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that live now and are somebody's."""
        return tuple(place.worker.pid for place in self._places.values() if place.worker is not None)

    @property
    def spare_pids(self) -> tuple[int, ...]:
        """The process that waits for a first call, beside the bound: one at most."""
        return self._spares.pids

    async def call(
        self, identity: Identity, request: Request, provide: Provide, broker: Broker = nothing_granted
    ) -> Answer:
        """Run *request* on the worker of *identity*, raising one from what *provide* answers if there is none.

        *broker* answers its host calls.

        Raises: PoolFull, WorkerRefused, and whatever *provide* raises.
        """
        place = self._place(identity)
        place.waiting += 1
        try:
            async with place.turn:
                return await self._run(identity, place, request, provide, broker)
        finally:
            place.waiting -= 1
            self._forget(identity, place)

    async def apart(self, identity: Identity, provide: Provide) -> Worker:
        """A worker that the caller keeps, counts and ends itself; the spare one, if it fits.

        Raises: PoolFull when the pool is closed; WorkerRefused, and whatever *provide* raises.
        """
        artifact = await provide()
        if self._closed:
            raise PoolFull("the pool is closed")
        birth = birth_of(identity, artifact.report, unprivileged=self._unprivileged)
        worker = self._spares.take(birth, artifact.native) or await Worker.born(birth, artifact.native)
        if self._bounds.spares:
            self._spares.refill()
        return worker

    async def close(self) -> None:
        """End every worker and take no more calls."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        await self._spares.close()
        for place in list(self._places.values()):
            await self._end(place)
        self._wake()
        while self._alive:  # those being raised see that we are closed
            await self._changed.wait()

    def _place(self, identity: Identity) -> _Place:
        if self._closed:
            raise PoolFull("the pool is closed")
        place = self._places.setdefault(identity, _Place())
        if place.waiting > self._bounds.waiting:
            raise PoolFull("too many calls wait for this tool")
        self._places.move_to_end(identity)
        return place

    async def _run(
        self, identity: Identity, place: _Place, request: Request, provide: Provide, broker: Broker
    ) -> Answer:
        if place.worker is None or not place.worker.usable:
            await self._end(place)
            await self._raise(identity, place, provide)
        worker = place.worker
        if worker is None or self._closed:
            await self._end(place)
            raise PoolFull("the pool is closed")
        try:
            return await worker.call(request, broker)
        finally:
            await self._after(place, worker)

    async def _after(self, place: _Place, worker: Worker) -> None:
        spent = worker.calls >= self._bounds.calls or worker.cpu_seconds > _RETIRE_CPU_SECONDS
        if spent or self._closed or not worker.usable:
            await self._end(place)
            return
        if self._bounds.spares:
            self._spares.refill()
        loop = asyncio.get_running_loop()
        place.idle_since = loop.time()
        if self._sweep is None:
            self._sweep = loop.call_later(self._bounds.idle_seconds, self._sweep_idle)
        if self._alive >= self._bounds.workers:
            self._wake()

    async def _raise(self, identity: Identity, place: _Place, provide: Provide) -> None:
        artifact = await provide()
        await self._make_room()
        try:
            report = artifact.report
            birth = birth_of(identity, report, unprivileged=self._unprivileged)
            spare = self._spares.take(birth, artifact.native)
            place.worker = spare or await Worker.born(birth, artifact.native)
        finally:
            if place.worker is None:
                self._freed()

    async def _make_room(self) -> None:
        while self._alive >= self._bounds.workers and not self._closed:
            idle = self._longest_idle()
            if idle is None:
                await self._changed.wait()
                continue
            identity, place = idle
            try:
                await self._end(place)
            finally:
                self._forget(identity, place)
        if self._closed:
            raise PoolFull("the pool is closed")
        self._alive += 1

    def _longest_idle(self) -> tuple[Identity, _Place] | None:
        idle = (item for item in self._places.items() if item[1].worker is not None and not item[1].turn.locked())
        return min(idle, key=lambda item: item[1].idle_since, default=None)

    def _forget(self, identity: Identity, place: _Place) -> None:
        if place.worker is None and place.waiting == 0 and self._places.get(identity) is place:
            del self._places[identity]

    async def _end(self, place: _Place) -> None:
        worker, place.worker = place.worker, None
        if worker is None:
            return
        try:
            await worker.end()
        finally:  # also when cancelled twice: a worker that is never counted out keeps the pool from closing
            self._freed()

    def _freed(self) -> None:
        self._alive -= 1
        self._wake()

    def _wake(self) -> None:
        """Everybody who waits looks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _sweep_idle(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = None
        for identity, place in list(self._places.items()):
            if place.worker is None or place.turn.locked():
                continue
            if loop.time() - place.idle_since >= self._bounds.idle_seconds:
                del self._places[identity]
                closing = loop.create_task(self._end(place))
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)
        if any(place.worker is not None for place in self._places.values()) and not self._closed:
            self._sweep = loop.call_later(self._bounds.idle_seconds, self._sweep_idle)


def birth_of(identity: Identity, report: ModuleReport, *, unprivileged: int) -> Birth:
    """What a worker for *identity* is born with; of whom it serves, nothing."""
    return Birth(
        abi=identity.abi,
        wasi=report.wasi,
        clock=identity.clock,
        random=identity.random,
        tables=report.tables,
        table_elements=report.table_elements,
        declared_memory_bytes=report.memory_bytes,
        component=report.component,
        instances=report.instances,
        memories=report.memories,
        table_limits=report.table_limits,
        memory_bytes=identity.memory_bytes,
        cpu_seconds=CPU_SECONDS,
        unprivileged=unprivileged,
    )
