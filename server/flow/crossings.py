"""Keeps a call that carries a place's content out from meeting one that is writing labelled text there. In one process.

A push that was judged while the branch was clean must not take along what is written while it runs. Those that carry
wait for those that write, and the other way round; writers do not wait for each other. A call that waits for a person's
answer is in nobody's way meanwhile: its passage begins anew afterwards.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
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
    async def passage(self, *, writing: Iterable[Ground], carrying: Iterable[Ground]) -> AsyncGenerator["Passage"]:
        """Wait until nobody is in the way, and be in the way of others meanwhile. Always in one order: no deadlock."""
        carried = frozenset(carrying)
        passage = Passage(self, {ground: ground in carried for ground in sorted(carried | frozenset(writing))})
        try:
            await passage.take()
            yield passage
        finally:
            if passage.held:
                await asyncio.shield(passage.give())

    async def enter(self, ground: Ground, *, carries: bool) -> None:
        """Wait until nobody is in the way on *ground*, and be in the way of others from then on."""
        crossing = self._open.setdefault(ground, _Crossing())
        crossing.waiting += 1
        try:
            async with crossing.moved:
                await crossing.moved.wait_for(lambda: _free(crossing, carries=carries))
                crossing.carrying += carries
                crossing.writing += not carries
        finally:
            crossing.waiting -= 1

    async def leave(self, ground: Ground, *, carries: bool) -> None:
        """Be in nobody's way on *ground* any more."""
        crossing = self._open[ground]
        crossing.carrying -= carries
        crossing.writing -= not carries
        await _tell(crossing)
        if crossing.writing == crossing.carrying == crossing.waiting == _NOBODY:
            self._open.pop(ground, None)


class Passage:
    """One call's way through, which it lets others have while it only waits for somebody's answer."""

    def __init__(self, crossings: Crossings, grounds: Mapping[Ground, bool]) -> None:
        """*grounds*, in the order they are entered, and whether the call carries something out of each."""
        self._crossings = crossings
        self._grounds = grounds
        self._held: list[Ground] = []
        self._waiting = 0

    @property
    def held(self) -> bool:
        """Whether it is in anybody's way."""
        return bool(self._held)

    async def take(self) -> None:
        """Enter every ground."""
        for ground, carries in self._grounds.items():
            await self._crossings.enter(ground, carries=carries)
            self._held.append(ground)

    async def give(self) -> None:
        """Leave every ground that was entered."""
        while self._held:
            ground = self._held.pop()
            await self._crossings.leave(ground, carries=self._grounds[ground])

    @asynccontextmanager
    async def let_others(self) -> AsyncGenerator[None]:
        """Be in nobody's way while the block runs; blocks of one call may overlap."""
        self._waiting += 1
        if self._waiting == 1:
            await self.give()
        try:
            yield
        finally:
            self._waiting -= 1
            if self._waiting == 0:
                await self.take()


def _free(crossing: _Crossing, *, carries: bool) -> bool:
    if carries:
        return crossing.writing == _NOBODY and crossing.carrying == _NOBODY
    return crossing.carrying == _NOBODY


async def _tell(crossing: _Crossing) -> None:
    async with crossing.moved:
        crossing.moved.notify_all()
