"""Listens, with uvloop, httptools, and TLS if there is a certificate. Never in the clear where strangers could hear."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import uvicorn
from starlette.types import ASGIApp

from holdfast.contracts import OperatorError

from .protocol import HEADERS_S, CappedProtocol

T = TypeVar("T")

BACKLOG: Final = 512
CONNECTIONS: Final = 1024
"""At once; the guard has a lower cap on requests, with a better answer."""
KEEP_ALIVE_S: Final = 15
GRACE_S: Final = 10
"""For calls under way when the server is told to stop; then they are cancelled, which is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where to listen, and why that is safe off loopback. Port 0: one that is free."""

    host: str = "127.0.0.1"
    port: int = 8700
    certificate: Path | None = None
    key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies that end TLS; only they, and loopback, may then connect."""
    headers_s: float = HEADERS_S
    """How long a client may take to say what it wants."""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise OperatorError("`[server] tls` needs both `cert` and `key`")
        self.peers()
        if not is_loopback(self.host) and self.certificate is None and not self.trusted_proxies:
            raise OperatorError(
                f"the server will not listen on `{self.host}` without TLS: tokens would cross the network in the clear",
                remedy="set `[server] tls`, or name the proxy that ends TLS in `[server] trusted_proxies`",
            )

    def peers(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Who may connect besides loopback; empty with TLS of our own, when everyone may.

        Raises: OperatorError when a proxy is not an address, or is everybody.
        """
        try:
            networks = tuple(ip_network(proxy) for proxy in self.trusted_proxies)
        except ValueError:
            raise OperatorError("each of `[server] trusted_proxies` is an address or a network") from None
        if any(network.prefixlen == 0 for network in networks):
            raise OperatorError("`[server] trusted_proxies` cannot be everybody")
        return networks if self.certificate is None else ()


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine's loopback, without asking a resolver."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def bind(listen: Listen) -> socket.socket:
    """The listening socket of *listen*.

    Raises: OperatorError when the address cannot be had.
    """
    host = "127.0.0.1" if listen.host == "localhost" else listen.host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OperatorError(f"cannot listen on `{listen.host}`: {error.strerror}") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise OperatorError(
            f"cannot listen on `{listen.host}` port {listen.port}: {error.strerror}", remedy="choose another `--port`"
        ) from None
    return listening


async def serve(
    app: ASGIApp,
    listening: socket.socket,
    listen: Listen,
    *,
    started: Callable[[], None] = lambda: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Answer on *listening* until SIGINT, SIGTERM or *stop*, then let calls end; *started* is called when it is ready.

    *listening* is closed at the end.

    Raises: OperatorError when the certificate cannot be used or the application does not start.
    """
    with listening:
        try:
            config = _config(app, listen)
            config.load()
        except (OSError, ssl.SSLError):
            raise OperatorError("the certificate or key of `[server] tls` cannot be used") from None
        server = _Server(config, started)
        watching = asyncio.ensure_future(server.stop_with(stop or asyncio.Event()))
        try:
            await server.serve(sockets=[listening])
        finally:
            watching.cancel()
    if not server.was_started:
        raise OperatorError("the server did not start; the log has the reason")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* on a loop of its own, uvloop's where there is one."""
    try:
        import uvloop  # noqa: PLC0415 -- absent on Windows
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _config(app: ASGIApp, listen: Listen) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(CappedProtocol, headers_s=listen.headers_s)),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        # The peer's address decides who may connect, so no header may stand in for it.
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=listen.certificate,
        ssl_keyfile=listen.key,
    )


class _Server(uvicorn.Server):
    """Uvicorn, saying when it is ready."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._say_started = started
        self.was_started = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            self.was_started = True
            self._say_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; a signal that asked for it has then been obeyed.

        Uvicorn would raise it once more, and SIGTERM would end the process before the house is closed.
        """
        await super().shutdown(sockets)
        self._captured_signals.clear()

    async def stop_with(self, stop: asyncio.Event) -> None:
        """Begin to stop when *stop* is set."""
        await stop.wait()
        self.should_exit = True
