"""Calls between their gate and their answer, and who they keep waiting meanwhile. It judges none.

A call that waits for somebody's answer keeps nobody waiting; what it carries out is then compared, and if other text
was written there it does not go on.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Authorized, CallId, Method, Reason, Refusal, TenantId, ToolSpec, Upstream
from holdfast.contracts.flow import FILES

from ..store import Places
from .crossings import Crossings, Ground, Passage
from .ground import Touched

MOVED_MEANWHILE: Final = Reason(
    code="flow/moved-meanwhile",
    layer="flow",
    message="while somebody was asked, other text was written where this call takes content along; call again",
)
_ASKED: Final = frozenset({Method.ELICITATION, Method.SAMPLING, Method.ROOTS})
_FREELY: Final = nullcontext()
"""The passage of a call that neither carries nor writes: it is in nobody's way."""


@dataclass(frozen=True, slots=True)
class _Passing:
    touched: Touched
    passage: Passage


class Passing:
    """The calls of one house that are between gate and answer."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._crossings = Crossings()
        self._calls: dict[CallId, _Passing] = {}

    def passage(
        self, call: CallId, tenant: TenantId, spec: ToolSpec, touched: Touched
    ) -> AbstractAsyncContextManager[None]:
        """A call that carries a space's content meets nobody who writes there while the block runs.

        What a server asks in the middle of a call crosses nothing of its own.
        """
        if isinstance(spec.runtime, Upstream) and spec.runtime.method in _ASKED:
            return _FREELY
        carrying: set[Ground] = {(tenant, place.space) for place in touched.carries}
        writing: set[Ground] = {(tenant, place.space) for place in touched.writes if place.space != FILES}
        return self._passage(call, touched, writing, carrying) if carrying or writing else _FREELY

    @asynccontextmanager
    async def _passage(
        self, call: CallId, touched: Touched, writing: set[Ground], carrying: set[Ground]
    ) -> AsyncGenerator[None]:
        async with self._crossings.passage(writing=writing, carrying=carrying) as passage:
            self._calls[call] = _Passing(touched, passage)
            try:
                yield
            finally:
                del self._calls[call]

    @asynccontextmanager
    async def asking(self, call: Authorized) -> AsyncGenerator[None]:
        """While somebody is asked in the middle of *call*, others may pass.

        Raises: Refusal when what the call carries is not what it was then.
        """
        passing = self._calls.get(call.call_id)
        if passing is None:
            yield
            return
        tenant, carries = call.principal.tenant, passing.touched.carries
        before = await self._places.state(tenant, carries)
        async with passing.passage.let_others():
            yield
        if await self._places.state(tenant, carries) != before:
            raise Refusal(MOVED_MEANWHILE)
