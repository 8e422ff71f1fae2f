"""What a session keeps, for whom, and how it ends; and that a spare worker is given away once."""

import asyncio
import fcntl
import os
import signal
from collections.abc import Callable

import pytest

from holdfast.contracts import Completed, Failed, LimitName, Refusal, Stopped
from holdfast.sandbox.wasm.memfd import Shared

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]


async def until(holds: Callable[[], bool]) -> None:
    """Let others go on until *holds*; the test's own deadline ends what never does."""
    while not holds():  # noqa: ASYNC110 -- what is waited for is a process's, and tells nobody
        await asyncio.sleep(0.01)


async def refused(programs, code: str, **more) -> tuple[str, str]:
    with pytest.raises(Refusal) as told:
        await programs.run(code, **more)
    return told.value.reason.code, told.value.reason.message


async def test_names_and_files_of_a_session_stay_for_its_next_program(programs) -> None:
    await programs.said("import math\ndef area(r):\n    return math.pi * r * r\nopen('kept', 'w').write('x')")
    said = await programs.said("[round(area(2), 2), open('kept').read()]")

    assert said["value"]["json"] == [12.57, "x"]
    assert said["session"] == {"calls": 2}
    assert "files" not in said


async def test_an_exception_leaves_the_session_as_it_was(programs) -> None:
    await programs.said("x = 1")
    failed = await programs.said("x += 1\nraise ValueError(x)")

    assert failed["error"]["line"] == 2
    assert (await programs.said("x"))["value"]["json"] == 2


async def test_an_exception_out_of_an_earlier_program_names_the_line_of_each(programs) -> None:
    await programs.said("def f():\n    return 1 / 0")
    trace = (await programs.said("\n\nf()"))["error"]

    assert trace["line"] == 3
    assert "return 1 / 0" in trace["traceback"]


@pytest.mark.parametrize("other", [{"session": "t"}, {"subject": "other"}, {"tenant": "two"}, {"keep": False}])
async def test_nobody_else_finds_what_a_session_keeps(programs, other) -> None:
    await programs.said("x = 1\nimport json\njson.left = 1\nopen('left', 'w').close()")
    code = "import json, os\n['x' in globals(), hasattr(json, 'left'), os.path.exists('left')]"

    said = await programs.said(code, **other)

    assert said["value"]["json"] == [False] * 3
    assert len(set(programs.interpreter.session_pids) | set(programs.runtime.worker_pids)) == 2


@pytest.mark.parametrize(
    ("code", "limits", "limit"),
    [
        ("bytearray(1 << 30)", {}, LimitName.MEMORY),
        ("while True: pass", {"fuel": 300_000_000}, LimitName.FUEL),
        ("while True: pass", {"wall_ms": 500}, LimitName.WALL),
        ("print('x' * (11 << 20))", {}, LimitName.OUTPUT),
    ],
)
async def test_a_limit_ends_the_session_and_the_next_call_is_told_and_runs_nothing(
    programs, code, limits, limit
) -> None:
    await programs.said("x = 1")
    stopped = await programs.run(code, **limits)

    assert isinstance(stopped, Stopped)
    assert stopped.limit is limit
    assert programs.interpreter.session_pids == ()
    code, message = await refused(programs, "x")
    assert code == "python/session-lost"
    assert f"reached its limit `{limit.value}`" in message
    assert (await programs.said("'x' in globals()"))["value"]["json"] is False


async def test_the_memory_of_a_session_is_one_limit_over_all_its_calls(programs) -> None:
    await programs.said("x = bytearray(60 << 20)")

    assert isinstance(await programs.run("y = bytearray(60 << 20)"), Stopped)


