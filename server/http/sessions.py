"""`/v1/sessions`: a host opens, clears and adds what the user says; a caller sees its own. No label is taken away."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contracts import Json, Label, NotFound, Principal, Scope, Session, SessionId

from ..store import Sessions, rfc3339
from ..store.approval_record import source_json
from ..store.sessions import DEFAULT_TTL_S
from .exchange import answer, gives, only_query, principal_of, read, takes
from .models import HeardBody, MintedAnswer, SessionAnswer, SessionBody, SessionsAnswer
from .ports import SessionDesk, SessionTokens

_Name = Annotated[str, Query(min_length=1, max_length=256)]


def session_routes(sessions: Sessions, tokens: SessionTokens) -> APIRouter:
    """Routes by which a host opens sessions and says what the user says."""
    router = APIRouter()

    @router.post(
        "/v1/sessions",
        openapi_extra=takes(SessionBody),
        status_code=201,
        responses=gives(404) | {201: {"model": MintedAnswer}},
    )
    async def mint(request: Request) -> Response:
        """Open a session for the caller, or for an agent of its tenant together with a token for it."""
        principal = principal_of(request, Scope.HOST)
        body = await read(request, SessionBody)
        ttl_s = DEFAULT_TTL_S if body.ttl_s is None else body.ttl_s
        session = await sessions.mint(
            tenant=principal.tenant,
            subject=body.principal or principal.subject,
            parent=None if body.parent is None else SessionId(body.parent),
            user_request=body.user_request,
            labels=frozenset(Label(label) for label in body.labels or ()),
            ttl_s=ttl_s,
            by=principal.subject,
        )
        minted: dict[str, Json] = {"id": session.id, "expires_at": _when(session)}
        if body.principal is not None:
            minted["token"] = await tokens.issue_for_session(
                subject=session.principal, tenant=session.tenant, session=session.id, ttl_s=ttl_s
            )
        return answer(minted, 201)

    @router.post(
        "/v1/sessions/{id}/request",
        openapi_extra=takes(HeardBody),
        responses=gives(404) | {200: {"model": SessionAnswer}},
    )
    async def hear(request: Request, id: str) -> Response:  # noqa: A002 -- its name in the path
        """Add what the user said further on. Only a host knows which words are the user's."""
        principal = principal_of(request, Scope.HOST)
        body = await read(request, HeardBody)
        session = await sessions.get(SessionId(id))
        if session is None or session.tenant != principal.tenant:
            raise NotFound("there is no such session")
        return answer(_written(await sessions.hear(session.id, body.text)))

    return router


def clearing_routes(desk: SessionDesk) -> APIRouter:
    """The route by which a host ends a default session."""
    router = APIRouter()

    @router.delete("/v1/sessions/default", responses=gives(404) | {200: {"model": SessionAnswer}})
    async def clear(request: Request, principal: _Name) -> Response:
        """End a principal's default session, once its model begins anew; answers the clean one."""
        host = principal_of(request, Scope.HOST)
        only_query(request, "principal")
        return answer(_written(await desk.clear_default(host.tenant, principal, by=host)))

    return router


def seen_session_routes(sessions: Sessions) -> APIRouter:
    """Routes that show sessions."""
    router = APIRouter()

    @router.get("/v1/sessions", responses=gives() | {200: {"model": SessionsAnswer}})
    async def list_sessions(request: Request) -> Response:
        """The caller's own sessions, newest first."""
        principal = principal_of(request)
        only_query(request)
        return answer({"sessions": [_written(session) for session in await sessions.of(principal)]})

    @router.get("/v1/sessions/{id}", responses=gives(404) | {200: {"model": SessionAnswer}})
    async def show_session(request: Request, id: str) -> Response:  # noqa: A002 -- its name in the path
        """One session: for its principal, and for hosts of its tenant."""
        principal = principal_of(request)
        only_query(request)
        session = await sessions.get(SessionId(id))
        if session is None or not _may_see(principal, session):
            raise NotFound("there is no such session")
        if Scope.HOST not in principal.scopes:
            return answer(_written(session))
        taught: list[Json] = [source_json(source) for source in await sessions.flow(session.id)]
        return answer(_written(session) | {"flow": taught})

    return router


def _may_see(principal: Principal, session: Session) -> bool:
    if principal.tenant != session.tenant:
        return False
    return principal.subject == session.principal or Scope.HOST in principal.scopes


def _when(session: Session) -> str | None:
    return None if session.expires_at is None else rfc3339(session.expires_at)


def _written(session: Session) -> dict[str, Json]:
    return {
        "id": session.id,
        "principal": session.principal,
        "labels": [label.value for label in sorted(session.labels)],
        "parent": session.parent,
        "expires_at": _when(session),
    }
