"""MCP over HTTP as an ASGI application to be mounted. It authenticates nobody: without a principal it refuses.

Whoever mounts it has checked Host, Origin and the token, and left the principal in the scope.
"""

import contextlib
from collections.abc import AsyncGenerator, Mapping
from functools import lru_cache
from typing import Final

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from holdfast.contracts import Overloaded, Principal, TooLarge
from holdfast.contracts import Scope as CallerScope
from holdfast.contracts.json_values import canonical

from .endpoint import PRINCIPAL, Endpoint
from .sessions import Sessions
from .strict import INVALID_REQUEST, RefusedMessage, check

CHALLENGE: Final = "holdfast.challenge"
"""Where in an ASGI scope the HTTP face puts what a client is told whose token says too little."""
SCOPE_CALL: Final = 'scope="call"'
MAX_BODY_BYTES: Final = 1 << 20
MAX_SESSIONS: Final = 1_024
IDLE_SECONDS: Final = 1_800.0
_VERSION: Final = MCP_PROTOCOL_VERSION_HEADER.encode("ascii")


class HttpEndpoint:
    """An `Endpoint` of both eras behind one path. Serves while `running` is entered."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._sessions = StreamableHTTPSessionManager(
            endpoint.server,
            json_response=False,  # a stream is what tells us that a modern client gave its call up
            max_request_body_size=MAX_BODY_BYTES,
            max_sessions=MAX_SESSIONS,
            session_idle_timeout=IDLE_SECONDS,
        )
        self._each = Sessions(self._sessions.handle_request, idle=IDLE_SECONDS)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Serve while the block runs. Once per instance."""
        async with self._sessions.run():
            try:
                yield
            finally:
                await self._endpoint.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        principal = scope.get(PRINCIPAL)
        if not isinstance(principal, Principal):
            await _refusal(401, RefusedMessage(INVALID_REQUEST, "the request has no principal"))(scope, receive, send)
            return
        if CallerScope.CALL not in principal.scopes:
            told = f'Bearer error="insufficient_scope", {scope.get(CHALLENGE, SCOPE_CALL)}'
            lacking = RefusedMessage(INVALID_REQUEST, "the token lacks the scope `call`")
            await _refusal(403, lacking, {"www-authenticate": told})(scope, receive, send)
            return
        try:
            checked = receive if scope["method"] != "POST" else await _checked(scope, receive)
        except RefusedMessage as refused:
            await _refusal(400, refused)(scope, receive, send)
            return
        except TooLarge as error:
            await _refusal(413, RefusedMessage(INVALID_REQUEST, error.message))(scope, receive, send)
            return
        owned = {**scope, "user": _owner(principal)}
        if not _has_session(scope):
            await self._sessions.handle_request(owned, checked, send)
            return
        try:
            await self._each.handle((principal.tenant, principal.subject), owned, checked, send)
        except Overloaded as error:
            await _refusal(429, RefusedMessage(INVALID_REQUEST, error.message))(scope, receive, send)


def _has_session(scope: Scope) -> bool:
    """Whether the SDK takes the request for one of the handshake era."""
    said = next((value.decode("latin-1") for name, value in scope["headers"] if name == _VERSION), None)
    return said is None or said in HANDSHAKE_PROTOCOL_VERSIONS


def _owner(principal: Principal) -> AuthenticatedUser:
    """Whom the SDK binds a handshake-era session to: another principal, or token, is told that it does not exist."""
    return _named(principal.subject, principal.tenant, principal.token_id, principal.session, principal.profile)


@lru_cache(maxsize=MAX_SESSIONS)
def _named(subject: str, *parts: str | None) -> AuthenticatedUser:
    client_id = canonical(list(parts)).decode()
    return AuthenticatedUser(AccessToken(token="", client_id=client_id, subject=subject, scopes=[]))


async def _checked(scope: Scope, receive: Receive) -> Receive:
    """Read and check the whole body; answers a `receive` that hands it out again.

    Raises: RefusedMessage; TooLarge.
    """
    _check_charset(scope)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return _again([message], receive)
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"a message is at most {MAX_BODY_BYTES} bytes")
        if not message.get("more_body", False):
            check(bytes(body))
            return _again([{"type": "http.request", "body": bytes(body), "more_body": False}], receive)


def _check_charset(scope: Scope) -> None:
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    kind = kinds[0].decode("latin-1").lower().replace(" ", "") if len(kinds) == 1 else ""
    if kind not in {"application/json", "application/json;charset=utf-8", 'application/json;charset="utf-8"'}:
        raise RefusedMessage(INVALID_REQUEST, "send `Content-Type: application/json`, once, and in UTF-8")


def _again(messages: list[Message], receive: Receive) -> Receive:
    async def replay() -> Message:
        return messages.pop(0) if messages else await receive()

    return replay


def _refusal(status: int, refused: RefusedMessage, headers: Mapping[str, str] | None = None) -> Response:
    return Response(refused.body, status_code=status, media_type="application/json", headers=headers)
