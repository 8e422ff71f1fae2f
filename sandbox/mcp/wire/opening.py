"""Opens one transport to an upstream as its entry says, and negotiates over it. Holds nothing open by itself.

An entry that leaves the transport open: streamable HTTP first; if what was posted is answered by 400, 404 or 405, the
stream of 2024-11-05. A server that wants a credential, or cannot be reached, is not asked twice.
"""

import contextlib
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..config import SIGN_IN_SECONDS, Era, TransportKind, UpstreamConfig
from ..credentials.keyring import Credentials
from ..faults import Ending, Marks, UpstreamError, UpstreamFault
from ..ports import Child, Pipe
from .adapter import Wire, opened
from .over_http import HttpTransport, network_of
from .over_sse import sse_pipe
from .over_stdio import StdioTransport
from .screen import Screen

Opened: TypeAlias = tuple[Wire, Ending]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What it takes to open a connection to the server of *config*."""

    config: UpstreamConfig
    credentials: Credentials
    marks: Marks
    screen: Screen
    sign_in: bool = False
    """Whether somebody may have to sign in meanwhile."""

    async def over(self, stack: contextlib.AsyncExitStack, child: Child | None) -> Opened:
        """The negotiated connection, kept open by *stack*; over the pipes of *child*, or to the entry's URL.

        Raises: UpstreamFault or UpstreamError.
        """
        if child is not None:
            return await self._negotiated(stack, self._line_by_line(child), self.config)
        if self.config.transport is not TransportKind.SSE:
            patience = SIGN_IN_SECONDS if self.sign_in else 0.0
            http = HttpTransport(self.config, self.marks, self.screen, self.credentials, at_least_seconds=patience)
            try:
                return await self._negotiated(stack, http, self.config)
            except (UpstreamFault, UpstreamError):
                if http.unauthorized is not None:
                    raise http.unauthorized from None
                old = self.config.transport is TransportKind.AUTO and self.config.era is not Era.MODERN
                if not old or not http.turned_away:
                    raise
        network, headers = network_of(self.config, self.credentials), dict(self.credentials.headers)
        pipe = await stack.enter_async_context(sse_pipe(self.config, network, headers, self.screen))
        return await self._negotiated(stack, self._line_by_line(pipe), replace(self.config, era=Era.HANDSHAKE))

    def _line_by_line(self, pipe: Pipe) -> StdioTransport:
        seconds = self.config.limits.wall_ms / 1000
        return StdioTransport(pipe, self.marks, self.screen, seconds=seconds, scrub=self.credentials.scrub)

    async def _negotiated(
        self, stack: contextlib.AsyncExitStack, transport: HttpTransport | StdioTransport, config: UpstreamConfig
    ) -> Opened:
        if self.sign_in:
            config = replace(config, connect_ms=round(SIGN_IN_SECONDS * 1000))
        direct = transport.direct if isinstance(transport, HttpTransport) else None
        wire = await stack.enter_async_context(
            opened(transport.streams(), config, self.marks, transport.ended, self.screen.ongoing, direct)
        )
        return wire, transport.ended
