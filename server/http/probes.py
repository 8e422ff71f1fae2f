"""Whether the server lives and is ready, what it counts, and where its tokens come from. Shows no state of a caller."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contracts import Json, Scope

from ..metrics import CONTENT_TYPE, Metrics
from .exchange import answer, gives, principal_of
from .models import StateAnswer
from .ports import Readiness
from .surface import HEALTH_PATH, MCP_PATH, READY_PATH, RESOURCE_PATH, Surface


def probe_routes(readiness: Readiness, metrics: Metrics) -> APIRouter:
    """Routes for whoever runs the server."""
    router = APIRouter()

    @router.get(HEALTH_PATH, responses={200: {"model": StateAnswer}})
    async def healthz() -> Response:
        """The process answers."""
        return answer({"status": "ok"} | ({"observing": True} if metrics.is_observing else {}))

    @router.get(READY_PATH, responses={200: {"model": StateAnswer}, 503: {"model": StateAnswer}})
    async def readyz() -> Response:
        """Calls can be taken."""
        return answer({"status": "ready"}) if readiness.ready() else answer({"status": "not ready"}, 503)

    @router.get("/metrics", responses=gives() | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
    async def show_metrics(request: Request) -> Response:
        """Everything that is counted."""
        principal_of(request, Scope.METRICS)
        return Response(metrics.render(), media_type=None, headers={"content-type": CONTENT_TYPE})

    return router


def resource_routes(surface: Surface) -> APIRouter:
    """The protected-resource metadata of RFC 9728: who issues tokens for this server, and what they can say."""
    router = APIRouter()

    def document(request: Request, path: str) -> Response:
        # The guard let this Host through, so it is one of the server's own names.
        asked = f"{surface.scheme}://{request.headers['host'].lower()}{path}"
        described: dict[str, Json] = {
            "resource": surface.resource_of(path) or asked,
            "authorization_servers": list(surface.authorization_servers),
            "bearer_methods_supported": ["header"],
            "scopes_supported": [surface.scope_names[scope] for scope in Scope],
            "resource_name": "Holdfast",
        }
        return answer(described)

    @router.get(RESOURCE_PATH)
    async def whole_server(request: Request) -> Response:
        """The metadata of the whole server."""
        return document(request, "")

    @router.get(RESOURCE_PATH + MCP_PATH)
    async def mcp_endpoint(request: Request) -> Response:
        """The metadata of the MCP endpoint."""
        return document(request, MCP_PATH)

    return router
