"""Leases as an operator makes and ends them."""

from pydantic import Field, JsonValue

from holdfast.contracts import Json, TenantId

from ..house import House
from ..principals import LOCAL_TENANT, OPERATOR
from .params import Params


class AddParams(Params):
    """Which calls run without asking, how many, for how long."""

    tool: str = Field(min_length=1, max_length=64)
    principal: str = Field(min_length=1, max_length=256)
    arguments: dict[str, JsonValue]
    forbids: tuple[str, ...]
    count: int
    ttl_s: int
    tenant: str = Field(default=LOCAL_TENANT, min_length=1, max_length=256)


class IdParams(Params):
    """Which lease."""

    id: str


async def list_leases(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """Every lease of every tenant, the newest first."""
    return [lease.to_json() for lease in await house.desks.leases.list()]


async def add(house: House, params: AddParams) -> Json:
    """Make one."""
    lease = await house.desks.leases.add(
        tenant=TenantId(params.tenant),
        principal=params.principal,
        tool=params.tool,
        arguments=params.arguments,
        forbids=params.forbids,
        count=params.count,
        ttl_s=params.ttl_s,
        by=OPERATOR,
    )
    return lease.to_json()


async def revoke(house: House, params: IdParams) -> Json:
    """End one now."""
    return (await house.desks.leases.revoke(params.id, by=OPERATOR)).to_json()
