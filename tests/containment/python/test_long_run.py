"""The sealed interpreter over many calls, and one that dies in the middle: nothing grows, and nobody else notices.

`HOLDFAST_LONG_CALLS=10000` makes ten thousand calls.
"""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from holdfast.contracts import Completed, Failed
from holdfast.contracts.limits import MIB

CALLS = int(os.environ.get("HOLDFAST_LONG_CALLS", "200"))
GROWTH = 16 * MIB

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300 + CALLS)]


async def test_nothing_grows_from_program_to_program(sealed) -> None:
    for _ in range(CALLS // 4):
        assert await sealed.value("len([0] * 10_000)") == 10_000
    before = [_resident(pid) for pid in ("self", *sealed.runtime.worker_pids)]
    descriptors = _descriptors()

    for _ in range(min(CALLS, 700)):  # a worker is replaced after a thousand
        assert await sealed.value("len([0] * 10_000)") == 10_000

    after = [_resident(pid) for pid in ("self", *sealed.runtime.worker_pids)]
    assert len(after) == len(before)
    assert all(now <= then + GROWTH for now, then in zip(after, before, strict=True))
    for _ in range(CALLS - 700):
        await sealed.value("1")
    assert _descriptors() <= descriptors
    assert _resident("self") <= before[0] + GROWTH


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may see what a process that is not dumpable waits for")
async def test_an_interpreter_killed_in_the_middle_is_one_failed_call(sealed) -> None:
    before = set(sealed.runtime.worker_pids)
    await sealed.value("1", tenant="killed")
    (pid,) = set(sealed.runtime.worker_pids) - before
    running = asyncio.ensure_future(sealed.run("import time; time.sleep(60)", tenant="killed", wall_ms=60_000))
    other = asyncio.ensure_future(sealed.value("2", tenant="other"))
    async with asyncio.timeout(60):
        while not _asleep(pid):  # noqa: ASYNC110 -- another process has no event to wait for
            await asyncio.sleep(0.01)

    os.kill(pid, signal.SIGKILL)

    outcome = await running
    assert (type(outcome), outcome.code) == (Failed, "wasm/worker-died")
    assert await other == 2
    assert isinstance(await sealed.run("3", tenant="other"), Completed)
    assert await sealed.value("4", tenant="killed") == 4


def _asleep(pid: int) -> bool:
    """Whether the main thread waits for something else than its next request."""
    return Path(f"/proc/{pid}/syscall").read_text().split()[0] not in {"0", "running"}


def _resident(pid: int | str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
