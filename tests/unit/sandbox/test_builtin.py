"""The built-in runtime always answers with an outcome, within its deadline, and never with an exception's text."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from holdfast.contracts import (
    Authorized,
    Builtin,
    CallId,
    Completed,
    Failed,
    Handler,
    LimitName,
    NotFound,
    OperatorError,
    Outcome,
    Principal,
    Reason,
    Refusal,
    Refused,
    Session,
    SessionId,
    Stopped,
    TenantId,
    Text,
    TooLarge,
    ToolError,
    ToolName,
    ToolSpec,
    Upstream,
    Usage,
)
from holdfast.contracts._mint import mint
from holdfast.contracts.limits import Limits
from holdfast.sandbox.builtin import BuiltinRuntime
from holdfast.tools.builtin.threads import off_loop

pytestmark = pytest.mark.anyio

NAME = ToolName("probe")
REASON = Reason(code="workspace/outside-root", layer="workspace", message="no")


def _call(*, wall_ms: int = 30_000, kept: int = 1000, runtime=Builtin()) -> Authorized:  # noqa: B008 -- frozen
    limits = Limits(fuel=0, memory_bytes=0, wall_ms=wall_ms, output_bytes=1000, host_calls=0, total_output_bytes=kept)
    spec = ToolSpec(name=NAME, description="", input_schema={}, effects=frozenset(), runtime=runtime, limits=limits)
    tenant = TenantId("t")
    return mint(
        {
            "call_id": CallId("c"),
            "spec": spec,
            "arguments": {},
            "principal": Principal(subject="p", tenant=tenant, scopes=frozenset()),
            "session": Session(id=SessionId("s"), principal="p", tenant=tenant, labels=frozenset()),
            "limits": limits,
        }
    )


def _raising(error: BaseException) -> Handler:
    async def handler(_call: Authorized, /) -> Outcome:
        raise error

    return handler


def _answering(outcome: Outcome) -> Handler:
    async def handler(_call: Authorized, /) -> Outcome:
        return outcome

    return handler


async def _run(handler: Handler, call: Authorized | None = None) -> Outcome:
    return await BuiltinRuntime({NAME: handler}).run(call or _call())


async def test_an_answer_carries_its_time_size_and_isolation() -> None:
    outcome = await _run(_answering(Completed(content=(Text(text="aé"),))))

    assert isinstance(outcome, Completed)
    assert outcome.isolation == ("builtin",)
    assert outcome.usage.output_bytes == 3
    assert outcome.usage.wall_ms > 0


async def test_a_handler_that_confines_a_child_keeps_its_own_isolation_and_usage() -> None:
    own = Completed(content=(), isolation=("landlock", "seccomp"), usage=Usage(memory_bytes=7))

    outcome = await _run(_answering(own))

    assert (outcome.isolation, outcome.usage.memory_bytes) == (("landlock", "seccomp"), 7)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Refusal(REASON), lambda out: isinstance(out, Refused) and out.reason == REASON),
        (NotFound("nothing there"), lambda out: out.is_error and out.content[0].text == "nothing there"),
        (TooLarge("too large"), lambda out: out.is_error and out.content[0].text == "too large"),
        (ToolError("far side broke"), lambda out: out.code == "builtin/far-side"),
        (TimeoutError("secret"), lambda out: isinstance(out, Stopped) and out.limit is LimitName.WALL),
    ],
)
async def test_what_a_handler_raises_becomes_the_outcome_it_means(
    error: Exception, expected: Callable[[Outcome], bool]
) -> None:
    assert expected(await _run(_raising(error)))


@pytest.mark.parametrize(
    "error", [ValueError("hunter2"), OSError(5, "hunter2"), OperatorError("hunter2"), RecursionError("hunter2")]
)
async def test_a_broken_handler_shows_no_text_of_its_exception(error: Exception, capfd) -> None:
    outcome = await _run(_raising(error))

    assert isinstance(outcome, Failed)
    assert outcome.code == "builtin/internal"
    assert "hunter2" not in repr(outcome) + "".join(capfd.readouterr())


async def test_a_handler_past_its_deadline_is_stopped_and_cancelled() -> None:
    cancelled = asyncio.Event()

    async def handler(_call: Authorized, /) -> Outcome:
        try:
            await asyncio.sleep(5)  # never over: without a deadline it would answer
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Completed(content=())

    outcome = await _run(handler, _call(wall_ms=20))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.WALL
    assert cancelled.is_set()


async def test_a_handler_that_swallows_its_cancellation_is_stopped_all_the_same() -> None:
    async def handler(_call: Authorized, /) -> Outcome:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return Completed(content=(Text(text="late"),))

    assert isinstance(await _run(handler, _call(wall_ms=20)), Stopped)


async def test_work_in_a_thread_is_told_to_end_at_the_deadline() -> None:
    told = threading.Event()

    def work(ended: threading.Event) -> None:
        if ended.wait(timeout=60):
            told.set()

    async def handler(_call: Authorized, /) -> Outcome:
        await off_loop(work)
        return Completed(content=())

    outcome = await _run(handler, _call(wall_ms=20))

    assert isinstance(outcome, Stopped)
    assert await asyncio.to_thread(told.wait, 60)


async def test_cancellation_from_outside_goes_through() -> None:
    begun = asyncio.Event()

    async def handler(_call: Authorized, /) -> Outcome:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(_run(handler))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_more_output_than_is_kept_stops_the_call() -> None:
    outcome = await _run(_answering(Completed(content=(Text(text="é" * 500), Text(text="x")))), _call(kept=1000))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT


async def test_a_tool_without_code_or_of_another_runtime_fails() -> None:
    answering = _answering(Completed(content=()))
    nobody = await BuiltinRuntime({}).run(_call())
    stranger = await BuiltinRuntime({NAME: answering}).run(_call(runtime=Upstream(server="s", tool="t")))

    assert [outcome.code for outcome in (nobody, stranger)] == ["builtin/no-handler"] * 2


async def test_what_may_run_does_not_change_behind_the_runtime() -> None:
    handlers = {NAME: _answering(Completed(content=(Text(text="first"),)))}
    runtime = BuiltinRuntime(handlers)
    handlers[NAME] = _answering(Completed(content=(Text(text="second"),)))

    outcome = await runtime.run(_call())

    assert outcome.content[0].text == "first"
