"""The calls open on one connection: whose call it is that a server tells or asks something in the middle of.

1. On HTTP it is the call whose stream the message came on.
2. On a pipe, or on the stream of no call, nothing says it. A question is then put to nobody unless exactly one call is
   open on the connection: asking the wrong caller would show one what another's call is about. Progress names its
   call; a log entry counts as above. A call that was given up counts as open for a while: its server may not have
   heard of it yet, and what it asks is about that call, not about the next one's.
3. Whatever belongs to no call is declined or dropped.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Final

from holdfast.contracts import Method, Refusal
from holdfast.contracts.json_values import Json

from .answers import Asked, MessageId, Noticed
from .faults import UpstreamError
from .turns import LOG, PROGRESS, Turn

Reply = Callable[[MessageId, Mapping[str, Json] | None], Awaitable[None]]
"""Sends our answer to a request of the server; None: it is declined."""

ASKS: Final = {one.value: one for one in (Method.ELICITATION, Method.SAMPLING, Method.ROOTS)}
_CANCELLED: Final = "notifications/cancelled"

GIVEN_UP_SECONDS: Final = 5.0
"""How long a server may go on with a call that was given up, before it is believed to have heard of it."""


class Ongoing:
    """What is open on one connection."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """*clock* is in seconds and only grows."""
        self._clock = clock
        self._given_up = float("-inf")
        self._turns: dict[MessageId, Turn] = {}
        self._asked: dict[MessageId, asyncio.Task[None]] = {}
        self.reply: Reply | None = None
        """How to answer the server, once it is connected."""

    @contextlib.contextmanager
    def open(self, request: MessageId, turn: Turn) -> Generator[None]:
        """*request* is the call of *turn*, for as long as the block runs."""
        self._turns[request] = turn
        try:
            yield
        except UpstreamError:  # that is an answer
            raise
        except BaseException:
            self._given_up = self._clock()
            raise
        finally:
            del self._turns[request]

    def asked(self, message: Asked, stream: MessageId | None) -> bool:
        """Put a question of the server to whoever it is for; False when it is for nobody.

        *stream*: the request on whose stream it came; None where there are no streams.
        """
        method, turn = ASKS.get(message.method), self._whose(stream)
        if method is None or turn is None or method not in turn.answers or message.id in self._asked:
            return False
        task = turn.start(self._answer(turn, method, message))
        self._asked[message.id] = task
        task.add_done_callback(lambda _done: self._asked.pop(message.id, None))
        return True

    def noticed(self, notice: Noticed, stream: MessageId | None) -> None:
        """Pass on what a server tells of a call."""
        match notice.method, notice.params:
            case "notifications/progress", {"progressToken": int() | str() as token}:
                turn = self._turns.get(token)
                if turn is not None and turn.wants_progress and stream in (None, token):
                    turn.hear(notice)
            case "notifications/message", _:
                turn = self._whose(stream)
                if turn is not None and turn.log_level is not None:
                    turn.hear(notice)
            case "notifications/cancelled", {"requestId": int() | str() as request} if request in self._asked:
                self._asked[request].cancel()
            case _:
                pass

    def _whose(self, stream: MessageId | None) -> Turn | None:
        if stream is not None:
            return self._turns.get(stream)
        if self._clock() < self._given_up + GIVEN_UP_SECONDS:
            return None
        return next(iter(self._turns.values())) if len(self._turns) == 1 else None

    async def _answer(self, turn: Turn, method: Method, message: Asked) -> None:
        reply = self.reply
        if reply is None:
            return
        try:
            answer = await turn.ask(method, message.params)
        except Refusal:
            await reply(message.id, None)  # why is no business of the server's
        else:
            await reply(message.id, answer)


HEARD: Final = frozenset({PROGRESS, LOG, _CANCELLED})
"""Notices that `Ongoing.noticed` is for."""
