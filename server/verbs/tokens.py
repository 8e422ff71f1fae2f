"""Tokens: issued once, shown once, revoked at any time."""

from pydantic import Field

from holdfast.contracts import Json, Scope, SessionId, TenantId

from ..house import House
from ..principals import LOCAL_TENANT
from ..store import rfc3339
from .params import Params

DEFAULT_TTL_S = 30 * 24 * 3600
MAX_TTL_S = 366 * 24 * 3600


class IssueParams(Params):
    """Who it is for, and what it allows."""

    sub: str = Field(min_length=1, max_length=256)
    scope: tuple[Scope, ...] = (Scope.CALL,)
    ttl_s: int = Field(default=DEFAULT_TTL_S, ge=1, le=MAX_TTL_S)
    tenant: str = Field(default=LOCAL_TENANT, min_length=1, max_length=256)
    session: str | None = None
    profile: str | None = Field(default=None, pattern=r"^(readonly|supervised|autonomous)$")


class IdParams(Params):
    """Which token."""

    id: str


async def issue(house: House, params: IssueParams) -> Json:
    """Make one; this answer is the only place it is ever shown."""
    issued = await house.state.issuer.issue(
        subject=params.sub,
        scopes=frozenset(params.scope),
        ttl_s=params.ttl_s,
        tenant=TenantId(params.tenant),
        session=None if params.session is None else SessionId(params.session),
        profile=params.profile,
    )
    house.audit.event("token", {"id": issued.id, "decision": "issued", "scopes": [one.value for one in params.scope]})
    return {
        "id": issued.id,
        "token": issued.token,
        "scopes": [scope.value for scope in sorted(issued.scopes)],
        "expires_at": rfc3339(issued.expires_at),
    }


async def list_tokens(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """Every unexpired one, without its text."""
    return [row.to_json() for row in house.tokens.list()]


async def revoke(house: House, params: IdParams) -> Json:
    """End one now."""
    row = await house.tokens.revoke(params.id)
    house.audit.event("token", {"id": row.id, "decision": "revoked"})
    return row.to_json()
