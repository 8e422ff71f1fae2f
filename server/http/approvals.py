"""`/v1/approvals`: looking at what waits, and deciding on somebody else's call. Spends nothing."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contracts import ApprovalId, Forbidden, Json, NotFound, Principal, Scope

from ..store import Approval, ApprovalState, Ruling
from .exchange import answer, gives, only_query, principal_of, read, takes
from .models import ApprovalAnswer, ApprovalsAnswer, ApprovalStateName, DecisionBody
from .ports import ApprovalDesk

_RULINGS: Final = {"approve": Ruling.APPROVE, "deny": Ruling.DENY}


def approval_routes(desk: ApprovalDesk, *, admin_http: bool) -> APIRouter:
    """Routes of approvals. Without *admin_http* a caller still sees what its own calls wait for, and nobody decides."""
    router = APIRouter()

    @router.get("/v1/approvals", responses=gives() | {200: {"model": ApprovalsAnswer}})
    async def list_approvals(request: Request, state: ApprovalStateName | None = None) -> Response:
        """The approvals of the caller's tenant, newest first."""
        principal = approver(request, admin_http=admin_http)
        only_query(request, "state")
        wanted = None if state is None else ApprovalState(state)
        found = await desk.list(wanted, tenant=principal.tenant)
        return answer({"approvals": [_shown(desk, approval, principal) for approval in found]})

    @router.get("/v1/approvals/{id}", responses=gives(404) | {200: {"model": ApprovalAnswer}})
    async def show_approval(request: Request, id: str) -> Response:  # noqa: A002 -- its name in the path
        """One approval: for approvers, and for the principal whose call it is."""
        principal = principal_of(request)
        only_query(request)
        approval = await desk.get(ApprovalId(id))
        if approval is None or not _may_see(principal, approval, admin_http=admin_http):
            raise NotFound("there is no such approval")
        return answer(_shown(desk, approval, principal))

    @router.post(
        "/v1/approvals/{id}",
        openapi_extra=takes(DecisionBody),
        responses=gives(404, 409) | {200: {"model": ApprovalAnswer}},
    )
    async def decide(request: Request, id: str) -> Response:  # noqa: A002 -- its name in the path
        """Approve or deny a call of another principal."""
        principal = approver(request, admin_http=admin_http)
        body = await read(request, DecisionBody)
        decided = await desk.decide(
            ApprovalId(id), _RULINGS[body.decision], by=principal, note=body.note, arguments=body.arguments
        )
        return answer(_shown(desk, decided, principal))

    return router


def approver(request: Request, *, admin_http: bool) -> Principal:
    """Who answers for other people's calls.

    Raises: LacksScope; Forbidden where the operator did not open this over HTTP.
    """
    principal = principal_of(request, Scope.APPROVE)
    if not admin_http:
        raise Forbidden(
            "approvals and leases are not answered over HTTP here",
            remedy="use `holdfast approvals` and `holdfast leases`, or set `[server] admin_http = true`",
        )
    return principal


def _shown(desk: ApprovalDesk, approval: Approval, principal: Principal) -> dict[str, Json]:
    """All of it, but to whoever made the call: what policy knows of its session would be an oracle."""
    return approval.summary() if principal.subject == approval.principal else desk.written(approval)


def _may_see(principal: Principal, approval: Approval, *, admin_http: bool) -> bool:
    if principal.tenant != approval.tenant:
        return False
    own = Scope.CALL in principal.scopes and principal.subject == approval.principal
    return own or (admin_http and Scope.APPROVE in principal.scopes)
