"""One house behind HTTP, MCP over HTTP, and the admin socket, until it is told to stop."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI

import holdfast
from holdfast.contracts import (
    Line,
    Method,
    Offers,
    OperatorError,
    Principal,
    Scope,
    ToolCall,
    ToolName,
    ToolResult,
    ToolSpec,
)

from .admin import AdminServer
from .auth_settings import AuthSettings
from .config import ServerSettings
from .house import House
from .http.app import HttpDeps, Lifespan, build_app
from .http.serving import Listen, bind, serve
from .http.surface import MCP_PATH, Surface, loopback_hosts
from .issuers import Issuers
from .mcp import Endpoint, HttpEndpoint
from .policy_desk import PolicyDesk, nothing_waits
from .store import sweep
from .upstreams.viewing import UpstreamViews
from .verbs import run_verb

_log = structlog.get_logger("holdfast.listening")

SWEEP_SECONDS = 600.0
"""Nothing depends on when an expired row goes; it only takes room."""
DAY_S = 24 * 3600.0


class Tools:
    """The dispatcher and the registry, as the faces ask for them."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def execute(self, call: ToolCall, principal: Principal, /, *, line: Line | None = None) -> ToolResult:
        """Run it, or say why not."""
        with self._house.talking.on(call.id, line):
            return await self._house.dispatcher.execute(call, principal)

    async def explain(self, call: ToolCall, principal: Principal, /) -> ToolResult:
        """Judge it."""
        return await self._house.dispatcher.explain(call, principal)

    def visible(self, principal: Principal, /) -> Sequence[ToolSpec]:
        """What a caller may know of; whoever may not call sees nothing."""
        if Scope.CALL not in principal.scopes:
            return ()
        return self._house.registry.tools()

    def offers(self, principal: Principal, /) -> Offers:
        """What is approved besides tools; whoever may not call sees nothing."""
        return self._house.upstreams.connections.offers() if Scope.CALL in principal.scopes else Offers()

    def place(self, method: Method, served: str, /) -> tuple[ToolName, str] | None:
        """The spec that takes *method*, and its server's own name of *served*."""
        return self._house.upstreams.connections.place(method, served)


class Ready:
    """Ready while the record can be written."""

    def __init__(self, house: House) -> None:
        self._house = house

    def ready(self) -> bool:
        """Whether calls can be recorded; a call that cannot be is refused."""
        return self._house.audit.chain.writable


def listen_of(settings: ServerSettings) -> Listen:
    """Where to listen.

    Raises: OperatorError for an address off loopback without TLS or a named proxy, or when root was not allowed.
    """
    if os.getuid() == 0 and not settings.allow_root:
        raise OperatorError(
            "the server will not run as root", remedy="run it as a user of its own, or set `[server] allow_root = true`"
        )
    return Listen(
        host=settings.host,
        port=settings.port,
        certificate=settings.tls.cert if settings.tls else None,
        key=settings.tls.key if settings.tls else None,
        trusted_proxies=settings.trusted_proxies,
    )


async def run_server(house: House, listen: Listen, *, started: Callable[[str], None]) -> None:
    """Serve *house* until a signal; *started* is told the URL once calls are taken.

    The data directory's lock is held by whoever opened the house.
    """
    issuers = Issuers(house.settings.auth, house.state.authenticator)
    await issuers.open()
    listening = bind(listen)
    port = int(listening.getsockname()[1])
    endpoint = endpoint_of(house)
    mcp = HttpEndpoint(endpoint)
    surface = surface_of(house.settings.server, listen, port, auth=house.settings.auth)
    app = build_app(deps_of(house, surface, mcp), lifespan=_running(mcp))
    admin = AdminServer(house.data.socket, partial(run_verb, house))
    await admin.start()
    beside = [asyncio.get_running_loop().create_task(work) for work in (_sweep(house), issuers.keep())]
    try:
        scheme = "https" if listen.certificate else "http"
        async with house.desks.reloading.listening(watch=house.settings.policy.watch):
            await serve(app, listening, listen, started=lambda: started(f"{scheme}://{_shown(listen.host)}:{port}"))
    finally:
        for task in beside:
            task.cancel()
        await admin.close()


async def _sweep(house: House) -> None:
    """Delete what has expired, while the server runs."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            kept = house.settings.policy.record_days * DAY_S
            await sweep(house.state.store, now=time.time(), inputs_kept_s=kept)
            await house.tokens.refresh()
        except Exception as error:  # noqa: BLE001 -- a busy or full disk now is no reason never to sweep again
            _log.error("sweep.failed", error=type(error).__name__)


def surface_of(settings: ServerSettings, listen: Listen, port: int, *, auth: AuthSettings | None = None) -> Surface:
    """The names the server answers to."""
    auth = AuthSettings() if auth is None else auth
    named = {f"{host.lower()}:{port}" for host in (listen.host, *settings.allowed_hosts)}
    named |= {host.lower() for host in settings.allowed_hosts}
    return Surface(
        hosts=loopback_hosts(port) | named,
        scheme="https" if listen.certificate or listen.trusted_proxies else "http",
        peers=listen.peers(),
        admin_http=settings.admin_http,
        resource=auth.resource,
        authorization_servers=tuple(one.issuer for one in auth.issuers),
        scope_names={scope: auth.name_of(scope) for scope in Scope},
    )


def deps_of(house: House, surface: Surface, mcp: HttpEndpoint) -> HttpDeps:
    """Everything the HTTP face is given."""
    return HttpDeps(
        surface=surface,
        tools=Tools(house),
        scanning=house.scanner,
        registrar=house.registrar,
        building=house.builds,
        approvals=house.desks.approvals,
        leases=house.desks.leases,
        upstreams=UpstreamViews(house.upstreams),
        policies=_policy_desk(house),
        sessions=house.sessions,
        session_desk=house.desks.sessions,
        session_tokens=house.state.issuer,
        authenticating=house.state.authenticator,
        readiness=Ready(house),
        metrics=house.metrics,
        mounts={MCP_PATH: mcp},
    )


def _policy_desk(house: House) -> PolicyDesk:
    recorder = house.state.recorder
    return PolicyDesk(
        specs=lambda: (*house.registry.specs(), *(one.spec for one in house.policies.drifted)),
        inputs=house.state.inputs,
        flush=nothing_waits if recorder is None else recorder.flush,
    )


def _running(mcp: HttpEndpoint) -> Lifespan:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with mcp.running():
            yield

    return lifespan


def endpoint_of(house: House, principal: Principal | None = None) -> Endpoint:
    """The MCP face of *house*, told of what changes in it; *principal*: who everybody is, over stdio."""
    watch = house.upstreams.connections.watch
    endpoint = Endpoint(Tools(house), version=holdfast.__version__, principal=principal, watched=watch)
    house.upstreams.on_change(lambda: _aside(endpoint.changed()))
    house.upstreams.on_update(lambda uri, tenant: _aside(endpoint.updated(uri, tenant)))
    return endpoint


def _aside(telling: Coroutine[None, None, None]) -> None:
    """Tell MCP clients, without holding up whoever changed something."""
    task = asyncio.get_running_loop().create_task(telling)
    _telling.add(task)
    task.add_done_callback(_telling.discard)


_telling: set[asyncio.Task[None]] = set()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
