"""Approvals as an operator answers them. The caller never can."""

from typing import Literal

from pydantic import JsonValue

from holdfast.contracts import ApprovalId, Json, NotFound

from ..approval_desk import RecordedApprovals
from ..house import House
from ..principals import OPERATOR
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


async def list_approvals(house: House, params: ListParams) -> Json:
    """The newest first."""
    return [record.to_json() for record in await house.approvals.list(params.state)]


async def show(house: House, params: IdParams) -> Json:
    """One, whole."""
    record = await house.approvals.get(ApprovalId(params.id))
    if record is None:
        raise NotFound("there is no such approval")
    return record.to_json()


async def decide(house: House, params: DecideParams) -> Json:
    """Approve or deny, and record who did."""
    ruling = Ruling.APPROVE if params.decision == "approve" else Ruling.DENY
    desk = RecordedApprovals(house.approvals, house.audit)
    decided = await desk.decide(
        ApprovalId(params.id), ruling, by=OPERATOR, note=params.note, arguments=params.arguments
    )
    return decided.to_json()
