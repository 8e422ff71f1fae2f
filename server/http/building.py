"""`POST /v1/tools/build`: source in, a measured result out. It builds nothing itself and believes nobody."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contracts import InvalidRequest, Json, OperatorError, Principal, Scope
from holdfast.sandbox.building import Language
from holdfast.tools.cases import cases_of

from ..build_desk import BuildOrder, BuildResult
from .exchange import answer, gives, principal_of, read, takes, while_connected
from .models import BuildAnswer, BuildBody
from .ports import Building
from .tools import written_registration

_REGISTERED: Final = 201


def build_routes(building: Building) -> APIRouter:
    """The route that builds tools."""
    router = APIRouter()

    @router.post(
        "/v1/tools/build",
        openapi_extra=takes(BuildBody),
        responses=gives(409, 429) | {200: {"model": BuildAnswer}, 201: {"model": BuildAnswer}},
    )
    async def build(request: Request) -> Response:
        """Build a tool, try its cases sealed, and if all pass take it in as pending: then 201, else 200 and why."""
        principal = principal_of(request, Scope.REGISTER)
        body = await read(request, BuildBody)
        result = await while_connected(request.receive, _built(building, body, principal))
        return answer(_written(result), _REGISTERED if result.registration is not None else 200)

    return router


async def _built(building: Building, body: BuildBody, principal: Principal) -> BuildResult:
    try:
        order = BuildOrder(
            language=Language(body.language),
            sources={name: text.encode("utf-8") for name, text in body.source.items()},
            manifest=body.manifest,
            cases=cases_of({"cases": body.cases}),
        )
        return await building.build(order, principal)
    except OperatorError as error:  # the operator here is the caller: it is its manifest that is refused
        raise InvalidRequest(error.message, remedy=error.remedy) from error


def _written(result: BuildResult) -> dict[str, Json]:
    registration = None if result.registration is None else written_registration(result.registration)
    return {
        "state": result.state,
        "reason": result.reason,
        "said": result.said,
        "measured": None if result.measured is None else dict(result.measured),
        "registration": registration,
    }
