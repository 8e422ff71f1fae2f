"""How many sessions of the handshake era one principal has open over HTTP. Whose a session is, the SDK decides.

Who opens one too many loses the one of its own that was idle longest, so that a client that went without saying so is
in nobody's way; and is refused if all of them are in use. Sessions of others are never touched.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, authorization_context
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.contracts import Overloaded, TenantId

MAX_SESSIONS_EACH: Final = 64
"""Of one principal."""
_HEADER: Final = MCP_SESSION_ID_HEADER.encode("ascii")

Who = tuple[TenantId, str]
"""Tenant and subject."""


@dataclass(slots=True)
class _Session:
    who: Who
    user: object
    """Whom the SDK bound it to."""
    last: float
    """When its last request ended."""
    requests: int = 0
    """Under way, streams too."""


class Sessions:
    """The open sessions, as the answers of *serve* tell of them."""

    def __init__(self, serve: ASGIApp, *, idle: float, clock: Callable[[], float] = time.monotonic) -> None:
        """*serve* ends by itself what has been idle for *idle* seconds. *clock* is in seconds and only grows."""
        self._serve = serve
        self._idle = idle
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self._opening: Counter[Who] = Counter()

    async def handle(self, who: Who, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of *who* in the handshake era. Raises: Overloaded, before anything was sent."""
        name = next((value.decode("latin-1") for key, value in scope["headers"] if key == _HEADER), None)
        if name is None:
            await self._open(who, scope, receive, send)
            return
        session = self._sessions.get(name)
        if session is None or not _same(session.user, scope.get("user")):
            await self._serve(scope, receive, send)  # which knows no such session of theirs either
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and _ended(scope, message):
                self._sessions.pop(name, None)
            await send(message)

        with self._in_use(session):
            await self._serve(scope, receive, told)

    async def _open(self, who: Who, scope: Scope, receive: Receive, send: Send) -> None:
        oldest = self._one_too_many(who)
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._place(who))
            if oldest is not None:
                await self._end(scope, *oldest)

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start" and message["status"] < HTTPStatus.BAD_REQUEST:
                    name = MutableHeaders(raw=message.setdefault("headers", [])).get(MCP_SESSION_ID_HEADER)
                    if name is not None:
                        session = self._sessions[name] = _Session(who, scope.get("user"), self._clock())
                        stack.enter_context(self._in_use(session))
                await send(message)

            await self._serve(scope, receive, told)

    def _one_too_many(self, who: Who) -> tuple[str, _Session] | None:
        """The session that ends for a new one, forgotten already; None while there is room. Raises: Overloaded."""
        now = self._clock()
        for name, session in tuple(self._sessions.items()):
            if not session.requests and now - session.last >= self._idle:
                del self._sessions[name]
        own = [(name, session) for name, session in self._sessions.items() if session.who == who]
        if len(own) + self._opening[who] < MAX_SESSIONS_EACH:
            return None
        idle = [one for one in own if not one[1].requests]
        if not idle:
            raise Overloaded(f"one principal has at most {MAX_SESSIONS_EACH} sessions, and all are in use; end one")
        name, session = min(idle, key=lambda one: one[1].last)
        del self._sessions[name]
        return name, session

    async def _end(self, scope: Scope, name: str, session: _Session) -> None:
        """Have the session end as its client would."""
        headers = [(key, value) for key, value in scope["headers"] if key == b"host"]
        ending = {**scope, "method": "DELETE", "headers": [*headers, (_HEADER, name.encode("latin-1"))]}
        await self._serve({**ending, "user": session.user}, _nothing_more, _unheard)

    @contextlib.contextmanager
    def _place(self, who: Who) -> Generator[None]:
        self._opening[who] += 1
        try:
            yield
        finally:
            self._opening[who] -= 1
            if not self._opening[who]:
                del self._opening[who]

    @contextlib.contextmanager
    def _in_use(self, session: _Session) -> Generator[None]:
        session.requests += 1
        try:
            yield
        finally:
            session.requests -= 1
            session.last = self._clock()


def _same(user: object, other: object) -> bool:
    """Whether the SDK takes one for the other."""
    if not isinstance(user, AuthenticatedUser) or not isinstance(other, AuthenticatedUser):
        return False
    return authorization_context(user) == authorization_context(other)


def _ended(scope: Scope, message: Message) -> bool:
    """Whether the answer says that the session is no more."""
    status = int(message["status"])
    return status == HTTPStatus.NOT_FOUND or (scope["method"] == "DELETE" and status < HTTPStatus.MULTIPLE_CHOICES)


async def _nothing_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _unheard(_message: Message) -> None:
    """Nobody waits for this answer."""