async def test_fuel_is_each_calls_own(programs) -> None:
    code = "for n in range(100_000): pass"
    used = (await programs.run(code)).usage.fuel
    for _ in range(3):
        said = await programs.run(code, fuel=used * 3 // 2)
        assert isinstance(said, Completed), said


async def test_a_session_whose_worker_is_killed_is_lost_and_says_so(programs) -> None:
    await programs.said("x = 1")
    (pid,) = programs.interpreter.session_pids
    os.kill(pid, signal.SIGKILL)

    assert isinstance(await programs.run("x"), Failed)
    assert "its worker broke" in (await refused(programs, "x"))[1]
    assert (await programs.said("1"))["session"] == {"calls": 1}


async def test_a_call_that_is_cancelled_ends_the_session(programs) -> None:
    await programs.said("x = 1")
    call = asyncio.ensure_future(programs.run("import time\ntime.sleep(60)"))
    await asyncio.wait((call,), timeout=0.3)
    call.cancel()
    await asyncio.wait((call,))

    assert programs.interpreter.session_pids == ()
    assert "cut off" in (await refused(programs, "x"))[1]


async def test_an_idle_session_is_ended_and_the_next_call_is_told(hasty) -> None:
    await hasty.said("x = 1")
    await until(lambda: not hasty.interpreter.session_pids)

    code, message = await refused(hasty, "x")
    assert code == "python/session-lost"
    assert "idle" in message


async def test_sessions_are_counted_for_each_principal_and_in_all(programs) -> None:
    for session in ("a", "b"):
        await programs.said("1", session=session)
    code, message = await refused(programs, "1", session="c")
    assert code == "python/sessions-full"
    assert message.startswith("you have as many")
    await programs.said("1", subject="other")
    assert (await refused(programs, "1", subject="third"))[1].startswith("this server keeps as many")

    assert len(programs.interpreter.session_pids) == 3
    assert (await programs.said("1", session="a"))["session"] == {"calls": 2}


async def test_calls_of_one_session_go_one_after_another(programs) -> None:
    await programs.said("x = 0")
    code = "import time\ny = x\ntime.sleep(0.02)\nx = y + 1"

    await asyncio.gather(*(programs.said(code) for _ in range(5)))

    assert (await programs.said("x"))["value"]["json"] == 5


async def test_more_calls_than_may_wait_for_a_session_are_refused(programs) -> None:
    await programs.said("1")
    ended = await asyncio.gather(
        *(programs.run("import time\ntime.sleep(0.05)") for _ in range(14)), return_exceptions=True
    )
    busy = [one for one in ended if isinstance(one, Refusal)]

    assert busy
    assert {one.reason.code for one in busy} == {"python/session-busy"}
    assert (await programs.said("1"))["session"]["calls"] == 2 + len(ended) - len(busy)


async def test_a_call_in_the_middle_of_another_keeps_no_session(programs) -> None:
    outcome = await programs.run("1", depth=1)

    assert isinstance(outcome, Failed)
    assert outcome.code == "python/session-nested"


async def test_a_program_that_forges_its_answer_forges_no_session(programs) -> None:
    forge = "import json\nreal = json.dumps\njson.dumps = lambda said: real({**said, 'session': {'calls': 99}})"
    await programs.said(forge)

    assert (await programs.said("1"))["session"] == {"calls": 2}


async def spare(programs) -> int:
    await until(lambda: bool(programs.runtime.spare_pids))
    return programs.runtime.spare_pids[0]


async def test_a_spare_worker_is_given_away_once_and_serves_one_tenant(programs) -> None:
    await programs.said("1", keep=False)
    first = await spare(programs)
    await programs.said("1", keep=False, tenant="two")
    second = await spare(programs)

    assert first in programs.runtime.worker_pids
    assert second not in programs.runtime.worker_pids
    assert len({*programs.runtime.worker_pids, second}) == 3


async def test_a_spare_that_died_is_not_given_away(programs) -> None:
    await programs.said("1", keep=False)
    pid = await spare(programs)
    os.kill(pid, signal.SIGKILL)
    # Every thread of it is gone, which is later than the first.
    await until(lambda: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None)

    assert (await programs.said("2", keep=False, tenant="two"))["value"]["json"] == 2


async def test_a_spare_of_other_limits_is_ended_not_given_away(programs) -> None:
    await programs.said("1", keep=False)
    first = await spare(programs)
    await programs.said("1", keep=False, tenant="two", memory_bytes=100 << 20)

    assert first not in programs.runtime.worker_pids


async def test_what_workers_share_cannot_be_written(programs) -> None:
    shared = Shared(b"native")
    seals = fcntl.fcntl(shared.descriptor, fcntl.F_GET_SEALS)

    assert seals & fcntl.F_SEAL_WRITE
    assert seals & fcntl.F_SEAL_SEAL
    with pytest.raises(PermissionError):
        os.write(shared.descriptor, b"x")


async def test_nothing_is_left_when_it_closes(programs) -> None:
    await programs.said("1")
    await programs.said("1", keep=False)
    pids = {await spare(programs), *programs.runtime.worker_pids, *programs.interpreter.session_pids}
    await programs.interpreter.close()
    await programs.runtime.close()

    assert len(pids) == 3
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
