"""Takes one call of a client from its request to its result, over several requests if it asks. It decides nothing."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

import mcp.types as t
from mcp import MCPError

from holdfast.contracts import (
    ApprovalId,
    CallId,
    Digest,
    Json,
    Principal,
    ToolCall,
    ToolName,
    ToolResult,
)
from holdfast.contracts.json_values import canonical

from .adapter import connection_of
from .asking import NEEDED, needed
from .faults import modern
from .lines import Context, HandshakeLine, ModernLine
from .parking import Lot, Run, owner_of
from .ports import ToolService

_LEVEL: Final = "holdfast.level"
_FIRST_LEVEL: Final = "info"
"""For clients of the handshake era that set none; MCP leaves it to us."""

Given = t.CallToolRequestParams | t.ReadResourceRequestParams | t.GetPromptRequestParams
Settled = ToolResult | t.InputRequiredResult


class Calls:
    """Calls of both eras."""

    def __init__(self, service: ToolService, lot: Lot) -> None:
        self._service = service
        self._lot = lot

    async def once(self, ctx: Context, principal: Principal, tool: ToolName, arguments: dict[str, Json]) -> ToolResult:
        """Run a call in one request, whatever it would ask."""
        line = ModernLine(ctx, asked=False) if modern(ctx) else handshake_line(ctx)
        return await self._service.execute(_call(ctx, tool, arguments), principal, line=line)

    async def settle(
        self, ctx: Context, given: Given, principal: Principal, tool: ToolName, arguments: dict[str, Json]
    ) -> Settled:
        """Run a call until it ends or asks; a request that brings answers goes on with the call it belongs to.

        Raises: InvalidRequest for answers to a call that does not wait; MCPError -32021 for what the client cannot be
        asked; CallerError.
        """
        if not modern(ctx):
            return await self._service.execute(_call(ctx, tool, arguments), principal, line=handshake_line(ctx))
        owner, request = owner_of(principal), Digest.of(canonical([tool, arguments]))
        if given.request_state is not None:
            run = self._lot.take(given.request_state, owner, request)
            run.line.taken_up(ctx)
            run.line.answer(given.input_responses or {})
        else:
            call, line = _call(ctx, tool, arguments), ModernLine(ctx, ahead=given.input_responses)
            if not line.answers:  # then it never waits, and needs no task of its own
                return _answerable(line, await self._service.execute(call, principal, line=line))
            run = self._lot.start(line, self._service.execute(call, principal, line=line))
        try:
            return await _settled(run, lambda: self._lot.park(run, owner, request))
        except BaseException:
            run.task.cancel()  # the client gave it up; a call that is parked does not come by here
            raise


async def _settled(run: Run, park: Callable[[], str | None]) -> Settled:
    while waiting := await run.next():
        state = park()
        if state is not None:
            asked: dict[str, Any] = {one.key: one.asked for one in waiting}
            return t.InputRequiredResult(input_requests=asked, request_state=state)
        run.line.refuse("mcp/no-room", "too many calls wait for an answer of their client")
    return _answerable(run.line, run.task.result())


def _answerable(line: ModernLine, result: ToolResult) -> ToolResult:
    """*result*, unless it is for want of something that the client could have declared. Raises: MCPError -32021."""
    method = None if result.reason is None else NEEDED.get(result.reason.code)
    if method is None or result.reason is None:
        return result
    lacks = line.lacking or needed(method, {})
    body = t.MissingRequiredClientCapabilityErrorData(required_capabilities=lacks)
    data = body.model_dump(by_alias=True, mode="json", exclude_none=True)
    raise MCPError(t.MISSING_REQUIRED_CLIENT_CAPABILITY, result.reason.message, data)


def set_level(ctx: Context, level: str) -> None:
    """From now on the client's session wants *level* and above."""
    connection_of(ctx).state[_LEVEL] = level


def handshake_line(ctx: Context) -> HandshakeLine:
    """The line of a client of the handshake era."""
    return HandshakeLine(ctx, connection_of(ctx).state.get(_LEVEL, _FIRST_LEVEL))


def _call(ctx: Context, tool: ToolName, arguments: Mapping[str, Json]) -> ToolCall:
    call_id = CallId("c_" + secrets.token_hex(12))
    return ToolCall(id=call_id, tool=tool, arguments=arguments, approval=_approval(ctx.params))


def _approval(params: Mapping[str, Any] | None) -> ApprovalId | None:
    match params:
        case {"_meta": {"dev.holdfast/approval": str(approval)}}:
            return ApprovalId(approval)
        case _:
            return None
