"""`/v1/leases`: calls of others that run without asking, made and ended by whoever may approve. Uses none."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from .approvals import approver
from .exchange import answer, gives, only_query, read, takes
from .models import LeaseAnswer, LeaseBody, LeasesAnswer
from .ports import LeaseDesk


def lease_routes(desk: LeaseDesk, *, admin_http: bool) -> APIRouter:
    """Routes of leases; without *admin_http* they are all refused."""
    router = APIRouter()

    @router.get("/v1/leases", responses=gives() | {200: {"model": LeasesAnswer}})
    async def list_leases(request: Request) -> Response:
        """The leases of the caller's tenant, newest first."""
        principal = approver(request, admin_http=admin_http)
        only_query(request)
        found = await desk.list(tenant=principal.tenant)
        return answer({"leases": [lease.to_json() for lease in found]})

    @router.post(
        "/v1/leases",
        openapi_extra=takes(LeaseBody),
        status_code=201,
        responses=gives(404) | {201: {"model": LeaseAnswer}},
    )
    async def add_lease(request: Request) -> Response:
        """Let calls of another principal run without asking."""
        principal = approver(request, admin_http=admin_http)
        body = await read(request, LeaseBody)
        lease = await desk.add(
            tenant=principal.tenant,
            principal=body.principal,
            tool=body.tool,
            arguments=body.arguments,
            forbids=body.forbids,
            count=body.count,
            ttl_s=body.ttl_s,
            by=principal,
        )
        return answer(lease.to_json(), 201)

    @router.delete("/v1/leases/{id}", responses=gives(404) | {200: {"model": LeaseAnswer}})
    async def revoke_lease(request: Request, id: str) -> Response:  # noqa: A002 -- its name in the path
        """End a lease now."""
        principal = approver(request, admin_http=admin_http)
        only_query(request)
        return answer((await desk.revoke(id, by=principal, tenant=principal.tenant)).to_json())

    return router
