"""One call while its server works on it: what the server may tell, and ask of, whoever made it. Cleans nothing itself.

1. Time spent on being asked does not count against the call, and has a limit of its own.
2. A call that waits for an answer holds no place that another call could use.
3. What a server tells is passed on in order, and before its result; what comes too fast is dropped.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Mapping
from types import TracebackType
from typing import Final, Self

import anyio

from holdfast.contracts import Authorized, Method, Reason, Refusal, Talk
from holdfast.contracts.json_values import Json

from .answers import Noticed
from .places import Slot

ASKING_SECONDS: Final = 300.0
"""For all answers of one call together."""

MAX_ASKS: Final = 32
"""Questions in one call."""

MAX_QUEUED: Final = 256
"""Notices that wait for a client; more are dropped."""

SETTLE_SECONDS: Final = 1.0
"""How long a result waits for the notices before it."""

LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""RFC 5424, least severe first."""

PROGRESS: Final = "notifications/progress"
LOG: Final = "notifications/message"

UNANSWERED: Final = Reason(
    code="upstreams/unanswered",
    layer="upstreams",
    message="the server asked something and got no answer in time",
)
TOO_MANY_ASKS: Final = Reason(
    code="upstreams/too-many-questions",
    layer="upstreams",
    message=f"the server asks more than {MAX_ASKS} questions in one call",
)


class Patience:
    """The deadline of one call, which stands still while somebody is asked."""

    def __init__(self, scope: anyio.CancelScope) -> None:
        """*scope* ends the call."""
        self._scope = scope
        self._left = 0.0
        self._since = 0.0
        self.for_asking = ASKING_SECONDS
        """Seconds that were left for answers when somebody was last asked."""

    def left_for_asking(self) -> float:
        """Seconds that are left for answers now, whoever else is being asked meanwhile."""
        stopped = self._scope.deadline == float("inf")
        return self.for_asking - (anyio.current_time() - self._since if stopped else 0.0)

    def stop(self) -> None:
        """Time does not count from here on."""
        self._since = anyio.current_time()
        self._left = self._scope.deadline - self._since
        self._scope.deadline = float("inf")

    def go(self) -> None:
        """Time counts again."""
        now = anyio.current_time()
        self.for_asking -= now - self._since
        self._scope.deadline = now + self._left


class Turn:
    """One call in the hands of its server. A context: what was begun for it ends with it."""

    def __init__(self, call: Authorized, talk: Talk | None, time: Patience, slot: Slot) -> None:
        """*talk* None: nobody listens, and nobody can be asked."""
        self._call = call
        self._talk = talk
        self._time = time
        self._slot = slot
        self._asks = 0
        self._asking = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue: deque[Noticed] = deque()
        self._saying: asyncio.Task[None] | None = None
        self.answers: frozenset[Method] = frozenset() if talk is None else talk.answers(call)
        """What its server may ask."""
        self.wants_progress = talk is not None and talk.wants_progress(call)
        self.log_level = _level(None if talk is None else talk.log_level(call))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asking = set(self._tasks)
        for task in asking:
            task.cancel()
        if kind is None and self._saying is not None:
            await asyncio.wait({self._saying}, timeout=SETTLE_SECONDS)
        if self._saying is not None:
            self._saying.cancel()
            asking.add(self._saying)
        if asking:
            await asyncio.wait(asking, timeout=SETTLE_SECONDS)

    def hear(self, notice: Noticed) -> None:
        """Pass *notice* on, soon, if it is something that was asked for."""
        if self._talk is None or len(self._queue) >= MAX_QUEUED:
            return
        self._queue.append(notice)
        if self._saying is None or self._saying.done():
            self._saying = asyncio.create_task(self._say(self._talk))

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do *work* beside the call, no longer than it lasts."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def ask(self, method: Method, params: Mapping[str, Json], *, key: str | None = None) -> Mapping[str, Json]:
        """Put a question of the server to whoever made the call, and wait for the answer.

        *key*: the server's own name of it.

        Raises: Refusal when it may not be asked, is not answered, or the answer may not go to the server.
        """
        self._asks += 1
        if self._asks > MAX_ASKS:
            raise Refusal(TOO_MANY_ASKS)
        if self._talk is None:
            raise Refusal(UNANSWERED)
        async with self._waiting():
            with anyio.move_on_after(max(0.0, self._time.left_for_asking())):
                return await self._talk.ask(self._call, method, params, key=key)
        raise Refusal(UNANSWERED)

    @contextlib.asynccontextmanager
    async def _waiting(self) -> AsyncGenerator[None]:
        if self._asking == 0:
            self._time.stop()
            self._slot.give()
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            if self._asking == 0:
                self._time.go()
                await self._slot.take()
                if self._asking:  # something else was asked before there was a place again
                    self._slot.give()

    async def _say(self, talk: Talk) -> None:
        while self._queue:
            await self._pass_on(talk, self._queue.popleft())

    async def _pass_on(self, talk: Talk, notice: Noticed) -> None:
        match notice.method, notice.params:
            case "notifications/progress", {"progress": int() | float() as done} if not isinstance(done, bool):
                total, message = notice.params.get("total"), notice.params.get("message")
                whole = float(total) if isinstance(total, int | float) and not isinstance(total, bool) else None
                await talk.progress(self._call, float(done), whole, message if isinstance(message, str) else None)
            case "notifications/message", {"level": str(level), "data": data} if self._wants(level):
                logger = notice.params.get("logger")
                await talk.log(self._call, level, logger if isinstance(logger, str) else None, data)
            case _:
                pass  # out of shape, or not asked for: nothing is lost

    def _wants(self, level: str) -> bool:
        wanted = self.log_level
        return wanted is not None and level in LEVELS and LEVELS.index(level) >= LEVELS.index(wanted)


def _level(wanted: str | None) -> str | None:
    return wanted if wanted in LEVELS else None
