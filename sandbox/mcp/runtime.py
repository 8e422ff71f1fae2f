"""Runs authorized calls on MCP servers. It runs nothing whose definition is not the approved one, and never twice.

A server that wants an answer of its caller first says so in the middle of the call, or ends it with `input_required`
and is called again with the answers. Both are one thing here: the call waits, and goes on.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, assert_never

import anyio

from holdfast.contracts import (
    NEEDS,
    Authorized,
    Completed,
    Failed,
    HoldfastError,
    LimitName,
    Method,
    Outcome,
    Reason,
    Refusal,
    Refused,
    Stopped,
    Talk,
    ToolSpec,
    Upstream,
    Usage,
)
from holdfast.contracts.json_values import Json

from .approved import reach, refusal
from .breaker import BreakerState
from .catalogue.offered import served_uri
from .connection import Connection
from .content import Reading, outcome_of
from .faults import Fault, UpstreamError, UpstreamFault
from .links import Link
from .ongoing import ASKS
from .ports import OutputCheck
from .turns import Patience, Turn
from .upstreams import Upstreams

DETAIL_LENGTH: Final = 4_000
"""Characters kept of a server's error text."""

MAX_ROUNDS: Final = 10
"""How often a server may end a call by asking something."""

MAX_ASKED_AT_ONCE: Final = 8

NOT_ASKED: Final = Reason(
    code="upstreams/asks-back",
    layer="upstreams",
    message="the server wants to ask its caller something first, and may not",
    remedy="`asks` of its entry says what a server may ask; the client has to be one that answers",
)
ASKS_ON: Final = Reason(
    code="upstreams/asks-on",
    layer="upstreams",
    message=f"the server asks again and again, more than {MAX_ROUNDS} times in one call",
)


class McpRuntime:
    """The `Runtime` of whatever lives on MCP servers."""

    def __init__(
        self, upstreams: Upstreams, *, check_output: OutputCheck | None = None, talk: Talk | None = None
    ) -> None:
        """*check_output* judges structured output against the tool's schema; without it the caller has to.

        *talk* is the way to who makes calls; without it nobody is told or asked anything.
        """
        self._upstreams = upstreams
        self._check_output = check_output
        self._talk = talk

    async def run(self, call: Authorized, /) -> Outcome:
        """Run *call* on its upstream within `limits.wall_ms`, waiting for a slot and connecting included.

        Time in which somebody is asked does not count. Raises nothing but cancellation, which the server is told of.
        """
        began = time.perf_counter()
        outcome: Outcome = Stopped(limit=LimitName.WALL)
        with anyio.move_on_after(call.limits.wall_ms / 1000) as scope:
            outcome = await self._run(call, Patience(scope))
        if scope.cancelled_caught:
            self._note_silence(call)
        return _with_usage(outcome, Usage(wall_ms=round((time.perf_counter() - began) * 1000, 3)))

    async def _run(self, call: Authorized, patience: Patience) -> Outcome:
        place = call.spec.runtime
        connection = self._upstreams.connection(place.server) if isinstance(place, Upstream) else None
        if connection is None or not isinstance(place, Upstream):
            return Failed(code="upstreams/closed", message="the upstream is not connected")
        try:
            async with (
                connection.slot(call.principal.tenant) as slot,
                Turn(call, self._talk, patience, slot) as turn,
            ):
                return await self._delivered(call, place, connection, turn)
        except UpstreamFault as fault:
            return _outcome_of_fault(fault)
        except UpstreamError as error:
            if error.needs is not None:
                return Refused(reason=_unasked(error.needs, granted=error.needs in connection.config.asks))
            message = "the server answered with an error"
            return Failed(code="upstreams/error", message=message, detail=error.message[:DETAIL_LENGTH])
        except (HoldfastError, OSError) as error:
            message = error.message if isinstance(error, HoldfastError) else "the server cannot be started"
            return Failed(code="upstreams/unreachable", message=message)

    async def _delivered(self, call: Authorized, place: Upstream, connection: Connection, turn: Turn) -> Outcome:
        """The outcome of *call*; made anew, once, when the server certainly did not begin with it."""
        try:
            return await self._call(call, place, connection, turn)
        except UpstreamFault as fault:
            if fault.delivered or connection.state_for(call.principal.tenant) is not BreakerState.CLOSED:
                raise
        return await self._call(call, place, connection, turn)

    async def _call(self, call: Authorized, place: Upstream, connection: Connection, turn: Turn) -> Outcome:
        tenant = call.principal.tenant
        link = await connection.link(tenant)
        known = await connection.current(link, place.method)
        why = refusal(known, place, call.spec, call.arguments)
        if why is not None:
            return Refused(reason=why, isolation=link.isolation)
        try:
            result = await _answer(link, place.method, _params(call, place), turn)
        except Refusal as refused:
            return Refused(reason=refused.reason, isolation=link.isolation)
        except UpstreamFault as fault:
            if fault.fault is not Fault.TOO_LARGE and not link.ended.is_set():  # a lost connection is counted itself
                connection.failed(tenant)
            raise
        connection.answered(tenant)
        reading = Reading(
            limits=call.limits,
            isolation=link.isolation,
            reach=partial(reach, known.served),
            prefix=served_uri(connection.config, ""),
        )
        return await self._checked(outcome_of(place.method, result, reading), call.spec, link)

    def _note_silence(self, call: Authorized) -> None:
        """Count a call that got no answer in all the time its server may take; a caller's own hurry counts nothing."""
        place = call.spec.runtime
        connection = self._upstreams.connection(place.server) if isinstance(place, Upstream) else None
        if connection is not None and call.limits.wall_ms >= connection.config.limits.wall_ms:
            connection.failed(call.principal.tenant)

    async def _checked(self, outcome: Outcome, spec: ToolSpec, link: Link) -> Outcome:
        check = self._check_output
        if check is None or spec.output_schema is None or not isinstance(outcome, Completed) or outcome.is_error:
            return outcome
        fault = await asyncio.to_thread(check, spec.output_schema, outcome.structured)
        if fault is None:
            return outcome
        return Failed(code="upstreams/protocol", message="the answer does not fit its schema", isolation=link.isolation)


