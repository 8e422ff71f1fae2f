"""`/v1/upstreams`: how the MCP servers behind this one are. It decides nothing, and asks none of them anything."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contracts import NotFound, Scope

from .exchange import answer, gives, only_query, principal_of
from .ports import UpstreamViews

KindName = Literal["tool", "prompt", "resource", "template", "instructions"]
StateName = Literal["new", "approved", "changed", "removed", "quarantined"]
ReasonName = Literal[
    "unreachable", "protocol", "too-large", "closed", "unauthorized", "error", "not-started", "breaker", "approvals"
]
"""Of the reasons, `approvals` alone is about ours: what approves it cannot be taken."""


class _Closed(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class ReachedAnswer(_Closed):
    """How it is reached: the origin of its URL, or the name of its program."""

    by: Literal["url", "command"]
    at: str


class UpstreamRowAnswer(_Closed):
    """One MCP server. `reason`: why it cannot be used, as far as that is known."""

    name: str
    reached: ReachedAnswer | None
    connected: bool
    version: str | None
    breaker: Literal["closed", "open", "half-open"]
    reason: ReasonName | None
    counts: dict[KindName, dict[StateName, int]] = Field(description="How many definitions there are.")


class DefinitionAnswer(_Closed):
    """One definition: `digest` of what is listed now, `approved` of what was approved."""

    key: str
    kind: KindName
    state: StateName
    why: str | None
    digest: str | None
    approved: str | None
    approved_by: str | None
    approved_at: str | None


class UpstreamAnswer(UpstreamRowAnswer):
    """One MCP server and its definitions."""

    definitions: list[DefinitionAnswer]


class UpstreamsAnswer(_Closed):
    """The MCP servers, by name."""

    upstreams: list[UpstreamRowAnswer]


def upstream_routes(upstreams: UpstreamViews) -> APIRouter:
    """Routes that show MCP servers to operators."""
    router = APIRouter()

    @router.get("/v1/upstreams", responses=gives() | {200: {"model": UpstreamsAnswer}})
    async def list_upstreams(request: Request) -> Response:
        """The MCP servers and how they are doing."""
        principal_of(request, Scope.POLICY_READ)
        only_query(request)
        return answer({"upstreams": [*upstreams.all()]})

    @router.get("/v1/upstreams/{name}", responses=gives(404) | {200: {"model": UpstreamAnswer}})
    async def show_upstream(request: Request, name: str) -> Response:
        """One MCP server, and where each of its definitions stands as it was seen last."""
        principal_of(request, Scope.POLICY_READ)
        only_query(request)
        found = upstreams.one(name)
        if found is None:
            raise NotFound("there is no such upstream")
        return answer(found)

    return router
