"""`/v1/policies`: what policy is asked about, for whoever compares sets elsewhere. It judges and changes nothing."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contracts import Forbidden, Scope

from ..policy_desk import PAGE
from .exchange import answer, gives, only_query, principal_of
from .models import JsonObjectField
from .ports import PolicyViews

_PLACE: Final = r"^[0-9]{1,12}\.[0-9]{1,9}~c_[0-9a-f]{24}$"
_LATEST: Final = 1e11
"""Seconds; no call is from after the year 5000."""


class _Closed(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class PolicyToolAnswer(_Closed):
    """What policy may know of a tool. `server`: the upstream it belongs to, or empty."""

    name: str
    inputSchema: JsonObjectField  # noqa: N815 -- as MCP writes it, and `--tools FILE` reads it
    effects: list[str]
    server: str


class PolicyToolsAnswer(_Closed):
    """The tools there are."""

    tools: list[PolicyToolAnswer]


class RecordedInputAnswer(_Closed):
    """What policy saw of one call, redacted, and what it said; `definition` of the tool, `at` in seconds."""

    call_id: str
    at: float
    definition: str
    said: JsonObjectField


class RecordedInputsAnswer(_Closed):
    """A page of recorded calls, the oldest first; `tools` by definition. `next`: ask again with it as `after`.

    `unopened`: how many of this stretch, of any tenant, do not open with the server's key.
    """

    inputs: list[RecordedInputAnswer]
    tools: dict[str, JsonObjectField]
    unopened: int
    next: str | None


def policy_routes(views: PolicyViews, *, admin_http: bool) -> APIRouter:
    """Routes that show what policy is asked; recorded calls only with *admin_http*: they hold arguments."""
    router = APIRouter()

    @router.get("/v1/policies/tools", responses=gives() | {200: {"model": PolicyToolsAnswer}})
    async def list_policy_tools(request: Request) -> Response:
        """The tools as policy sees them, withheld ones too."""
        principal_of(request, Scope.POLICY_READ)
        only_query(request)
        return answer({"tools": views.tools()})

    @router.get("/v1/policies/inputs", responses=gives() | {200: {"model": RecordedInputsAnswer}})
    async def list_recorded_inputs(
        request: Request,
        since: Annotated[float, Query(ge=0, le=_LATEST, allow_inf_nan=False)] = 0,
        after: Annotated[str | None, Query(pattern=_PLACE)] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE)] = 100,
    ) -> Response:
        """Recorded calls of the caller's tenant, as `[policy] record` kept them."""
        principal = principal_of(request, Scope.POLICY_READ)
        if not admin_http:
            raise Forbidden(
                "recorded calls are not shown over HTTP here",
                remedy="read them on the server's machine, or set `[server] admin_http = true`",
            )
        only_query(request, "since", "after", "limit")
        at, _, call = (after or "").partition("~")
        place = (float(at), call) if call else None
        return answer(await views.inputs(principal.tenant, since=since, after=place, limit=limit))

    return router
