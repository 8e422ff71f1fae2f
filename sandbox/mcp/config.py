"""What an operator says about one MCP server. Holds values only; starts and reaches nothing."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from holdfast.contracts import ALL_EFFECTS, Effect, FlowSpec, Limits, OperatorError
from holdfast.contracts.limits import UPSTREAM, UPSTREAM_CEILING

UPSTREAM_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
"""No underscore, so the first `__` of a served name always ends the server's part."""

MAX_IN_FLIGHT: Final = 16
"""Calls one upstream works on at a time; more wait for a slot within their own deadline."""


MOST_IN_FLIGHT: Final = 1_024


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
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with each HTTP request, a credential among them perhaps; never shown."""
    env: tuple[tuple[str, str], ...] = ()
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

    def __post_init__(self) -> None:
        if not UPSTREAM_NAME.fullmatch(self.name):
            raise OperatorError("upstream `name` is a small letter, then up to 30 small letters, digits or `-`")
        if bool(self.command) == (self.url is not None):
            raise OperatorError(f"upstream `{self.name}` needs either `command` or `url`, and not both")
        if self.url is not None:
            _check_url(self.name, self.url)
            self._check_no_grants()
        if any("\0" in part for part in self.command):
            raise OperatorError(f"upstream `{self.name}`: `command` holds a NUL character")
        for path in (*self.readable, *self.writable):
            if not path.startswith("/"):
                raise OperatorError(f"upstream `{self.name}`: granted paths are absolute")
        if not 1 <= self.max_in_flight <= MOST_IN_FLIGHT:
            raise OperatorError(f"upstream `{self.name}`: `max_in_flight` is 1 to {MOST_IN_FLIGHT}")
        _check_ceiling(self.name, self.limits)

    def _check_no_grants(self) -> None:
        if self.env or self.readable or self.writable or self.network or self.cwd is not None:
            raise OperatorError(
                f"upstream `{self.name}` runs elsewhere: `env`, `cwd` and grants cannot be enforced on a `url`",
                remedy="leave them out, or run the server by `command`",
            )


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
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return
    raise OperatorError(f"upstream `{name}`: `url` is https, or http on 127.0.0.1, ::1 or localhost")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
