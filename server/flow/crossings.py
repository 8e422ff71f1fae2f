"""Keeps a call that carries a place's content out from meeting one that is writing labelled text there. In one process.

A push that was judged while the branch was clean must not take along what is written while it runs. Those that carry
wait for those that write, and the other way round; writers do not wait for each other.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Ground: TypeAlias = tuple[str, str]
"""A tenant and one of its spaces."""

_NOBODY: Final = 0


@dataclass(slots=True)
class _Crossing:
    writing: int = 0
    carrying: int = 0
    waiting: int = 0
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)


class Crossings:
    """Who is writing to and who is carrying from which space now."""

    def __init__(self) -> None:
        self._open: dict[Ground, _Crossing] = {}

    @asynccontextmanager
    async def passage(self, *, writing: Iterable[Ground], carrying: Iterable[Ground]) -> AsyncGenerator[None]:
        """Wait until nobody is in the way, and be in the way of others meanwhile. Always in one order: no deadlock."""
        carried = frozenset(carrying)
        async with AsyncExitStack() as stack:
            for ground in sorted(carried | frozenset(writing)):
                await stack.enter_async_context(self._entered(ground, carries=ground in carried))
            yield

    @asynccontextmanager
    async def _entered(self, ground: Ground, *, carries: bool) -> AsyncGenerator[None]:
        crossing = self._open.setdefault(ground, _Crossing())
        crossing.waiting += 1
        try:
            async with crossing.moved:
                await crossing.moved.wait_for(lambda: _free(crossing, carries=carries))
                crossing.carrying += carries
                crossing.writing += not carries
        finally:
            crossing.waiting -= 1
        try:
            yield
        finally:
            crossing.carrying -= carries
            crossing.writing -= not carries
            await asyncio.shield(_tell(crossing))
            if crossing.writing == crossing.carrying == crossing.waiting == _NOBODY:
                self._open.pop(ground, None)


def _free(crossing: _Crossing, *, carries: bool) -> bool:
    if carries:
        return crossing.writing == _NOBODY and crossing.carrying == _NOBODY
    return crossing.carrying == _NOBODY


async def _tell(crossing: _Crossing) -> None:
    async with crossing.moved:
        crossing.moved.notify_all()
