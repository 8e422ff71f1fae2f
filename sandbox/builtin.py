"""Runs the tools that are Python of ours, each with only the ports it was built with; never one without a deadline."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, assert_never

import structlog

from holdfast.contracts import (
    Authorized,
    Blob,
    Builtin,
    CallerError,
    Completed,
    Content,
    Failed,
    Handler,
    LimitName,
    Link,
    Outcome,
    Refusal,
    Refused,
    Resource,
    Stopped,
    Text,
    ToolError,
    ToolName,
    Usage,
)

_ISOLATION: Final = ("builtin",)
_log = structlog.get_logger("holdfast.sandbox.builtin")


class BuiltinRuntime:
    """The `Runtime` of every tool whose spec says `Builtin`."""

    def __init__(self, handlers: Mapping[ToolName, Handler]) -> None:
        """Serve *handlers*. The mapping is copied: what may run does not change behind a call."""
        self._handlers = dict(handlers)

    async def run(self, call: Authorized, /) -> Outcome:
        """Run *call* for at most `limits.wall_ms` milliseconds; see `Runtime`.

        A handler's own isolation is kept; without one the result says `builtin`. `usage.wall_ms` is milliseconds
        on the monotonic clock, `usage.output_bytes` the UTF-8 or raw bytes of the content.
        """
        started = time.perf_counter()
        outcome = await self._within_limits(call)
        return _accounted(outcome, call, wall_ms=(time.perf_counter() - started) * 1000)

    async def _within_limits(self, call: Authorized) -> Outcome:
        handler = self._handlers.get(call.spec.name)
        if handler is None or not isinstance(call.spec.runtime, Builtin):
            return Failed(code="builtin/no-handler", message="the tool has no code on this server")
        try:
            async with asyncio.timeout(call.limits.wall_ms / 1000) as deadline:
                outcome = await _answered(handler, call)
        except TimeoutError:
            return Stopped(limit=LimitName.WALL)
        if deadline.expired():
            return Stopped(limit=LimitName.WALL)  # it swallowed the cancellation and answered all the same
        return outcome


async def _answered(handler: Handler, call: Authorized) -> Outcome:
    try:
        return await handler(call)
    except TimeoutError:
        raise
    except Refusal as refusal:
        return Refused(reason=refusal.reason)
    except CallerError as error:
        return Completed(content=(Text(text=error.message),), is_error=True)
    except ToolError as error:
        return Failed(code="builtin/far-side", message=error.message)
    except Exception as error:  # noqa: BLE001 -- whatever breaks in a tool is this call's failure, not the server's
        # The text of an exception may quote what the tool was working on; its type cannot.
        _log.error("builtin_failed", call_id=call.call_id, tool=call.spec.name, error=type(error).__name__)
        return Failed(code="builtin/internal", message="the tool broke; the log has the call id")


def _bytes_of(block: Content) -> int:
    match block:
        case Text(text=text):
            return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        case Blob(data=data):
            return len(data)
        case Link(uri=uri, name=name, description=description):
            return len(uri) + len(name) + len(description)
        case Resource(uri=uri, body=body):
            return len(uri) + _bytes_of(body)
        case _:
            assert_never(block)


def _accounted(outcome: Outcome, call: Authorized, *, wall_ms: float) -> Outcome:
    isolation = outcome.isolation or _ISOLATION
    if not isinstance(outcome, Completed):
        return replace(outcome, usage=replace(outcome.usage, wall_ms=wall_ms), isolation=isolation)
    size = sum(map(_bytes_of, outcome.content))
    if size > call.limits.total_output_bytes:
        return Stopped(limit=LimitName.OUTPUT, usage=replace(outcome.usage, wall_ms=wall_ms), isolation=isolation)
    usage: Usage = replace(outcome.usage, output_bytes=size, wall_ms=wall_ms)
    return replace(outcome, usage=usage, isolation=isolation)
