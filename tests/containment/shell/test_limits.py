"""Whatever a command does, it ends at its limits, and everything it started ends with it."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.contracts import Completed, LimitName, Stopped
from holdfast.contracts.limits import MIB
from holdfast.sandbox.children.tree import descendants

from .conftest import Place

pytestmark = pytest.mark.anyio

HIDING = {
    "in the background": "sleep 1000 &",
    "in a session of its own": "setsid sleep 1000 &",
    "twice removed": "(setsid sh -c 'setsid sleep 1000 &' &)",
    "ignoring signals": "setsid sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1000; done' &",
    "as a daemon": (
        "python3 -c 'import os, time\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "for fd in range(3): os.close(fd)\n"
        "time.sleep(1000)'"
    ),
}


def below_us(place: Place) -> list[str]:
    """The programs below the launching process."""
    found = []
    for process in descendants(place.launcher.pid):
        try:
            found.append(Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return [name for name in found if "sleep" in name or "time" in name or "trap" in name]


def children_of(process: int) -> tuple[int, ...]:
    direct = descendants(process)
    return descendants(process, but=frozenset(descendants(direct[0]))) if direct else ()


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
    except OSError:
        return False


async def until(true: Callable[[], bool]) -> None:
    """Wait until another process has made it true; half a minute is for ever."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 -- another process makes it true and has no event of ours
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("how", HIDING)
async def test_nothing_outlives_a_command_that_ends(place: Place, how: str) -> None:
    outcome = await place.run(f"{HIDING[how]}\necho begun")

    assert isinstance(outcome, Completed), outcome
    assert "begun" in outcome.structured["stdout"]
    assert below_us(place) == []


@pytest.mark.parametrize("how", HIDING)
async def test_nothing_outlives_a_deadline(place: Place, how: str) -> None:
    outcome = await place.run(f"{HIDING[how]}\nsleep 1000", wall_ms=500)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.WALL
    assert "sandlock" in outcome.isolation
    assert below_us(place) == []


async def test_a_command_that_takes_too_long_is_stopped(place: Place) -> None:
    outcome = await place.run("sleep 4; echo late", wall_ms=300)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.WALL


async def test_nothing_outlives_a_cancelled_call(place: Place) -> None:
    call = asyncio.ensure_future(place.run("setsid sleep 1000 & touch begun; sleep 1000"))
    await until((place.root / "begun").exists)

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert below_us(place) == []


async def test_nothing_outlives_a_keeper_that_is_killed(place: Place) -> None:
    call = asyncio.ensure_future(place.run("setsid sleep 1000 & touch begun; sleep 1000"))
    await until((place.root / "begun").exists)
    (keeper,) = children_of(place.launcher.pid)

    os.kill(keeper, signal.SIGKILL)

    assert isinstance(await call, Stopped)
    await until(lambda: not below_us(place))


async def test_nothing_outlives_the_launcher(place: Place) -> None:
    call = asyncio.ensure_future(place.run("setsid sleep 1000 & touch begun; sleep 1000"))
    await until((place.root / "begun").exists)
    started = descendants(place.launcher.pid)

    await place.launcher.close()

    await call
    await until(lambda: not any(map(alive, started)))


@pytest.mark.parametrize("flood", ["yes", "yes >&2", "cat /dev/zero", "yes & yes >&2"])
async def test_a_flood_of_output_ends_at_the_limit(place: Place, flood: str) -> None:
    outcome = await place.run(flood, total_output_bytes=1 * MIB, output_bytes=1000)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT
    assert outcome.usage.output_bytes < 2 * MIB
    assert below_us(place) == []


async def test_a_flood_of_output_that_ends_by_itself_is_stopped(place: Place) -> None:
    outcome = await place.run("head -c 1000000 /dev/zero", total_output_bytes=100_000, output_bytes=1000)

    assert isinstance(outcome, Stopped)


async def test_output_up_to_the_limit_is_kept(place: Place) -> None:
    outcome = await place.run("head -c 100000 /dev/zero | tr '\\0' x", total_output_bytes=100_000, output_bytes=1000)

    assert isinstance(outcome, Completed)
    assert outcome.structured["stdout"] == "x" * 100_000


async def test_a_fork_bomb_meets_the_process_limit(place: Place) -> None:
    (place.root / "bomb.py").write_text(
        "import os, time\n"
        "made = 0\n"
        "while True:\n"
        "    try:\n"
        "        if os.fork() == 0: time.sleep(1000)\n"
        "    except OSError: break\n"
        "    made += 1\n"
        "print(made)\n"
    )

    said = await place.output("exec python3 bomb.py")

    assert int(said) < 64
    assert below_us(place) == []


async def test_a_fork_bomb_by_the_bare_system_call_meets_the_process_limit(place: Place) -> None:
    (place.root / "bomb.py").write_text(
        "import ctypes, os, time\n"
        "libc = ctypes.CDLL(None)\n"
        "made = 0\n"
        "while (child := libc.syscall(57)) >= 0:\n"
        "    if child == 0: time.sleep(1000)\n"
        "    made += 1\n"
        "    if made > 200: break\n"
        "print(made)\n"
    )

    assert int(await place.output("exec python3 bomb.py")) < 64


async def test_a_memory_bomb_ends_at_the_limit(place: Place) -> None:
    outcome = await place.argv(
        "/usr/bin/python3", "-c", "held = [bytearray(16 << 20) for _ in range(1000)]; print('held')"
    )

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.MEMORY


async def test_memory_is_counted_over_all_processes_together(place: Place) -> None:
    hold = "import sys; held = bytearray(100 << 20); print('held', flush=True); sys.stdin.read()"
    (place.root / "hold.py").write_text(hold)

    said = await place.output("for i in 1 2 3 4; do (sleep 3 | python3 hold.py) & done; wait", memory_bytes=256 * MIB)

    assert said.count("held") < 4


async def test_memory_behind_a_descriptor_is_not_to_be_had(place: Place) -> None:
    said = await place.output('python3 -c \'import os; os.memfd_create("x"); print("made")\'')

    assert "made" not in said


async def test_a_file_does_not_grow_without_end(place: Place) -> None:
    outcome = await place.run("truncate -s 3G big")

    assert outcome.is_error
    assert not (place.root / "big").exists() or (place.root / "big").stat().st_size <= 1 << 30


async def test_a_command_that_reads_its_input_reads_its_end(place: Place) -> None:
    assert await place.output("cat; echo done") == "done\n"


async def test_the_exit_code_is_told(place: Place) -> None:
    outcome = await place.run("echo said; echo so >&2; exit 7")

    assert isinstance(outcome, Completed)
    assert outcome.is_error
    assert outcome.structured == {"exit_code": 7, "stdout": "said\n", "stderr": "so\n"}


async def test_a_signal_is_told_as_shells_do(place: Place) -> None:
    outcome = await place.run("kill -TERM $$")

    assert isinstance(outcome, Completed)
    assert outcome.structured["exit_code"] == 128 + signal.SIGTERM


async def test_many_children_start_without_disturbing_each_other(place: Place) -> None:
    """The launching process kills orphans; a child that has just been started is none."""
    for _ in range(5):
        outcomes = await asyncio.gather(*(place.argv("/bin/true") for _ in range(12)))
        assert all(isinstance(one, Completed) and not one.is_error for one in outcomes), outcomes
