"""`POST /v1/call` and `POST /v1/scan`: what agents do all day. Decides nothing about a call."""

import secrets
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contracts import ApprovalId, CallId, Principal, Scope, ToolCall, ToolName, ToolResult, Where
from holdfast.contracts.results import finding_json

from .exchange import answer, gives, principal_of, read, takes, while_connected
from .models import CallAnswer, CallBody, ScanAnswer, ScanBody
from .ports import Scanning, ToolService
from .statuses import status_of

_RETRY = {429: {"retry-after": "1"}, 503: {"retry-after": "1"}}
_RESULT: dict[str, Any] = {"model": CallAnswer, "description": "A ToolResult"}
_EITHER: dict[str, Any] = {
    "description": "A ToolResult, or a problem (RFC 9457) when the call was not even looked at",
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/CallAnswer"}},
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}},
    },
}


def call_routes(tools: ToolService) -> APIRouter:
    """Routes that run a tool."""
    router = APIRouter()
    answers = gives(502)
    answers.update(dict.fromkeys((200, 202, 429), _RESULT))
    answers.update(dict.fromkeys((403, 404, 409, 413, 422, 500, 503), _EITHER))

    @router.post("/v1/call", openapi_extra=takes(CallBody), responses=answers)
    async def call(request: Request) -> Response:
        """Call a tool, or with `dry_run` learn what would happen."""
        principal = principal_of(request, Scope.CALL)
        body = await read(request, CallBody)
        wanted = _call(body)
        work = tools.explain(wanted, principal) if body.dry_run else tools.execute(wanted, principal)
        return _answer(await while_connected(request.receive, work), principal)

    return router


def scan_routes(scanning: Scanning) -> APIRouter:
    """Routes that guard any text."""
    router = APIRouter()

    @router.post("/v1/scan", openapi_extra=takes(ScanBody), responses=gives() | {200: {"model": ScanAnswer}})
    async def scan(request: Request) -> Response:
        """Look for secrets and attacks in a text."""
        principal = principal_of(request, Scope.CALL)
        body = await read(request, ScanBody)
        where = Where.ARGUMENTS if body.direction == "in" else Where.OUTPUT
        scanned = await while_connected(request.receive, scanning.scan(body.text, where, principal))
        found = {"findings": [finding_json(finding) for finding in scanned.findings]}
        return answer(found | {"text": scanned.text} if body.clean else found)

    return router


def _call(body: CallBody) -> ToolCall:
    return ToolCall(
        id=CallId("c_" + secrets.token_hex(12)),
        tool=ToolName(body.tool),
        arguments=body.arguments,
        session=body.session,
        approval=None if body.approval is None else ApprovalId(body.approval),
        idempotency_key=body.idempotency_key,
        deadline_ms=body.deadline_ms,
    )


def _answer(result: ToolResult, principal: Principal) -> Response:
    status = status_of(result)
    written = result.operator_json() if Scope.POLICY_READ in principal.scopes else result.to_json()
    return answer(written, status, _RETRY.get(status))
