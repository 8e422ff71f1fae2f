"""What a running tool reaches of the house that was built around it: calls of other tools, and labels. Bound once."""

import secrets
from collections.abc import Mapping, Sequence

from holdfast.contracts import (
    Authorized,
    CallId,
    Json,
    Label,
    Labelling,
    Nested,
    Place,
    Reason,
    Refusal,
    ToolCall,
    ToolName,
    ToolResult,
)

from ..dispatch import Dispatcher

_NOT_OPEN = Reason(code="host/unavailable", layer="host", message="the server is not open yet; try again")


class Nesting:
    """The `Invoke` and `Labelling` ports before there is a dispatcher: a house builds its runtimes first."""

    def __init__(self) -> None:
        self._dispatcher: Dispatcher | None = None
        self._labelling: Labelling | None = None

    def bind(self, dispatcher: Dispatcher, labelling: Labelling) -> None:
        """From here on calls go to *dispatcher*, and labels to *labelling*."""
        self._dispatcher = dispatcher
        self._labelling = labelling

    async def __call__(
        self, by: Authorized, tool: ToolName, arguments: Mapping[str, Json], /, *, deadline_ms: int
    ) -> ToolResult:
        """Make the call through the whole procedure, as *by*'s principal in its session, one deeper."""
        if self._dispatcher is None:
            raise Refusal(_NOT_OPEN)
        call = ToolCall(
            id=CallId("c_" + secrets.token_hex(12)),
            tool=tool,
            arguments=arguments,
            session=by.session.id,
            deadline_ms=deadline_ms,
            nested=Nested(by=by.call_id, depth=by.depth + 1),
        )
        return await self._dispatcher.execute(call, by.principal)

    async def fetched(self, call: Authorized, host: str, /) -> None:
        """As the port says."""
        await self._bound.fetched(call, host)

    async def read(self, call: Authorized, places: Sequence[Place], /) -> None:
        """As the port says."""
        await self._bound.read(call, places)

    async def writing(self, call: Authorized, places: Sequence[Place], /) -> None:
        """As the port says."""
        await self._bound.writing(call, places)

    async def invoking(self, call: Authorized, /) -> None:
        """As the port says."""
        await self._bound.invoking(call)

    async def grown(self, call: Authorized, /) -> frozenset[Label]:
        """As the port says."""
        return await self._bound.grown(call)

    @property
    def _bound(self) -> Labelling:
        if self._labelling is None:
            raise Refusal(_NOT_OPEN)
        return self._labelling
