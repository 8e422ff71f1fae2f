"""The `Egress` port: makes one request, following redirects itself; never more than was granted, never twice."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, cast

import httpcore2

from holdfast.contracts import (
    HttpGrant,
    HttpRequest,
    HttpResponse,
    OperatorError,
    SecretValues,
    TenantId,
    ToolError,
)
from holdfast.contracts.addresses import Networks
from holdfast.contracts.limits import MIB
from holdfast.contracts.urls import Target, canonical, redirected

from .decoding import read_body, too_large
from .dialing import CheckedBackend, Resolver, checked_addresses, resolve
from .grants import ANY_HOST, admits
from .headers import ACCEPT_ENCODING, Headers, checked_headers, checked_method, for_another_origin, without_body
from .injecting import NOTHING, Carried, Injected, carried
from .refusals import not_granted, redirect_refused, refused, scheme_refused

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD: Final = frozenset({307, 308})
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD"})
_USER_AGENT: Final = "holdfast"


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressLimits:
    """Sizes and counts of one request (DESIGN section 5)."""

    request_bytes: int = MIB
    response_bytes: int = 10 * MIB
    """Decompressed."""
    header_bytes: int = 32_768
    """Of the request, and of the response."""
    redirects: int = 5
    concurrent: int = 32
    """Requests under way at one time, of all callers together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hop:
    """One request of a chain."""

    number: int
    """0 is what the caller asked for."""
    method: str
    target: Target
    headers: Headers
    body: bytes
    follow: bool
    injected: Injected = NOTHING
    """Of the first hop only: `_next` makes the others, and knows of none."""


class EgressBroker:
    """Makes requests for tools. Safe to share: it keeps nothing between them."""

    def __init__(
        self,
        *,
        limits: EgressLimits = EgressLimits(),
        tls: ssl.SSLContext | None = None,
        unsafe_allow_networks: Networks = (),
        unsafe_allow_for: Mapping[HttpGrant, Networks] | None = None,
        resolver: Resolver = resolve,
        backend: httpcore2.AsyncNetworkBackend | None = None,
        vault: SecretValues | None = None,
    ) -> None:
        """Reach public addresses, and those in *unsafe_allow_networks* for hosts that a grant names.

        *unsafe_allow_for* opens networks to the hosts of single grants only; neither counts for the grant of any host.
        *tls* is the trust store (the system's by default); *resolver* and *backend* ask for addresses and dial them.
        Without a *vault* there are no secrets, and what needs one is refused.
        """
        if min(limits.request_bytes, limits.response_bytes, limits.header_bytes, limits.concurrent) < 1:
            raise OperatorError("egress limits are positive; there is no `unlimited`")
        self._limits = limits
        self._tls = tls or ssl.create_default_context()
        self._allowed = unsafe_allow_networks
        self._allowed_for = unsafe_allow_for or {}
        self._resolver = resolver
        self._backend = backend or cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())
        self._vault = vault
        self._room = asyncio.Semaphore(limits.concurrent)

    async def fetch(
        self,
        request: HttpRequest,
        grants: tuple[HttpGrant, ...],
        /,
        *,
        wall_ms: int,
        tenant: TenantId | None = None,
    ) -> HttpResponse:
        """Make *request* if one of *grants* admits it, within *wall_ms* milliseconds from name to last byte.

        It carries the secrets of *tenant* that the admitting grants say, and the answer none of any grant's.

        Raises: Refusal with the rule that was broken; ToolError when the far side breaks or is too slow;
        IntegrityError when a secret is not what was kept.
        """
        hop = self._first(request)
        try:
            async with asyncio.timeout(wall_ms / 1000), self._room:
                fitting = _granted(hop, grants)
                secrets = await carried(self._vault, tenant, grants)
                injected = secrets.into(hop.headers, hop.target.query, fitting)
                return await self._follow(replace(hop, injected=injected), grants, secrets)
        except TimeoutError:
            raise ToolError(f"the far side did not answer within {wall_ms} ms") from None
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            # Its text may quote what the far side sent; its type cannot.
            raise ToolError(f"the far side broke the exchange ({type(error).__name__})") from None

    def _first(self, request: HttpRequest) -> _Hop:
        method = checked_method(request.method)
        target = canonical(request.url)
        headers = checked_headers(request.headers, most_bytes=self._limits.header_bytes)
        if len(request.body) > self._limits.request_bytes:
            raise refused("request-too-large", f"the body is over {self._limits.request_bytes} bytes")
        if request.body and method in _WITHOUT_BODY:
            raise refused("body", f"a {method} request has no body; leave it out or use POST")
        return _Hop(number=0, method=method, target=target, headers=headers, body=request.body, follow=request.follow)

    async def _follow(self, hop: _Hop, grants: tuple[HttpGrant, ...], secrets: Carried) -> HttpResponse:
        while True:
            answer = await self._exchange(hop, _granted(hop, grants))
            if isinstance(answer, HttpResponse):
                return await secrets.scrubbed(answer)
            secrets.check_redirect(answer.location)
            if hop.number >= self._limits.redirects:
                raise redirect_refused(f"the answer redirects more than {self._limits.redirects} times")
            hop = _next(hop, answer)

    async def _exchange(self, hop: _Hop, grants: tuple[HttpGrant, ...]) -> "HttpResponse | _Redirect":
        async with self._answered(hop, self._networks(grants)) as response:
            headers = _read_headers(response, most_bytes=self._limits.header_bytes)
            location = _first_value(headers, "location")
            if hop.follow and response.status in _REDIRECTS and location:
                return _Redirect(status=response.status, location=location)
            body = b"" if hop.method == "HEAD" else await self._body(response, headers)
            return HttpResponse(status=response.status, url=hop.target.url, headers=headers, body=body, hops=hop.number)

    @asynccontextmanager
    async def _answered(self, hop: _Hop, allowed: Networks) -> AsyncGenerator[httpcore2.Response]:
        addresses = await checked_addresses(hop.target, self._resolver, allowed=allowed)
        target = hop.target
        connection = httpcore2.AsyncHTTPConnection(
            origin=httpcore2.Origin(target.scheme.encode(), target.host.encode(), target.port),
            ssl_context=self._tls,
            network_backend=CheckedBackend(addresses, target, self._backend, allowed=allowed),
        )
        request = httpcore2.Request(
            method=hop.method.encode(),
            url=httpcore2.URL(
                scheme=target.scheme.encode(),
                host=target.host.encode(),
                port=target.port,
                target=_sent_target(hop).encode(),
            ),
            headers=self._sent(hop),
            content=hop.body,
        )
        try:
            response = await connection.handle_async_request(request)
            yield response
        finally:
            await connection.aclose()

    def _networks(self, grants: tuple[HttpGrant, ...]) -> Networks:
        """What is not public and may be reached all the same under *grants*, which admit the request."""
        named = [grant for grant in grants if grant.host != ANY_HOST]
        if not named:
            return ()
        opened = (replace(grant, secret=None) for grant in named)  # a row opens a place, whatever is sent there
        return (*self._allowed, *(one for grant in opened for one in self._allowed_for.get(grant, ())))

    def _sent(self, hop: _Hop) -> list[tuple[bytes, bytes]]:
        """Every header of *hop* as it goes out, secrets included."""
        ours = [("host", hop.target.authority), ("accept-encoding", ACCEPT_ENCODING), ("connection", "close")]
        if not any(name == "user-agent" for name, _ in hop.headers):
            ours.append(("user-agent", _USER_AGENT))
        if hop.body or hop.method not in _WITHOUT_BODY:
            ours.append(("content-length", str(len(hop.body))))
        return [
            (name.encode("ascii"), value.encode("ascii"))
            for name, value in (*ours, *hop.headers, *hop.injected.headers)
        ]

    async def _body(self, response: httpcore2.Response, headers: Headers) -> bytes:
        most = self._limits.response_bytes
        announced = _first_value(headers, "content-length") or ""
        if announced.isascii() and announced.isdecimal() and int(announced[:20]) > most:
            raise too_large(most)
        encodings = [value for name, value in headers if name == "content-encoding"]
        return await read_body(response.aiter_stream(), encoding=", ".join(encodings), most_bytes=most)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Redirect:
    """An answer that leads elsewhere."""

    status: int
    location: str


