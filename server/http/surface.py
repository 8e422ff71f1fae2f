"""What the HTTP face shows to whom: its names, its caps, its public routes. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from holdfast.contracts import OperatorError, Scope

MIB: Final = 1 << 20
REGISTER_PATH: Final = "/v1/tools"
HEALTH_PATH: Final = "/healthz"
READY_PATH: Final = "/readyz"
RESOURCE_PATH: Final = "/.well-known/oauth-protected-resource"
MCP_PATH: Final = "/mcp"
PUBLIC_PATHS: Final = frozenset({HEALTH_PATH, READY_PATH, RESOURCE_PATH, RESOURCE_PATH + MCP_PATH})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Caps of one request. Everything over one is refused."""

    body_bytes: int = MIB
    register_bytes: int = 90 * MIB
    """A module of 64 MiB in base64, and its manifest."""
    header_count: int = 64
    header_bytes: int = 32 * 1024
    """Names and values together; a token has at most 8 KiB of it."""
    body_s: float = 30.0
    """Until a body has arrived."""
    register_s: float = 300.0
    request_s: float = 1860.0
    """Until an answer begins and ends: the longest call (30 minutes), and a minute."""
    stream_s: float = 3600.0
    """Until a mounted stream is cut; its client connects again."""
    in_flight: int = 512
    """Requests under way; more are told to try again."""
    registrations: int = 2
    """At once: each holds its module in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """The names a server answers to. `hosts` is what clients write in `Host`, with the port unless it is usual."""

    hosts: frozenset[str]
    scheme: str = "http"
    """What clients use to get here: `https` also behind a proxy that ends TLS."""
    peers: tuple[IPv4Network | IPv6Network, ...] = ()
    """If any: only these, and loopback, may connect."""
    public: frozenset[str] = frozenset()
    """Exact paths, besides the fixed four, that GET without a token (the console's login page and files)."""
    resource: str | None = None
    """Our MCP endpoint as clients write it; None: by the name that a request used."""
    authorization_servers: tuple[str, ...] = ()
    scope_names: Mapping[Scope, str] = field(default_factory=lambda: {scope: scope.value for scope in Scope})
    """What those who issue tokens call our scopes."""
    admin_http: bool = False
    """Answer approvals over HTTP."""
    limits: HttpLimits = field(default_factory=HttpLimits)

    def __post_init__(self) -> None:
        if not self.hosts or any(host != host.lower() or not host for host in self.hosts):
            raise OperatorError("the server needs the host names it answers to, in lower case")
        if self.scheme not in ("http", "https"):
            raise OperatorError("the server's scheme is `http` or `https`")

    def is_public(self, method: str, path: str) -> bool:
        """Whether the route needs no token."""
        return method in ("GET", "HEAD") and (path in PUBLIC_PATHS or path in self.public)

    def resource_of(self, path: str) -> str | None:
        """What a token for *path* names as its audience, where that is configured: the endpoint, or its server."""
        if self.resource is None or path == MCP_PATH:
            return self.resource
        split = urlsplit(self.resource)
        return f"{split.scheme}://{split.netloc}"

    def metadata_of(self, host: str, path: str) -> str:
        """Where a client that asked *host* for *path* reads who issues tokens (RFC 9728)."""
        return f"{self.scheme}://{host}{RESOURCE_PATH}{path if path == MCP_PATH else ''}"

    def may_connect(self, address: str | None) -> bool:
        """Whether a peer at *address* is one of `peers` or on this machine."""
        if not self.peers:
            return True
        try:
            peer = ip_address(address or "")
        except ValueError:
            return False
        return peer.is_loopback or any(peer.version == network.version and peer in network for network in self.peers)


def loopback_hosts(port: int) -> frozenset[str]:
    """The names of a server on this machine's loopback at *port*."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))
