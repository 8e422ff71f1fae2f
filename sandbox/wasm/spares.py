"""Keeps one worker ready that has served nobody: confined, its artifact loaded, given away once and to one place only.

Only for artifacts that several places share, which are interpreters of ours: such a worker holds nothing of a tenant's
or a tool's, and from its first call on it is its place's like any other. It makes a first call short, no other thing.
"""

import asyncio
from dataclasses import dataclass

import structlog

from .birth import Birth
from .memfd import Shared
from .supervisor import Worker, WorkerRefused

_log = structlog.get_logger("holdfast.wasm.spares")


@dataclass(frozen=True, slots=True)
class _Kind:
    birth: Birth
    native: Shared


class Spares:
    """One spare worker, of the kind that was last asked for."""

    def __init__(self) -> None:
        self._kind: _Kind | None = None
        self._worker: Worker | None = None
        self._raising: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[int]] = set()
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """The spare, while there is one."""
        return () if self._worker is None else (self._worker.pid,)

    def take(self, birth: Birth, native: bytes | Shared) -> Worker | None:
        """The spare, if it was born exactly so; nobody else gets it again. From now on this kind is kept ready."""
        if not isinstance(native, Shared):
            return None
        wanted = _Kind(birth, native)
        if wanted != self._kind:
            self._kind = wanted
            self._discard()
            return None
        if self._worker is not None and not self._worker.alive:
            self._discard()
        worker, self._worker = self._worker, None
        return worker

    def refill(self) -> None:
        """Raise a spare in the background, if there is none and one is of use."""
        if self._kind is not None and self._worker is None and self._raising is None and not self._closed:
            self._raising = asyncio.ensure_future(self._raise(self._kind))

    async def close(self) -> None:
        """End it."""
        self._closed, self._kind = True, None
        raising = self._raising
        if raising is not None:
            raising.cancel()
            await asyncio.wait((raising,))
        self._discard()
        if self._ending:
            await asyncio.wait(self._ending)

    async def _raise(self, kind: _Kind) -> None:
        try:
            worker = await Worker.born(kind.birth, kind.native)
        except WorkerRefused as error:  # whoever needs a worker raises one, and is told
            _log.warning("spare_refused", why=str(error))
            return
        finally:
            self._raising = None
        if kind != self._kind or self._closed or self._worker is not None:
            await worker.end()
            return
        self._worker = worker

    def _discard(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            ending = asyncio.ensure_future(worker.end())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
