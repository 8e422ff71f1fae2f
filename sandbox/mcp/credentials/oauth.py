"""Puts a token of its own on each request to one server, and gets one when there is none. The caller's goes nowhere.

1. Only a challenge of the server itself (401, or 403 for want of a scope) begins a flow, and a few in a row end it.
2. Whatever the server leads to is fetched by the egress broker: https and public addresses, or this machine's when the
   server is on it. No redirect is followed.
3. Where somebody has to sign in and nobody is there to, the call fails and says which command to run.
4. Nothing an authorization server said is in a message, and no token leaves this module but in its header.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from http import HTTPStatus
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

import httpx2
from mcp.client.auth.utils import extract_field_from_www_auth

from holdfast.contracts import Digest, HoldfastError, HttpGrant, HttpRequest, Refusal, Secret, TenantId
from holdfast.contracts.json_values import canonical

from ...egress import EgressBroker, EgressLimits
from ..config import UpstreamConfig, is_loopback
from ..credential import Grant, OAuthConfig
from ..faults import Fault, UpstreamFault
from ..ports import Asker, TokenStore
from .oauth_sdk import (
    CodeProvider,
    FlowErrors,
    can_refresh,
    expire,
    initialize,
    provider_of,
    restore,
    token_of,
    want,
)

Send = Callable[[httpx2.Request], Awaitable[httpx2.Response]]

MOST_IN_A_ROW: Final = 3
"""Flows without a request that was taken between them."""
ENDPOINT_MS: Final = 15_000
"""Of one request to an authorization server."""
_LIMITS: Final = EgressLimits(request_bytes=64 << 10, response_bytes=256 << 10, redirects=0, concurrent=8)
_OURS: Final = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})
_THEIRS: Final = frozenset({"content-type", "www-authenticate", "location"})
_LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Authorizer:
    """The tokens of one tenant for one server."""

    def __init__(
        self, config: UpstreamConfig, oauth: OAuthConfig, tenant: TenantId, *, store: TokenStore, secret: Secret | None
    ) -> None:
        self._config = config
        self._oauth = oauth
        self._tenant = tenant
        self._store = store
        self._bound = str(Digest.of(canonical([config.url, oauth.grant, oauth.client_id, oauth.issuer])))
        self._provider = provider_of(config.url or "", oauth, secret, self._keep, self._bound)
        self._ready = False
        self._in_a_row = 0
        self._failure: UpstreamFault | None = None
        local = self._local = config.is_local
        self._broker = EgressBroker(limits=_LIMITS, unsafe_allow_networks=_LOOPBACK if local else ())

    @contextlib.asynccontextmanager
    async def signing_in(self, asker: Asker) -> AsyncGenerator[None]:
        """While the block runs, *asker* signs in whenever the server wants somebody to; what there is, is dropped.

        Raises: UpstreamFault when nobody needs to.
        """
        provider = self._provider
        if not isinstance(provider, CodeProvider):
            raise UpstreamFault(Fault.UNAUTHORIZED, "its entry signs in by itself: its `grant` is `client_credentials`")
        await self._prepare()
        provider.context.clear_tokens()
        self._in_a_row = 0
        provider.sign_in_by(asker)
        try:
            yield
        finally:
            provider.asker = self._failure = None

    def secrets(self) -> tuple[Secret, ...]:
        """What must not come back in an answer."""
        tokens = self._provider.context.current_tokens
        written = () if tokens is None else (tokens.access_token, tokens.refresh_token or "")
        return tuple(Secret(one.encode()) for one in written if one and one.isascii())

    async def send(self, request: httpx2.Request, onward: Send) -> httpx2.Response:
        """Have *onward* send *request* with a token, a new one if it must be.

        Raises: UpstreamFault `unauthorized`.
        """
        await self._prepare()
        if token_of(self._provider) is None and can_refresh(self._provider):
            await self._flow(request, None)
        for _attempt in range(MOST_IN_A_ROW):
            token = token_of(self._provider)
            request.headers.pop("authorization", None)
            if token is not None:
                request.headers["authorization"] = f"Bearer {token}"
            response = await onward(request)
            if not _challenges(response):
                self._in_a_row = 0
                return response
            await response.aclose()
            await self._renew(request, response)
        raise UpstreamFault(Fault.UNAUTHORIZED, "the server takes none of the tokens that it leads to")

    async def _renew(self, request: httpx2.Request, challenge: httpx2.Response) -> None:
        self._in_a_row += 1
        if self._in_a_row > MOST_IN_A_ROW:
            raise UpstreamFault(
                Fault.UNAUTHORIZED, f"the server has refused {MOST_IN_A_ROW} tokens in a row; look at its `scopes`"
            )
        refused = challenge.status_code == HTTPStatus.UNAUTHORIZED
        if refused and can_refresh(self._provider):
            expire(self._provider)
            await self._flow(request, None)
            if token_of(self._provider) is not None:
                return
        if isinstance(self._provider, CodeProvider) and self._provider.asker is None:
            want(self._provider, None if refused else extract_field_from_www_auth(challenge, "scope"))
            raise self._failure or UpstreamFault(
                Fault.UNAUTHORIZED, f"somebody has to sign in: holdfast upstreams login {self._config.name}"
            )
        try:
            await self._flow(request, challenge)
        except UpstreamFault as fault:
            self._failure = fault  # the next request of a sign-in that failed is told the same
            raise

    async def _flow(self, request: httpx2.Request, challenge: httpx2.Response | None) -> None:
        """Drive the SDK's flow until it would send *request* itself, answering it with *challenge* once."""
        used = request.headers.get("authorization")
        try:
            async with contextlib.aclosing(self._provider.async_auth_flow(request)) as flow:
                step = await anext(flow)
                while True:
                    if step is request:
                        if challenge is None or request.headers.get("authorization") != used:
                            return  # refreshed, or somebody else has got a new one meanwhile
                        answer, challenge = challenge, None
                    else:
                        answer = await self._fetched(step)
                    step = await flow.asend(answer)
        except StopAsyncIteration:
            return
        except FlowErrors as error:
            raise UpstreamFault(Fault.UNAUTHORIZED, _SAID.get(type(error).__name__, _BROKEN)) from None
        except Refusal as refusal:
            raise UpstreamFault(
                Fault.UNAUTHORIZED, f"the server leads to a place that may not be reached: {refusal.reason.message}"
            ) from None
        except (HoldfastError, ValueError):
            raise UpstreamFault(Fault.UNAUTHORIZED, _BROKEN) from None

    async def _fetched(self, request: httpx2.Request) -> httpx2.Response:
        """What a place that the server led to answers to *request*."""
        url = str(request.url)
        parts = urlsplit(url)
        if parts.scheme != "https" and not (self._local and is_loopback(parts.hostname or "")):
            raise UpstreamFault(Fault.UNAUTHORIZED, "the server leads to a place without https")
        grant = HttpGrant(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port or (443 if parts.scheme == "https" else 80),
            methods=frozenset({"GET", "POST"}),
            path="/",
        )
        wanted = HttpRequest(
            method=request.method,
            url=url,
            headers=tuple((name, value) for name, value in request.headers.items() if name not in _OURS),
            body=await request.aread(),
            follow=False,
        )
        answer = await self._broker.fetch(wanted, (grant,), wall_ms=ENDPOINT_MS)
        headers = [(name, value) for name, value in answer.headers if name in _THEIRS]
        return httpx2.Response(answer.status, headers=headers, content=answer.body, request=request)

    async def _prepare(self) -> None:
        if self._ready:
            return
        state = await self._store.load(self._tenant, self._config.name)
        if state is not None and self._oauth.grant is Grant.AUTHORIZATION_CODE:
            restore(self._provider, state, self._bound)
        await initialize(self._provider)
        self._ready = True

    async def _keep(self, state: Secret) -> None:
        if self._oauth.grant is Grant.AUTHORIZATION_CODE:  # the other kind gets a new one as easily as it reads the old
            await self._store.keep(self._tenant, self._config.name, state)


_BROKEN: Final = "the way to an authorization server is broken, or not to be trusted"
_SAID: Final = {
    "OAuthTokenError": "the authorization server gives no token",
    "OAuthRegistrationError": "the authorization server does not register us; give `client_id`",
}


def _challenges(response: httpx2.Response) -> bool:
    if response.status_code == HTTPStatus.FORBIDDEN:
        return extract_field_from_www_auth(response, "error") == "insufficient_scope"
    return response.status_code == HTTPStatus.UNAUTHORIZED


class AuthorizedTransport(httpx2.AsyncBaseTransport):
    """A transport whose requests carry a token of *authorizer*."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, authorizer: Authorizer) -> None:
        self._inner = inner
        self._authorizer = authorizer

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send *request* with a token. Raises: UpstreamFault."""
        return await self._authorizer.send(request, self._inner.handle_async_request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()
