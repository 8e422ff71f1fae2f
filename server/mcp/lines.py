"""The way back to a client while its call runs, in both eras. It cleans nothing, judges nothing and keeps nothing.

1. A client of the handshake era is asked on its open call.
2. A client of 2026-07-28 cannot be asked: a question is left in the line, whoever answers the call finds it there, and
   the client's next request brings the answer.
3. What the client did not declare is never asked.
4. A client may send its answers along with the call, under the names that the server gives its questions. The question
   is judged and recorded as ever; no approval of ours is ever asked this way.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast, get_args

import mcp.types as t
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.shared.message import ServerMessageMetadata
from pydantic import ValidationError

from holdfast.contracts import Json, Method

from .asking import Question, declared, lacking, question, refusal, reply_of, undeclared, written

ASK_SECONDS: Final = 300.0
"""A person answers, or nobody does."""
MOST_QUESTIONS: Final = 8
"""Questions of one call that wait at once."""
LOG_LEVEL_META: Final = "io.modelcontextprotocol/logLevel"
LEVELS: Final[tuple[str, ...]] = get_args(t.LoggingLevel)
"""RFC 5424's, from the least severe."""

_KEY: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,63}")

Context: TypeAlias = ServerRequestContext[Any, Any]


def worth_telling(level: str, least: str | None) -> bool:
    """Whether a client that wants *least* and above wants an entry of *level*."""
    return least in LEVELS and level in LEVELS and LEVELS.index(level) >= LEVELS.index(least)


def _has_token(ctx: Context) -> bool:
    return ctx.meta is not None and ctx.meta.get("progress_token") is not None


async def _progress(ctx: Context, done: float, total: float | None, message: str | None) -> None:
    await ctx.session.report_progress(done, total, message)


async def _log(ctx: Context, level: str, logger: str | None, data: Json) -> None:
    params = t.LoggingMessageNotificationParams(level=cast("t.LoggingLevel", level), logger=logger, data=data)
    await ctx.session.send_notification(t.LoggingMessageNotification(params=params), ctx.request_id)


