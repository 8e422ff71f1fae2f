"""Approvals as an operator answers them. The caller never can."""

from typing import Literal

from pydantic import Field, JsonValue

from holdfast.contracts import ApprovalId, Json, NotFound, TenantId

from ..house import House
from ..principals import LOCAL_TENANT, OPERATOR
from ..store import ApprovalState, Ruling
from .params import Params


class ListParams(Params):
    """Which approvals."""

    state: ApprovalState | None = ApprovalState.PENDING


class IdParams(Params):
    """Which approval."""

    id: str


class DecideParams(Params):
    """What is decided; *arguments* replace the call's, which must then be made with them."""

    id: str
    decision: Literal["approve", "deny"]
    note: str | None = None
    arguments: dict[str, JsonValue] | None = None


class ReopenParams(Params):
    """Whose questions are taken again."""

    principal: str = Field(min_length=1, max_length=256)
    tenant: str = Field(default=LOCAL_TENANT, min_length=1, max_length=256)


async def list_approvals(house: House, params: ListParams) -> Json:
    """The newest first, each whole."""
    desk = house.desks.approvals
    return [desk.written(record) for record in await desk.list(params.state)]


async def show(house: House, params: IdParams) -> Json:
    """One, whole."""
    record = await house.desks.approvals.get(ApprovalId(params.id))
    if record is None:
        raise NotFound("there is no such approval")
    return house.desks.approvals.written(record)


async def decide(house: House, params: DecideParams) -> Json:
    """Approve or deny, and record who did."""
    ruling = Ruling.APPROVE if params.decision == "approve" else Ruling.DENY
    desk = house.desks.approvals
    decided = await desk.decide(
        ApprovalId(params.id), ruling, by=OPERATOR, note=params.note, arguments=params.arguments
    )
    return desk.written(decided)


async def reopen(house: House, params: ReopenParams) -> Json:
    """Let somebody ask again whose questions were closed."""
    await house.desks.approvals.reopen(TenantId(params.tenant), params.principal, by=OPERATOR)
    return {"principal": params.principal, "tenant": params.tenant, "state": "open"}