def _sent_target(hop: _Hop) -> str:
    """What the request line of *hop* says, secrets included. Nobody else is told: `hop.target` stays what was asked."""
    query = "&".join((*filter(None, [hop.target.query]), *hop.injected.query))
    return f"{hop.target.path}?{query}" if query else hop.target.request_target


def _granted(hop: _Hop, grants: tuple[HttpGrant, ...]) -> tuple[HttpGrant, ...]:
    """The grants that admit *hop*, at least one."""
    fitting = tuple(grant for grant in grants if admits(grant, hop.target, hop.method))
    if fitting:
        return fitting
    scheme, host, port = hop.target.origin
    if scheme == "http":
        raise scheme_refused(host=host, port=port, method=hop.method)
    raise not_granted(scheme=scheme, host=host, port=port, method=hop.method)


def _next(hop: _Hop, redirect: _Redirect) -> _Hop:
    target = redirected(hop.target, redirect.location)
    if hop.target.scheme == "https" and target.scheme == "http":
        raise redirect_refused("the answer redirects from https to http, which is not followed")
    another = target.origin != hop.target.origin
    keeps = redirect.status in _KEEPS_METHOD or hop.method in _WITHOUT_BODY
    if keeps and hop.body and another:
        raise redirect_refused("the answer redirects the body to another host, which is not followed")
    headers = for_another_origin(hop.headers) if another else hop.headers
    return _Hop(
        number=hop.number + 1,
        method=hop.method if keeps else "GET",
        target=target,
        headers=headers if keeps else without_body(headers),
        body=hop.body if keeps else b"",
        follow=hop.follow,
    )


def _read_headers(response: httpcore2.Response, *, most_bytes: int) -> Headers:
    if sum(len(name) + len(value) + 4 for name, value in response.headers) > most_bytes:
        raise ToolError(f"the headers of the answer are over {most_bytes} bytes")
    return tuple((name.decode("latin-1").lower(), _text(value)) for name, value in response.headers)


def _text(value: bytes) -> str:
    """Headers are ASCII; of what is not, servers mostly mean UTF-8, and the standard says latin-1."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _first_value(headers: Headers, wanted: str) -> str | None:
    return next((value for name, value in headers if name == wanted), None)
