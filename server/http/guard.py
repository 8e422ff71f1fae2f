"""The outermost layer of HTTP: refuses what no route should see, and says who is calling. Knows no route's meaning.

1. `Host` is there once and is one of ours; `Authorization` and whatever else frames a request is there at most once.
2. An `Origin` is the very one the request was sent to, or the request is refused: other ports are other people.
3. A body is `application/json` in UTF-8, uncompressed, within its cap, and arrives in time. No CORS header, ever.
4. Every route but the public ones needs a token that holds, before a byte of the body is read.
5. Whatever breaks inside is one constant answer; the log has its kind and place, never its text.
"""

import asyncio
import re
import secrets
import traceback
from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.contracts import HoldfastError, Overloaded, TooLarge, Unauthenticated
from holdfast.contracts import Scope as CallerScope

from .ports import Authenticating, Responses
from .problems import LacksScope, Problem, Refused, internal, problem_of
from .surface import MCP_PATH, REGISTER_PATH, Surface

PRINCIPAL: Final = "holdfast.principal"
"""Where the caller stands in an ASGI scope."""

CHALLENGE: Final = "holdfast.challenge"
"""What a caller of the MCP endpoint is told when its token says too little: where it gets one that says more."""

_ONCE: Final = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"cookie",
        b"expect",
        b"host",
        b"origin",
        b"transfer-encoding",
    }
)
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_JSON: Final = re.compile(rb'application/json(?:[ \t]*;[ \t]*charset="?utf-8"?)?', re.IGNORECASE)
_MULTIPART: Final = re.compile(rb"multipart/form-data[ \t]*;[ \t]*boundary=[^\s;]{1,72}", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_BEARER: Final = re.compile(rb"bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)
_SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
_DEFAULT_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_REPLACED: Final = frozenset(name for name, _ in _SECURITY)
_log = structlog.get_logger("holdfast.http")


class Guard:
    """An ASGI application around another."""

    def __init__(self, app: ASGIApp, *, surface: Surface, authenticating: Authenticating, responses: Responses) -> None:
        self._app = app
        self._surface = surface
        self._authenticating = authenticating
        self._responses = responses
        self._origins = {host: f"{surface.scheme}://{host}" for host in surface.hosts}
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, then hand it on."""
        match scope["type"]:
            case "lifespan":
                await self._app(scope, receive, send)
            case "http":
                await self._answer(scope, receive, _Answer(send, self._responses))
            case _:  # websockets are not offered
                await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            headers = _headers(scope["headers"], self._surface)
            self._check_target(scope, headers)
            self._authenticate(scope, headers)
            self._check_body(scope, headers)
            await self._run(scope, receive, answer)
        except ClientDisconnect:
            pass
        except Unauthenticated as error:
            await answer.give(self._challenge(error, scope))
        except LacksScope as error:
            await answer.give(self._step_up(error, scope))
        except HoldfastError as error:
            await answer.give(problem_of(error))
        except Exception as error:  # noqa: BLE001 -- the top of HTTP: whatever broke, the client gets the constant
            await answer.give(_failure(error))

    async def _run(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        limits = self._surface.limits
        if self._running >= limits.in_flight and PRINCIPAL in scope:
            raise Overloaded("too many requests are under way", remedy="try again")
        seconds = limits.stream_s if scope["path"] == MCP_PATH else limits.request_s
        timeout = asyncio.timeout(seconds)
        self._running += 1
        try:
            async with timeout:
                await self._app(scope, _Body(receive, scope, self._surface).receive, answer.send)
        except TimeoutError:
            if not timeout.expired():
                raise
            raise Refused(503, f"the request was cut off after {seconds:g} seconds") from None
        finally:
            self._running -= 1

    def _check_target(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        client = scope.get("client")
        if not self._surface.may_connect(client[0] if client else None):
            raise Refused(403, "connect through the proxy")
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if not host:
            raise Refused(400, "the header `Host` is required")
        own = self._origins.get(host)
        if own is None:
            raise Refused(421, "this server does not answer to that `Host`; it must be named in the configuration")
        if b"origin" in headers and headers[b"origin"].decode("latin-1") != own:
            raise Refused(403, "the `Origin` is foreign; only pages of this server may call it")

    def _authenticate(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        if self._surface.is_public(scope["method"], scope["path"]):
            return
        bearer = _BEARER.fullmatch(headers.get(b"authorization", b""))
        if bearer is None:
            raise Unauthenticated("send `Authorization: Bearer` and a token")
        scope[CHALLENGE] = self._parameters(scope, CallerScope.CALL)
        scope[PRINCIPAL] = self._authenticating.authenticate(bearer[1].decode("ascii"))

    def _check_body(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        length = headers.get(b"content-length", b"0")
        if not _LENGTH.fullmatch(length):
            raise Refused(400, "the header `Content-Length` is not a number")
        if scope["method"] not in _WITH_BODY:
            if int(length) or b"transfer-encoding" in headers:
                raise Refused(400, "a request with this method has no body")
            return
        kind = headers.get(b"content-type", b"")
        if not _JSON.fullmatch(kind) and not (scope["path"] == REGISTER_PATH and _MULTIPART.fullmatch(kind)):
            raise Refused(415, "the `Content-Type` must be `application/json`, with no charset but UTF-8")
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Refused(415, "a body is not compressed")
        if int(length) > _body_cap(scope, self._surface):
            raise _too_large(scope, self._surface)

    def _challenge(self, error: Unauthenticated, scope: Scope) -> Problem:
        """RFC 6750 section 3, RFC 9728 section 5.1: what a token must say is only said of the endpoint for agents."""
        told = self._parameters(scope, CallerScope.CALL if scope["path"] == MCP_PATH else None)
        invalid = ', error="invalid_token"' if CHALLENGE in scope else ""
        return Problem(status=401, detail=error.message, headers=(("www-authenticate", f"Bearer {told}{invalid}"),))

    def _step_up(self, error: LacksScope, scope: Scope) -> Problem:
        told = self._parameters(scope, CallerScope(error.scope))
        challenge = ("www-authenticate", f'Bearer error="insufficient_scope", {told}')
        return Problem(status=403, detail=error.message, remedy=error.remedy, headers=(challenge,))

    def _parameters(self, scope: Scope, needed: CallerScope | None) -> str:
        host = next((value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"), "")
        metadata = f'resource_metadata="{self._surface.metadata_of(host, scope["path"])}"'
        return metadata if needed is None else f'{metadata}, scope="{self._surface.scope_names[needed]}"'


class _Body:
    """What a request sends, counted and timed."""

    def __init__(self, receive: Receive, scope: Scope, surface: Surface) -> None:
        self._receive = receive
        self._scope = scope
        self._surface = surface
        limits = surface.limits
        self._seconds = limits.register_s if scope["path"] == REGISTER_PATH else limits.body_s
        self._deadline = asyncio.get_running_loop().time() + self._seconds
        self._left = _body_cap(scope, surface)
        self._complete = False

    async def receive(self) -> Message:
        """The next message; when the body is complete, whatever comes after it."""
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Refused(408, f"the body did not arrive within {self._seconds:g} seconds") from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise _too_large(self._scope, self._surface)
            self._complete = not message.get("more_body", False)
        return message


class _Answer:
    """What a request is sent, with the headers that every answer carries."""

    def __init__(self, send: Send, responses: Responses) -> None:
        self._send = send
        self._responses = responses
        self._started = False

    async def send(self, message: Message) -> None:
        """Pass *message* on."""
        if message["type"] == "http.response.start":
            self._started = True
            self._responses.responded(message["status"])
            message["headers"] = _hardened(message.get("headers", ()))
        await self._send(message)

    async def give(self, problem: Problem) -> None:
        """Answer with *problem*, unless an answer has begun; that one is cut off by its missing end."""
        if self._started:
            return
        response = problem.response()
        await self.send(
            {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        )
        await self._send({"type": "http.response.body", "body": response.body})


def _headers(raw: Iterable[tuple[bytes, bytes]], surface: Surface) -> dict[bytes, bytes]:
    seen: dict[bytes, bytes] = {}
    count = size = 0
    for name, value in raw:
        count += 1
        size += len(name) + len(value)
        if name in seen and name in _ONCE:
            raise Refused(400, f"the header `{name.decode('latin-1')}` is repeated")
        seen[name] = value
    if count > surface.limits.header_count or size > surface.limits.header_bytes:
        raise Refused(431, "the headers are too many or too long")
    return seen


def _body_cap(scope: Scope, surface: Surface) -> int:
    limits = surface.limits
    return limits.register_bytes if scope["path"] == REGISTER_PATH else limits.body_bytes


def _too_large(scope: Scope, surface: Surface) -> TooLarge:
    return TooLarge(f"the body is larger than {_body_cap(scope, surface)} bytes")


def _hardened(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.lower() not in _REPLACED]
    if not any(name.lower() == _DEFAULT_POLICY[0] for name, _ in kept):
        kept.append(_DEFAULT_POLICY)
    return [*kept, *_SECURITY]


def _failure(error: Exception) -> Problem:
    instance = f"urn:holdfast:request:{secrets.token_hex(8)}"
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}:{frames[-1].lineno}" if frames else "?"
    _log.error("http.failed", instance=instance, error=type(error).__name__, place=place)
    return internal(instance)
