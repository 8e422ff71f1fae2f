"""Turns what a worker answered into an outcome. It runs nothing and trusts nothing: all text in it is the guest's."""

import signal
from typing import Final, assert_never

from holdfast.contracts.errors import MalformedJson
from holdfast.contracts.json_values import Json, parse
from holdfast.contracts.limits import Usage
from holdfast.contracts.outcomes import Completed, Content, Failed, LimitName, Outcome, Stopped, Text

from .abi import COMPONENT, CORE_JSON, EXTISM, NEAR_AGENT
from .components.answers import component_outcome
from .extism.answers import plugin_outcome
from .frames import Ending, Reply
from .supervisor import Answer, Died, Exhausted, Garbled, Overdue

ISOLATION: Final = ("wasm", "landlock", "seccomp")

_STOPPED: Final = {
    Ending.FUEL: LimitName.FUEL,
    Ending.EPOCH: LimitName.WALL,
    Ending.STACK: LimitName.STACK,
    Ending.MEMORY: LimitName.MEMORY,
    Ending.TABLE: LimitName.TABLE,
    Ending.OUTPUT: LimitName.OUTPUT,
    Ending.WASI_CALLS: LimitName.HOST_CALLS,
}
_FAILED: Final = {
    Ending.TRAPPED: ("wasm/trap", "the tool trapped"),
    Ending.BROKE_ABI: ("wasm/abi", "the tool broke its calling convention"),
    Ending.UNFIT: ("wasm/arguments", "the arguments do not fit the function's types"),
    Ending.UNLINKED: ("wasm/instantiate", "the tool could not be instantiated within its limits"),
}


def outcome_of(answer: Answer, *, abi: str, wall_ms: float) -> Outcome:
    """The outcome of a call that was answered with *answer* after *wall_ms*."""
    match answer:
        case Reply():
            return _of_reply(answer, abi, wall_ms)
        case Overdue():
            return Stopped(limit=LimitName.WALL, usage=Usage(wall_ms=wall_ms), isolation=ISOLATION)
        case Exhausted():
            return Stopped(limit=LimitName.HOST_CALLS, usage=Usage(wall_ms=wall_ms), isolation=ISOLATION)
        case Died(signal=number):
            return _broken("wasm/worker-died", _obituary(number), wall_ms)
        case Garbled():
            return _broken("wasm/worker-garbled", "the worker answered what is no answer and was ended", wall_ms)
        case _:
            assert_never(answer)


def failed(code: str, message: str, *, detail: str = "") -> Failed:
    """A failure before anything of the tool's ran."""
    return Failed(code=code, message=message, detail=detail)


def _broken(code: str, message: str, wall_ms: float) -> Failed:
    return Failed(code=code, message=message, usage=Usage(wall_ms=wall_ms), isolation=ISOLATION)


def _of_reply(reply: Reply, abi: str, wall_ms: float) -> Outcome:
    usage = Usage(wall_ms=wall_ms, fuel=reply.fuel, memory_bytes=reply.memory_bytes, output_bytes=len(reply.output))
    limit = _STOPPED.get(reply.ending)
    if limit is not None:
        return Stopped(limit=limit, usage=usage, isolation=ISOLATION)
    broken = _FAILED.get(reply.ending)
    if broken is not None:
        code, message = broken
        return Failed(code=code, message=message, detail=_text(reply.detail), usage=usage, isolation=ISOLATION)
    if abi in {COMPONENT, NEAR_AGENT} and reply.ending is Ending.RETURNED:
        return component_outcome(reply, usage=usage, isolation=ISOLATION)
    if abi == EXTISM:
        return plugin_outcome(reply, usage=usage, isolation=ISOLATION)
    structured, is_json = _structured(reply.output)
    if abi == CORE_JSON and not is_json:
        return Failed(
            code="wasm/not-json",
            message="the tool's answer is not JSON",
            detail=_text(reply.output[:400]),
            usage=usage,
            isolation=ISOLATION,
        )
    return Completed(
        content=_content(reply, media_type="application/json" if is_json else "text/plain"),
        structured=structured,
        is_error=reply.exit_code != 0,
        log=_text(reply.log),
        usage=usage,
        isolation=ISOLATION,
    )


def _content(reply: Reply, *, media_type: str) -> tuple[Content, ...]:
    said = (Text(text=_text(reply.output), media_type=media_type),) if reply.output or not reply.exit_code else ()
    if reply.exit_code:
        return (*said, Text(text=f"the tool ended with exit code {reply.exit_code}"))
    return said


def _structured(output: bytes) -> tuple[Json, bool]:
    try:
        return parse(output), True
    except MalformedJson:
        return None, False


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


def _obituary(number: int | None) -> str:
    if number == signal.SIGSYS:
        return "the kernel ended the worker for a forbidden system call"
    if number is None:
        return "the worker ended in the middle of the call"
    return f"the worker was ended by {signal.Signals(number).name}"
