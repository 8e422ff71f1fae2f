"""Sessions as an operator looks at them, and clears the one that a principal's unnamed calls run in."""

from pydantic import Field

from holdfast.contracts import Json, Session, TenantId

from ..house import House
from ..principals import LOCAL_TENANT, OPERATOR
from ..store import rfc3339
from .params import Params


class ListParams(Params):
    """Whose sessions."""

    tenant: str = Field(default=LOCAL_TENANT, min_length=1, max_length=256)


class ClearParams(ListParams):
    """Whose default session."""

    principal: str = Field(min_length=1, max_length=256)


async def list_sessions(house: House, params: ListParams) -> Json:
    """Those that have not expired, newest first."""
    return [_row(session) for session in await house.desks.sessions.list(TenantId(params.tenant))]


async def clear(house: House, params: ClearParams) -> Json:
    """End it and open a clean one."""
    return _row(await house.desks.sessions.clear_default(TenantId(params.tenant), params.principal, by=OPERATOR))


def _row(session: Session) -> dict[str, Json]:
    return {
        "id": session.id,
        "principal": session.principal,
        "kind": "default" if session.expires_at is None else "minted",
        "labels": [label.value for label in sorted(session.labels)],
        "parent": session.parent,
        "expires_at": None if session.expires_at is None else rfc3339(session.expires_at),
    }
