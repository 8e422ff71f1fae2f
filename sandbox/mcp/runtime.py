"""Runs authorized calls on MCP servers. It runs nothing whose definition is not the approved one, and never twice."""

import asyncio
import time
from typing import Final, assert_never

import anyio

from holdfast.contracts import (
    Authorized,
    Completed,
    Failed,
    HoldfastError,
    LimitName,
    Outcome,
    Reason,
    Refused,
    Stopped,
    ToolSpec,
    Upstream,
    Usage,
)

from .catalogue import CatalogueDiff, PinState, spec_of
from .config import UpstreamConfig
from .connection import Connection
from .content import outcome_of
from .faults import Fault, UpstreamError, UpstreamFault
from .links import Link
from .ports import OutputCheck
from .upstreams import Upstreams

DETAIL_LENGTH: Final = 4_000
"""Characters kept of a server's error text."""

CHANGED: Final = Reason(
    code="upstreams/definition-changed",
    layer="upstreams",
    message="the server does not define this tool any more as it was approved; an operator has to look at it",
    remedy="`holdfast upstreams diff NAME` shows what changed, `holdfast upstreams approve NAME` accepts it",
)


class McpRuntime:
    """The `Runtime` of tools that live on MCP servers."""

    def __init__(self, upstreams: Upstreams, *, check_output: OutputCheck | None = None) -> None:
        """*check_output* judges structured output against the tool's schema; without it the caller has to."""
        self._upstreams = upstreams
        self._check_output = check_output

    async def run(self, call: Authorized, /) -> Outcome:
        """Run *call* on its upstream within `limits.wall_ms`, waiting for a slot and connecting included.

        Raises nothing but cancellation, which the server is told of.
        """
        began = time.perf_counter()
        outcome: Outcome = Stopped(limit=LimitName.WALL)
        with anyio.move_on_after(call.limits.wall_ms / 1000):
            outcome = await self._run(call)
        return _with_usage(outcome, Usage(wall_ms=round((time.perf_counter() - began) * 1000, 3)))

    async def _run(self, call: Authorized) -> Outcome:
        place = call.spec.runtime
        connection = self._upstreams.connection(place.server) if isinstance(place, Upstream) else None
        if connection is None or not isinstance(place, Upstream):
            return Failed(code="upstreams/closed", message="the upstream is not connected")
        try:
            async with connection.slot():
                return await self._call(call, place, connection)
        except UpstreamFault as fault:
            return _outcome_of_fault(fault)
        except UpstreamError as error:
            message = "the server answered with an error"
            return Failed(code="upstreams/error", message=message, detail=error.message[:DETAIL_LENGTH])
        except (HoldfastError, OSError) as error:
            message = error.message if isinstance(error, HoldfastError) else "the server cannot be started"
            return Failed(code="upstreams/unreachable", message=message)

    async def _call(self, call: Authorized, place: Upstream, connection: Connection) -> Outcome:
        link = await connection.link()
        diff = await connection.current(link)
        if not _is_approved(diff, place.tool, call.spec, connection.config):
            return Refused(reason=CHANGED, isolation=link.isolation)
        result = await link.wire.request("tools/call", {"name": place.tool, "arguments": dict(call.arguments)})
        connection.answered()
        outcome = outcome_of(result, call.limits, link.isolation)
        return await self._checked(outcome, call.spec, link)

    async def _checked(self, outcome: Outcome, spec: ToolSpec, link: Link) -> Outcome:
        check = self._check_output
        if check is None or spec.output_schema is None or not isinstance(outcome, Completed) or outcome.is_error:
            return outcome
        fault = await asyncio.to_thread(check, spec.output_schema, outcome.structured)
        if fault is None:
            return outcome
        return Failed(code="upstreams/protocol", message="the answer does not fit its schema", isolation=link.isolation)


def _is_approved(diff: CatalogueDiff, tool: str, spec: ToolSpec, config: UpstreamConfig) -> bool:
    """Whether what is listed now is approved, and is what the gate authorized."""
    entry = diff.entry(tool)
    if entry is None or entry.state is not PinState.APPROVED or entry.definition is None:
        return False
    return spec_of(entry.definition, config).digest == spec.digest


def _outcome_of_fault(fault: UpstreamFault) -> Outcome:
    match fault.fault:
        case Fault.TOO_LARGE:
            return Stopped(limit=LimitName.OUTPUT)
        case Fault.UNREACHABLE | Fault.PROTOCOL | Fault.CLOSED:
            return Failed(code=f"upstreams/{fault.fault.value}", message=fault.message)
        case _:
            assert_never(fault.fault)


def _with_usage(outcome: Outcome, usage: Usage) -> Outcome:
    match outcome:
        case Completed():
            return Completed(
                content=outcome.content,
                structured=outcome.structured,
                is_error=outcome.is_error,
                usage=usage,
                isolation=outcome.isolation,
            )
        case Stopped():
            return Stopped(limit=outcome.limit, usage=usage, isolation=outcome.isolation)
        case Failed():
            return Failed(
                code=outcome.code,
                message=outcome.message,
                detail=outcome.detail,
                usage=usage,
                isolation=outcome.isolation,
            )
        case Refused():
            return Refused(reason=outcome.reason, usage=usage, isolation=outcome.isolation)
        case _:
            assert_never(outcome)
