"""What an approval is bound to once somebody has changed its arguments: the files that the new ones name."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from holdfast.contracts import Catalogue, Conflict, JsonObject, Principal, Scope

from .flow import Flow, References
from .store import Approval, Sessions

Rebinding: TypeAlias = Callable[[Approval, JsonObject], Awaitable[References]]
"""The workspace files that a call of the approval's tool names with these arguments."""


class Edited:
    """Looks at edited arguments as the dispatcher will when the call is made with them."""

    def __init__(self, *, flow: Flow, catalogue: Catalogue, sessions: Sessions) -> None:
        self._flow = flow
        self._catalogue = catalogue
        self._sessions = sessions

    async def references(self, approval: Approval, arguments: JsonObject) -> References:
        """The files that *arguments* name, digested.

        Raises: Conflict when the tool or the session is gone, so that nothing could be spent any more.
        """
        spec, session = self._catalogue.get(approval.tool), await self._sessions.get(approval.session)
        if spec is None or session is None:
            raise Conflict("the tool or the session of the call is gone", remedy="deny it")
        caller = Principal(subject=approval.principal, tenant=approval.tenant, scopes=frozenset({Scope.CALL}))
        look = await self._flow.look(spec, arguments, caller, session)
        return await self._flow.references(look, arguments)
