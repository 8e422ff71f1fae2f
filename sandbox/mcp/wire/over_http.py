"""An HTTP upstream as a transport of the SDK, and the network behind it. It reads no message."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Final

import httpx2
from mcp.client.streamable_http import streamable_http_client

from ..answers import MAX_MESSAGE_BYTES
from ..config import UpstreamConfig
from ..credentials.keyring import Credentials
from ..faults import Marks, UpstreamFault
from ..turns import ASKING_SECONDS
from .checked import CheckedTransport
from .direct import USER_AGENT, Direct
from .network import Network
from .screen import Screen

LATE_SECONDS: Final = 5.0
"""How much longer than a call may take its HTTP request is kept, for a server that ignores a cancellation."""

_BESIDES_CALLS: Final = 8
"""Listings, the stream of notices, cancellations."""


class HttpTransport:
    """One HTTP upstream. Good for one connection."""

    def __init__(
        self,
        config: UpstreamConfig,
        marks: Marks,
        screen: Screen,
        credentials: Credentials,
        *,
        at_least_seconds: float = 0.0,
    ) -> None:
        """*at_least_seconds*: a request may take so long, whatever a call may: somebody may be signing in."""
        self._config = config
        self._headers = httpx2.Headers({"user-agent": USER_AGENT})
        self._headers.update(credentials.headers)
        self._credentials = credentials
        self._checked = CheckedTransport(
            network_of(config, credentials),
            marks,
            screen,
            seconds=max(
                at_least_seconds,
                config.limits.wall_ms / 1000 + LATE_SECONDS + (ASKING_SECONDS if config.asks else 0.0),
            ),
            scrub=credentials.scrub,
        )
        self.ended = self._checked.ended
        """Set once the server has forgotten the session, or sent too much: a new connection is needed."""

    @property
    def turned_away(self) -> bool:
        """Whether the server does not know what was posted to it: it may be one of 2024-11-05."""
        return self._checked.turned_away and self.unauthorized is None

    @property
    def unauthorized(self) -> UpstreamFault | None:
        """Why the server takes no message of ours, if for want of a credential; what it says later says nothing."""
        return self._checked.unauthorized

    @property
    def direct(self) -> Direct:
        """The same server, for requests that need nothing of the SDK."""
        return Direct(self._checked, self._config.url or "", self._credentials)

    @contextlib.asynccontextmanager
    async def streams(self) -> AsyncGenerator[object]:
        """Carry messages while the block runs."""
        async with (
            httpx2.AsyncClient(transport=self._checked, headers=self._headers, timeout=None, trust_env=False) as client,
            streamable_http_client(
                self._config.url or "", http_client=client, max_sse_event_size=MAX_MESSAGE_BYTES + 1024
            ) as streams,
        ):
            yield streams


def network_of(config: UpstreamConfig, credentials: Credentials) -> httpx2.AsyncBaseTransport:
    """The network, with a token of *credentials* on each request if the entry says so."""
    # A connection for each call there may be, and some for what is not a call.
    network = Network(most=config.max_in_flight + _BESIDES_CALLS, connect_seconds=config.connect_ms / 1000)
    if credentials.authorizer is None:
        return network
    from ..credentials.oauth import AuthorizedTransport  # noqa: PLC0415 -- few upstreams need it

    return AuthorizedTransport(network, credentials.authorizer)
