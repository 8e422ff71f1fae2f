"""What an operator says about one MCP server. Holds values only; starts and reaches nothing."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from holdfast.contracts import ALL_EFFECTS, Effect, FlowSpec, Limits, Method, OperatorError
from holdfast.contracts.limits import UPSTREAM, UPSTREAM_CEILING

from .credential import OAuthConfig, SecretText, Text, check_headers

UPSTREAM_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
"""No underscore, so the first `__` of a served name always ends the server's part."""

MAX_IN_FLIGHT: Final = 16
"""Calls one upstream works on at a time; more wait for a slot within their own deadline."""

MOST_IN_FLIGHT: Final = 1_024

MAX_TENANTS: Final = 16
"""Connections, each with a child of its own where it has a command."""

MOST_TENANTS: Final = 256
IDLE_MS: Final = 600_000

SIGN_IN_SECONDS: Final = 300.0
"""Somebody has to find a password."""

CONNECT_MS: Final = 30_000
"""`npx` and cold imports take a few seconds."""


ASKS: Final = {"elicitation": Method.ELICITATION, "sampling": Method.SAMPLING, "roots": Method.ROOTS}
"""What an entry may let a server ask of whoever calls it, by the word the entry uses."""


class TransportKind(StrEnum):
    """How a server is spoken to over HTTP."""

    AUTO = "auto"
    """Streamable HTTP; where that is answered by 4xx, as of old."""
    STREAMABLE = "streamable"
    SSE = "sse"
    """HTTP with server-sent events, of 2024-11-05."""


class Era(StrEnum):
    """Which generation of the protocol is spoken with a server that speaks both."""

    AUTO = "auto"
    """The newest it speaks."""
    HANDSHAKE = "2025-11-25"
    """Some servers ask, log and announce only there."""
    MODERN = "2026-07-28"


