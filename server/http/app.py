"""Puts the HTTP face together from what it is given. Holds no state and starts nothing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..metrics import Metrics
from ..store import Sessions
from .approvals import approval_routes
from .building import build_routes
from .calls import call_routes, scan_routes
from .exchange import PROBLEM_SCHEMA, answer, principal_of
from .guard import Guard
from .leases import lease_routes
from .policies import policy_routes
from .ports import (
    ApprovalDesk,
    Authenticating,
    Building,
    LeaseDesk,
    PolicyViews,
    Readiness,
    Registrar,
    Scanning,
    SessionDesk,
    SessionTokens,
    ToolService,
    UpstreamViews,
)
from .probes import probe_routes, resource_routes
from .problems import Problem, field_errors, problem_of
from .sessions import clearing_routes, seen_session_routes, session_routes
from .surface import PUBLIC_PATHS, Surface
from .tools import listing_routes, register_routes
from .upstreams import upstream_routes

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

# FastAPI would otherwise report requests, validation errors and their input to whatever OpenTelemetry is set up.
_SILENT: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
_DETAILS: Final = {404: "there is no such route", 405: "the method is not offered here"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDeps:
    """Everything the HTTP face needs."""

    surface: Surface
    tools: ToolService
    scanning: Scanning
    registrar: Registrar
    building: Building
    approvals: ApprovalDesk
    leases: LeaseDesk
    upstreams: UpstreamViews
    policies: PolicyViews
    sessions: Sessions
    session_desk: SessionDesk
    session_tokens: SessionTokens
    authenticating: Authenticating
    readiness: Readiness
    metrics: Metrics
    mounts: Mapping[str, ASGIApp] = field(default_factory=dict[str, ASGIApp])
    """Other ASGI applications by exact path, for example `/mcp`; the caller is in their scope as `PRINCIPAL`."""
    routers: Sequence[APIRouter] = ()
    """More routes, behind the same guard."""


def build_app(deps: HttpDeps, *, lifespan: Lifespan | None = None) -> FastAPI:
    """The whole HTTP face as one application, the guard around it."""
    app = FastAPI(
        title="Holdfast",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        telemetry=_SILENT,
    )
    for router in _routers(deps):
        app.include_router(router)
    app.add_api_route("/openapi.json", _openapi(app), methods=["GET"], include_in_schema=False)
    app.add_exception_handler(HTTPException, _routing_problem)
    app.add_exception_handler(RequestValidationError, _parameter_problem)
    if deps.mounts:
        app.add_middleware(_Mounts, mounts=deps.mounts)
    app.add_middleware(Guard, surface=deps.surface, authenticating=deps.authenticating, responses=deps.metrics)
    return app


def _routers(deps: HttpDeps) -> Sequence[APIRouter]:
    return (
        call_routes(deps.tools),
        scan_routes(deps.scanning),
        listing_routes(deps.tools),
        register_routes(deps.registrar, deps.surface.limits),
        build_routes(deps.building),
        approval_routes(deps.approvals, admin_http=deps.surface.admin_http),
        lease_routes(deps.leases, admin_http=deps.surface.admin_http),
        upstream_routes(deps.upstreams),
        policy_routes(deps.policies, admin_http=deps.surface.admin_http),
        session_routes(deps.sessions, deps.session_tokens),
        clearing_routes(deps.session_desk),
        seen_session_routes(deps.sessions),
        probe_routes(deps.readiness, deps.metrics),
        resource_routes(deps.surface),
        *deps.routers,
    )


class _Mounts:
    """Hands requests for a mounted application to it, past what the routes need and it does not."""

    def __init__(self, app: ASGIApp, *, mounts: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._mounts = mounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request on."""
        mounted = self._mounts.get(scope["path"]) if scope["type"] == "http" else None
        await (self._app if mounted is None else mounted)(scope, receive, send)


def _openapi(app: FastAPI) -> Callable[[Request], Any]:
    async def openapi(request: Request) -> Response:
        principal_of(request)
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return answer(app.openapi_schema)

    return openapi


def _described(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version="1", routes=app.routes)
    components = schema.setdefault("components", {})
    described = dict(PROBLEM_SCHEMA)
    components.setdefault("schemas", {}).update(described.pop("$defs", {}) | {"ProblemAnswer": described})
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            operation["security"] = [] if path in PUBLIC_PATHS else [{"token": []}]
    return schema


async def _routing_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 -- registered for nothing else; for the type checkers
    detail = _DETAILS.get(error.status_code, "the request cannot be taken as it is")
    headers = tuple((name.lower(), value) for name, value in (error.headers or {}).items())
    return Problem(status=error.status_code, detail=detail, headers=headers).response()


async def _parameter_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- registered for nothing else; for the type checkers
    return problem_of(field_errors(error.errors())).response()
