"""How a call ended, before it is wrapped. It only translates."""

import contextlib
from dataclasses import dataclass, field
from typing import assert_never

from holdfast.contracts import (
    ApprovalNotice,
    Completed,
    Content,
    Failed,
    Json,
    LimitName,
    MalformedJson,
    Outcome,
    Reason,
    Refused,
    Status,
    Stopped,
    Text,
    ToolResult,
    Usage,
)
from holdfast.contracts.json_values import parse, strings

from ..flow import Answer

_REMEDIES = {
    LimitName.FUEL: "raise `[limits] fuel` in the tool's manifest, up to `[limits] wasm_fuel` of the configuration",
    LimitName.MEMORY: "raise `memory_bytes` in the tool's limits, up to the ceiling of the configuration",
    LimitName.WALL: "raise `wall_ms` in the tool's limits, up to the ceiling of the configuration",
    LimitName.OUTPUT: "ask for less at once; more than this is never kept",
}


UNKNOWN_TOOL = Reason(
    code="tools/unknown",
    layer="tools",
    message="there is no such tool",
    remedy=(
        "`holdfast tools list` shows what there is; a pending tool waits for `holdfast tools approve`,"
        " one of an MCP server (`server__tool`) for its server: `holdfast upstreams list` says how that is doing"
    ),
)
QUARANTINED = Reason(
    code="tool/quarantined",
    layer="tools",
    message="the tool is no longer what was approved, or policy does not fit it; an operator has to look at it",
    remedy="`holdfast tools list` and `holdfast status` say why; mend the policy, or add or approve the tool again",
)
BROKEN = Reason(code="internal/error", layer="internal", message="holdfast could not answer; the record has the call")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Everything a result says of how it went."""

    status: Status
    body: str = ""
    """Text for the model when there is no content."""
    cut: str = ""
    """What is said where the rest was cut off."""
    content: tuple[Content, ...] = ()
    structured: Json = None
    reason: Reason | None = None
    approval: ApprovalNotice | None = None
    usage: Usage = field(default_factory=Usage)
    isolation: tuple[str, ...] = ()
    detail: str = ""
    """Guest text about a failure; untrusted until cleaned."""
    log: str = ""
    replayed: ToolResult | None = None
    """The whole answer of an earlier call with the same idempotency key."""


def answer_of(outcome: Outcome, ending: Ending, *, read: bool) -> Answer:
    """What flow wants to know of an outcome, cleaned as *ending*; its result only if that is to be *read*."""
    texts = [block.text for block in ending.content if isinstance(block, Text)]
    return Answer(
        result=_said(outcome) if read else None,
        texts=(*texts, *strings(ending.structured)),
        is_error=ending.status is Status.ERROR,
        known=isinstance(outcome, Completed) and not outcome.is_error,
    )


def _said(outcome: Outcome) -> Json:
    """What a tool answered, as it was said: a name that was redacted for the model would name another place."""
    if not isinstance(outcome, Completed):
        return None
    texts = [block.text for block in outcome.content if isinstance(block, Text)]
    if outcome.structured is not None or len(texts) != 1:
        return outcome.structured
    with contextlib.suppress(MalformedJson):
        return parse(texts[0].encode("utf-8", "surrogatepass"))
    return None


def refused(reason: Reason) -> Ending:
    """A denial, with its reason."""
    return Ending(status=Status.DENIED, reason=reason)


def of_outcome(outcome: Outcome) -> Ending:
    """What a runtime said, as an ending."""
    match outcome:
        case Completed(content=content, structured=structured, is_error=is_error):
            return Ending(
                status=Status.ERROR if is_error else Status.OK,
                content=content,
                structured=structured,
                usage=outcome.usage,
                isolation=outcome.isolation,
                log=outcome.log,
            )
        case Stopped(limit=limit):
            reason = Reason(
                code=f"limits/{limit.value.replace('_', '-')}",
                layer="limits",
                message=f"the call was stopped: it reached its limit `{limit.value}`",
                remedy=_REMEDIES.get(limit),
            )
            return Ending(status=Status.STOPPED, reason=reason, usage=outcome.usage, isolation=outcome.isolation)
        case Failed(code=code, message=message):
            reason = Reason(code=code, layer=code.split("/")[0], message=message)
            return Ending(
                status=Status.ERROR,
                reason=reason,
                usage=outcome.usage,
                isolation=outcome.isolation,
                detail=outcome.detail,
            )
        case Refused(reason=reason):
            return Ending(status=Status.DENIED, reason=reason, usage=outcome.usage, isolation=outcome.isolation)
        case _:
            assert_never(outcome)