class Prefix(StrEnum):
    """How the tools of an upstream are named when served."""

    NAME = "name"
    """`server__tool`."""
    NONE = "none"
    """`tool`: for a single wrapped server; a collision with another tool refuses the later one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEntry:
    """What the operator says of one tool of a server."""

    effects: frozenset[Effect] | None = None
    """None: those of the server."""
    flow: FlowSpec = field(default_factory=FlowSpec)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamConfig:
    """One MCP server, as its entry says. Whatever the entry leaves out is refused or assumed the worst."""

    name: str
    command: tuple[str, ...] = ()
    """Program and arguments of a stdio server; empty when *url* is given."""
    url: str | None = None
    """Where a streamable HTTP server listens: https, or http on a loopback address."""
    transport: TransportKind = TransportKind.AUTO
    headers: tuple[tuple[str, Text], ...] = ()
    """Sent with each HTTP request, a credential among them perhaps; never shown."""
    oauth: OAuthConfig | None = None
    env: tuple[tuple[str, Text], ...] = ()
    """The whole environment of a stdio server besides PATH; ours is never inherited."""
    cwd: str | None = None
    readable: tuple[str, ...] = ()
    """Absolute paths a stdio server may read beyond its program and interpreter."""
    writable: tuple[str, ...] = ()
    """Absolute paths it may also write."""
    network: tuple[str, ...] = ()
    """`ip:port` it may connect to itself, past our broker; empty means none."""
    effects: frozenset[Effect] = ALL_EFFECTS
    """Undeclared means all of them."""
    tools: Mapping[str, ToolEntry] = field(default_factory=dict[str, ToolEntry])
    """By the server's own name of the tool."""
    limits: Limits = UPSTREAM
    prefix: Prefix = Prefix.NAME
    max_in_flight: int = MAX_IN_FLIGHT
    connect_ms: int = CONNECT_MS
    """From starting or dialling it to the end of its negotiation."""
    max_tenants: int = MAX_TENANTS
    idle_ms: int = IDLE_MS
    """Without a call of a tenant, after which its connection and child are ended."""
    asks: frozenset[Method] = frozenset()
    """What it may ask of whoever calls it, where policy lets it and the client can be asked: nothing, unless said."""
    ask_hosts: frozenset[str] = frozenset()
    """Hosts whose https pages it may send a person to; small letters."""
    era: Era = Era.AUTO
    enveloped: bool = True
    """Whether what it says is told from instructions by us, or by whoever reads it."""

    def __post_init__(self) -> None:
        if not UPSTREAM_NAME.fullmatch(self.name):
            raise OperatorError("upstream `name` is a small letter, then up to 30 small letters, digits or `-`")
        if bool(self.command) == (self.url is not None):
            raise OperatorError(f"upstream `{self.name}` needs either `command` or `url`, and not both")
        self._check_place()
        if any("\0" in part for part in self.command):
            raise OperatorError(f"upstream `{self.name}`: `command` holds a NUL character")
        for path in (*self.readable, *self.writable):
            if not path.startswith("/"):
                raise OperatorError(f"upstream `{self.name}`: granted paths are absolute")
        self._check_asks()
        _check_counts(self)
        _check_ceiling(self.name, self.limits)

    def _check_asks(self) -> None:
        if not self.asks <= frozenset(ASKS.values()):
            raise OperatorError(f"upstream `{self.name}`: `asks` is of {', '.join(ASKS)}")
        if self.ask_hosts and Method.ELICITATION not in self.asks:
            raise OperatorError(f"upstream `{self.name}`: `ask_hosts` is about elicitation, which `asks` does not name")

    def _check_place(self) -> None:
        if self.url is not None:
            _check_url(self.name, self.url)
            self._check_no_grants()
        elif self.headers or self.oauth is not None or self.transport is not TransportKind.AUTO:
            raise OperatorError(f"upstream `{self.name}`: `transport`, `headers` and `oauth` go with `url`")
        try:
            check_headers(self.headers, oauth=self.oauth is not None)
        except OperatorError as error:
            raise OperatorError(f"upstream `{self.name}`: {error.message}") from None

    @property
    def of_tenants(self) -> bool:
        """Whether a credential of the tenant that calls goes along: then nothing is shared between them."""
        return self.oauth is not None or any(isinstance(text, SecretText) for _, text in (*self.headers, *self.env))

    @property
    def of_all(self) -> bool:
        """Whether tenants may come to share one connection: over HTTP, with nothing of any of them."""
        return self.url is not None and not self.of_tenants

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the secrets that are needed."""
        named = [text.secret for _, text in (*self.headers, *self.env) if isinstance(text, SecretText)]
        if self.oauth is not None and self.oauth.client_secret is not None:
            named.append(self.oauth.client_secret)
        return tuple(dict.fromkeys(named))

    @property
    def is_local(self) -> bool:
        """Whether *url* leads to this machine."""
        return self.url is not None and is_loopback(urlsplit(self.url).hostname or "")

    def _check_no_grants(self) -> None:
        if self.env or self.readable or self.writable or self.network or self.cwd is not None:
            raise OperatorError(
                f"upstream `{self.name}` runs elsewhere: `env`, `cwd` and grants cannot be enforced on a `url`",
                remedy="leave them out, or run the server by `command`",
            )


def _check_counts(config: UpstreamConfig) -> None:
    if not 1 <= config.max_in_flight <= MOST_IN_FLIGHT:
        raise OperatorError(f"upstream `{config.name}`: `max_in_flight` is 1 to {MOST_IN_FLIGHT}")
    if not 1 <= config.max_tenants <= MOST_TENANTS:
        raise OperatorError(f"upstream `{config.name}`: `max_tenants` is 1 to {MOST_TENANTS}")
    if config.connect_ms < 1 or config.idle_ms < 1:
        raise OperatorError(f"upstream `{config.name}`: `connect_ms` and `idle_ms` are positive")


def _check_ceiling(name: str, limits: Limits) -> None:
    for limit in ("wall_ms", "output_bytes", "memory_bytes"):
        if getattr(limits, limit) > getattr(UPSTREAM_CEILING, limit):
            raise OperatorError(f"upstream `{name}`: limit `{limit}` is over its ceiling")


def _check_url(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise OperatorError(f"upstream `{name}`: `url` is not a URL") from None
    if parts.username is not None or parts.password is not None:
        raise OperatorError(f"upstream `{name}`: `url` holds a credential; put it into a header")
    if not parts.hostname or port == 0 or parts.fragment:
        raise OperatorError(f"upstream `{name}`: `url` needs a host, and no fragment")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname)):
        return
    raise OperatorError(f"upstream `{name}`: `url` is https, or http on 127.0.0.1, ::1 or localhost")


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine, by its address or as `localhost`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
