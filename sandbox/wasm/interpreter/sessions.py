"""Keeps instances of an interpreter between the calls of one session. It never hands one to any other.

1. An instance is its owner's: tenant, principal and session together. Its worker serves nothing else, ever.
2. They are counted, in all and for each principal; one more is refused, and nobody's is ended to make room.
3. Any end of a call but an answer ends the instance, and so does idleness. The next call is told that and runs nothing:
   a program that counts on what is gone must not begin.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from holdfast.contracts import Authorized, Reason, Refusal, SessionId, TenantId

from ..supervisor import Worker

_REMEMBERED: Final = 1000
"""Losses that nobody has asked about yet."""
_WAITING: Final = 8
"""Calls that may wait for one instance."""
_CUT_OFF: Final = "a call of it was cut off"
CPU_SECONDS: Final = 200.0
"""Of its whole life; the kernel's own limit of its worker lies above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBounds:
    """How many instances are kept, and how long without a call."""

    total: int = 8
    each: int = 2
    """Of one principal."""
    idle_seconds: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose an instance is."""

    tenant: TenantId
    subject: str
    session: SessionId

    @classmethod
    def of(cls, call: Authorized) -> "Owner":
        """Whoever makes *call*."""
        return cls(tenant=call.principal.tenant, subject=call.principal.subject, session=call.session.id)


@dataclass(slots=True, eq=False)
class Held:
    """One instance, while a call has it."""

    owner: Owner
    worker: Worker | None = None
    """None before the first call."""
    calls: int = 0
    """Answered so far."""
    lost: str | None = None
    """Why it must not go on, if it must not."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    idle: asyncio.TimerHandle | None = None

    def answered(self) -> None:
        """The call ended with an answer: the instance stays."""
        self.calls += 1
        worker = self.worker
        tired = worker is not None and worker.cpu_seconds > CPU_SECONDS
        self.lost = "it used up its processor time" if tired else None


class Sessions:
    """The instances that are kept now."""

    def __init__(self, language: str, bounds: SessionBounds) -> None:
        """Those of *language*, within *bounds*."""
        self._language = language
        self._bounds = bounds
        self._held: dict[Owner, Held] = {}
        self._losses: OrderedDict[Owner, str] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that live now."""
        return tuple(held.worker.pid for held in self._held.values() if held.worker is not None)

    @asynccontextmanager
    async def turn(self, owner: Owner) -> AsyncGenerator[Held]:
        """The instance of *owner*, alone for one call; unless that says `answered`, the instance ends with it.

        Raises: Refusal when it was lost, too many are kept, or too many calls wait for it.
        """
        self._raise_loss(owner)
        held = self._held.get(owner) or self._opened(owner)
        if held.waiting > _WAITING:
            raise self._refusal("session-busy", "too many calls wait for this session")
        held.waiting += 1
        try:
            async with held.turn:
                if self._held.get(owner) is not held:
                    self._raise_loss(owner)
                    raise self._refusal("session-lost", "the session ended meanwhile; call again to begin a new one")
                if held.idle is not None:
                    held.idle.cancel()
                held.lost = _CUT_OFF
                try:
                    yield held
                finally:
                    await self._after(held)
        finally:
            held.waiting -= 1

    async def close(self) -> None:
        """End every instance."""
        for held in list(self._held.values()):
            await self._end(held, None)
        if self._ending:
            await asyncio.wait(self._ending)

    def _opened(self, owner: Owner) -> Held:
        own = sum((one.tenant, one.subject) == (owner.tenant, owner.subject) for one in self._held)
        if len(self._held) >= self._bounds.total:
            raise self._refusal("sessions-full", "this server keeps as many sessions as it may; call without `session`")
        if own >= self._bounds.each:
            raise self._refusal("sessions-full", "you have as many sessions as you may; call without `session`")
        held = self._held[owner] = Held(owner)
        return held

    async def _after(self, held: Held) -> None:
        if held.lost is not None:
            await self._end(held, held.lost if held.calls else None)
            return
        held.idle = asyncio.get_running_loop().call_later(self._bounds.idle_seconds, self._idled, held)

    def _idled(self, held: Held) -> None:
        if held.turn.locked():
            return
        ending = asyncio.ensure_future(self._end(held, "it was idle for too long"))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _end(self, held: Held, why: str | None) -> None:
        """End *held*; *why* is what the next call of its owner is told, if there is something to tell."""
        if self._held.get(held.owner) is held:
            del self._held[held.owner]
            if why is not None:
                self._losses[held.owner] = why
                if len(self._losses) > _REMEMBERED:
                    self._losses.popitem(last=False)
        if held.idle is not None:
            held.idle.cancel()
        worker, held.worker = held.worker, None
        if worker is not None:
            await worker.end()

    def _raise_loss(self, owner: Owner) -> None:
        why = self._losses.pop(owner, None)
        if why is not None:
            told = f"what the session kept is lost: {why}; this program did not run"
            raise self._refusal("session-lost", f"{told}, and the next call begins a new session")

    def _refusal(self, code: str, message: str) -> Refusal:
        return Refusal(Reason(code=f"{self._language}/{code}", layer=self._language, message=message))