def _unasked(method: Method, *, granted: bool) -> Reason:
    """Why a server that needs a client which answers *method* has none: it is ours to grant, or the client's."""
    if not granted or method not in NEEDS:
        return NOT_ASKED
    message = f"the server needs a client that can be asked `{method.value}`, and this one did not declare it"
    return Reason(code=NEEDS[method], layer="mcp", message=message)


async def _answer(link: Link, method: Method, params: Mapping[str, Json], turn: Turn) -> Mapping[str, Json]:
    """What the server answers in the end, once everything that it asks back is answered.

    Raises: Refusal when it asks what it may not, or without end.
    """
    result = await link.wire.request(method.value, params, turn=turn)
    for _round in range(MAX_ROUNDS):
        if result.get("resultType") != "input_required":
            return result
        given = await _answers(result, turn)
        result = await link.wire.request(method.value, {**params, **given}, turn=turn)
    if result.get("resultType") == "input_required":
        raise Refusal(ASKS_ON)
    return result


async def _answers(result: Mapping[str, Json], turn: Turn) -> dict[str, Json]:
    """What to call again with: the answers, all asked for at once, and the server's own state untouched.

    Raises: Refusal.
    """
    requests, state = result.get("inputRequests", {}), result.get("requestState")
    if not isinstance(requests, dict) or len(requests) > MAX_ASKED_AT_ONCE or not isinstance(state, str | None):
        raise Refusal(NOT_ASKED)
    if not requests and state is None:
        raise Refusal(NOT_ASKED)
    asked = {key: _asked(one, turn) for key, one in requests.items()}
    answers: dict[str, Json] = {}

    async def ask(key: str, method: Method, params: Mapping[str, Json]) -> None:
        answers[key] = dict(await turn.ask(method, params, key=key))

    await _together([partial(ask, key, *one) for key, one in asked.items()])
    given: dict[str, Json] = {"inputResponses": answers} if requests else {}
    return given if state is None else {**given, "requestState": state}


async def _together(work: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Do all of *work* at once; the first that fails ends the others."""
    tasks = [asyncio.ensure_future(one()) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _asked(request: Json, turn: Turn) -> tuple[Method, Mapping[str, Json]]:
    match request:
        case {"method": str(name), "params": dict(params)} if name in ASKS and ASKS[name] in turn.answers:
            return ASKS[name], params
        case {"method": str(name)} if ASKS.get(name) is Method.ROOTS and Method.ROOTS in turn.answers:
            return Method.ROOTS, {}
        case _:
            raise Refusal(NOT_ASKED)


def _params(call: Authorized, place: Upstream) -> dict[str, Json]:
    """The parameters of *call* as its method has them."""
    given = call.arguments
    match place.method:
        case Method.TOOL:
            return {"name": place.tool, "arguments": dict(given)}
        case Method.PROMPT:
            return {"name": given["name"], "arguments": given.get("arguments", {})}
        case Method.COMPLETION:
            is_prompt = given["kind"] == "prompt"
            return {
                "ref": {"type": "ref/prompt", "name": given["ref"]}
                if is_prompt
                else {"type": "ref/resource", "uri": given["ref"]},
                "argument": {"name": given["argument"], "value": given["value"]},
                **({"context": {"arguments": given["context"]}} if "context" in given else {}),
            }
        case Method.RESOURCE | Method.ELICITATION | Method.SAMPLING | Method.ROOTS:
            return dict(given)
        case _:
            assert_never(place.method)


def _outcome_of_fault(fault: UpstreamFault) -> Outcome:
    match fault.fault:
        case Fault.TOO_LARGE:
            return Stopped(limit=LimitName.OUTPUT)
        case Fault.UNREACHABLE | Fault.PROTOCOL | Fault.CLOSED | Fault.UNAUTHORIZED:
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