class HandshakeLine:
    """The line of a client of 2025-11-25 or before."""

    def __init__(self, ctx: Context, level: str | None, *, ask_seconds: float = ASK_SECONDS) -> None:
        """*level*: what the client set for its session."""
        self._ctx = ctx
        self._level = level
        self._seconds = ask_seconds

    @property
    def answers(self) -> frozenset[Method]:
        """What it declared, once, when it came."""
        return declared(self._ctx.session.client_capabilities)

    @property
    def wants_progress(self) -> bool:
        """Whether its call has a token."""
        return _has_token(self._ctx)

    @property
    def log_level(self) -> str | None:
        """What it set for its session."""
        return self._level

    async def progress(self, done: float, total: float | None, message: str | None, /) -> None:
        """Tell it, if its call has a token."""
        await _progress(self._ctx, done, total, message)

    async def log(self, level: str, logger: str | None, data: Json, /) -> None:
        """Hand it one entry, if it wants any of that level."""
        if worth_telling(level, self._level):
            await _log(self._ctx, level, logger, data)

    async def ask(self, method: Method, params: Mapping[str, Json], /, *, key: str | None = None) -> Mapping[str, Json]:
        """Ask on the open call, where questions have no names."""
        del key
        if lacking(self._ctx.session.client_capabilities, method, params) is not None:
            raise undeclared(method)
        asked = question(method, params)
        try:
            answer = await self._ctx.session.send_request(
                asked,
                reply_of(method, params),
                self._seconds,
                metadata=ServerMessageMetadata(related_request_id=self._ctx.request_id),
            )
        except MCPError:
            raise refusal("mcp/not-answered", "the client did not answer the server's question") from None
        except ValidationError:
            raise refusal("mcp/answer-unreadable", "the client's answer is not one that MCP defines") from None
        return written(answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One question that waits for the client's next request."""

    key: str
    method: Method
    params: Mapping[str, Json]
    asked: Question
    answer: "asyncio.Future[Mapping[str, Json]]"


class ModernLine:
    """The line of a client of 2026-07-28; it may change hands from one request of a call to the next."""

    def __init__(self, ctx: Context, *, asked: bool = True, ahead: Mapping[str, t.InputResponse] | None = None) -> None:
        """*asked*: whether its request may be answered with questions. *ahead*: the answers it brought along."""
        self._ctx: Context | None = ctx
        self._capabilities = ctx.session.client_capabilities if asked else None
        self._level = _wanted(ctx)
        self._ahead = dict(ahead or {})
        self._waiting: dict[str, Waiting] = {}
        self._asked = 0
        self.lacking: t.ClientCapabilities | None = None
        """What a question that was not asked would have needed."""
        self.something = asyncio.Event()
        """Set while a question waits."""

    @property
    def answers(self) -> frozenset[Method]:
        """What its latest request declared."""
        return declared(self._capabilities)

    @property
    def wants_progress(self) -> bool:
        """Whether an open request has a token."""
        return self._ctx is not None and _has_token(self._ctx)

    @property
    def log_level(self) -> str | None:
        """What its latest request wants."""
        return self._level

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """The questions without an answer, in the order they were asked."""
        return tuple(one for one in self._waiting.values() if not one.answer.done())

    def taken_up(self, ctx: Context) -> None:
        """The client's next request about the same call: from now on it is the one that hears."""
        self._ctx = ctx
        self._capabilities = ctx.session.client_capabilities
        self._level = _wanted(ctx)

    def let_go(self) -> None:
        """No request is open: nobody hears anything."""
        self._ctx = None

    async def progress(self, done: float, total: float | None, message: str | None, /) -> None:
        """Tell it, if a request is open and has a token."""
        if self._ctx is not None:
            await _progress(self._ctx, done, total, message)

    async def log(self, level: str, logger: str | None, data: Json, /) -> None:
        """Hand it one entry, if a request is open that wants any of that level."""
        if self._ctx is not None and worth_telling(level, self._level):
            await _log(self._ctx, level, logger, data)

    async def ask(self, method: Method, params: Mapping[str, Json], /, *, key: str | None = None) -> Mapping[str, Json]:
        """Leave the question, and wait until a request brings the answer."""
        needs = lacking(self._capabilities, method, params)
        if needs is not None:
            self.lacking = needs
            raise undeclared(method)
        if len(self._waiting) >= MOST_QUESTIONS:
            raise refusal("mcp/too-many-questions", f"a call asks at most {MOST_QUESTIONS} questions at once")
        brought = None if key is None else self._ahead.pop(key, None)
        if brought is not None and isinstance(brought, _replies(method, params)):
            return written(brought)
        key = self._key(key)
        answer: asyncio.Future[Mapping[str, Json]] = asyncio.get_running_loop().create_future()
        asked = question(method, params)
        self._waiting[key] = Waiting(key=key, method=method, params=params, asked=asked, answer=answer)
        self.something.set()
        try:
            return await answer
        finally:
            del self._waiting[key]
            if not self._waiting:
                self.something.clear()

    def _key(self, wanted: str | None) -> str:
        """*wanted* if it is a plain name that no other waiting question has, else one of ours."""
        if wanted is not None and _KEY.fullmatch(wanted) and wanted not in self._waiting:
            return wanted
        self._asked += 1
        while f"q{self._asked}" in self._waiting:
            self._asked += 1
        return f"q{self._asked}"

    def answer(self, responses: Mapping[str, t.InputResponse]) -> None:
        """Hand out the answers that fit a waiting question; what is no answer to any is nobody's."""
        for one in self.waiting:
            reply = responses.get(one.key)
            if reply is not None and isinstance(reply, _replies(one.method, one.params)):
                one.answer.set_result(written(reply))

    def refuse(self, code: str, message: str) -> None:
        """Nobody will answer what waits."""
        for one in self.waiting:
            one.answer.set_exception(refusal(code, message))


def _replies(method: Method, params: Mapping[str, Json]) -> type | tuple[type, ...]:
    # The two shapes of a sampled message are told apart by what they hold, not by which one the SDK tried first.
    both = (t.CreateMessageResult, t.CreateMessageResultWithTools)
    return both if method is Method.SAMPLING else reply_of(method, params)


def _wanted(ctx: Context) -> str | None:
    level = cast("Mapping[str, Any]", ctx.meta or {}).get(LOG_LEVEL_META)
    return level if isinstance(level, str) and level in LEVELS else None
