"""A worker serves one tool of one tenant, keeps nothing between calls, and is not trusted with its own confinement."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from holdfast.contracts import Completed, Failed, Grants, Stopped
from holdfast.sandbox.confinement.threads import states

from . import guests

pytestmark = pytest.mark.anyio


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def _until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- what is waited for is in /proc, which sends no events
            await asyncio.sleep(0.01)


async def test_nothing_of_a_call_is_left_for_the_next(world):
    spec = world.tool(guests.STATE)

    answers = [(await world.call(spec)).structured for _ in range(5)]

    assert answers == [2] * 5  # one from the global, one from the memory, each begun anew
    assert len(world.runtime.worker_pids) == 1


async def test_every_thread_of_a_worker_is_confined_and_nobody(world):
    await world.call(world.tool(guests.HELLO))
    (pid,) = world.runtime.worker_pids

    threads = states(pid)

    assert len(threads) == 3  # Python's, tokio's, the ticker's
    assert {thread.seccomp for thread in threads} == {2}
    assert all(thread.no_new_privs for thread in threads)
    assert {thread.capabilities for thread in threads} == {0}
    assert 0 not in {uid for thread in threads for uid in thread.uids}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a process that is not dumpable")
async def test_a_worker_has_its_pipes_and_an_empty_environment_and_no_room_for_more(world):
    os.environ["HOLDFAST_TEST_SECRET"] = "must not be inherited"
    try:
        await world.call(world.tool(guests.HELLO))
    finally:
        del os.environ["HOLDFAST_TEST_SECRET"]
    (pid,) = world.runtime.worker_pids
    process = Path(f"/proc/{pid}")

    held = [str(link.readlink()) for link in (process / "fd").iterdir()]
    limits = {line[:26].strip(): line[26:].split()[:2] for line in (process / "limits").read_text().splitlines()}

    assert (process / "environ").read_bytes() == b""
    kinds = sorted(name.split(":")[0] for name in held)
    assert [kind for kind in kinds if kind not in {"anon_inode", "socket"}] == [
        *["/dev/null"] * 3,
        "/memfd",  # the sealed artifact, which wasmtime maps data segments from
        *["pipe"] * 2,
    ]
    assert limits["Max open files"] == ["0", "0"]
    assert limits["Max file size"] == ["0", "0"]
    assert limits["Max core file size"] == ["0", "0"]
    assert limits["Max data size"][0] != "unlimited"
    assert limits["Max cpu time"] == ["300", "300"]


async def test_two_tenants_never_share_a_worker(world):
    spec = world.tool(guests.STATE)

    await world.call(spec, tenant="one")
    await world.call(spec, tenant="two")
    await world.call(spec, tenant="one")

    assert len(set(world.runtime.worker_pids)) == 2


async def test_two_modules_never_share_a_worker(world):
    await world.call(world.tool(guests.STATE))
    await world.call(world.tool(guests.GROW))

    assert len(set(world.runtime.worker_pids)) == 2


async def test_other_grants_need_another_worker(world):
    await world.call(world.tool(guests.HELLO))
    await world.call(world.tool(guests.HELLO, grants=Grants(clock=False)))

    assert len(set(world.runtime.worker_pids)) == 2


async def test_the_worker_idle_longest_makes_room(raised):
    world = raised(workers=2)
    specs = [world.tool(guests.STATE.replace("60000", str(place))) for place in (60000, 60004, 60008)]

    for spec in (specs[0], specs[1], specs[0]):
        await world.call(spec)
    kept, evicted = world.runtime.worker_pids[1], world.runtime.worker_pids[0]
    await world.call(specs[2])

    assert len(world.runtime.worker_pids) == 2
    assert kept in world.runtime.worker_pids
    assert not _alive(evicted)


async def test_more_calls_than_workers_all_get_their_answer(raised):
    world = raised(workers=2)
    specs = [world.tool(guests.STATE.replace("60000", str(60000 + 4 * place))) for place in range(5)]

    outcomes = await asyncio.gather(*(world.call(spec, tenant=tenant) for tenant in "ab" for spec in specs * 2))

    assert [outcome.structured for outcome in outcomes] == [2] * 20
    assert len(world.runtime.worker_pids) <= 2


async def test_a_worker_is_retired_after_its_calls(raised):
    world = raised(calls=3)
    spec = world.tool(guests.STATE)

    seen = []
    for _ in range(6):
        assert isinstance(await world.call(spec), Completed)
        seen.append(world.runtime.worker_pids)

    assert seen[0] == seen[1]
    assert seen[2] == ()
    assert seen[3] == seen[4] != seen[0]
    assert seen[5] == ()


async def test_a_worker_nobody_calls_is_closed(raised):
    world = raised(idle_seconds=0.05)
    await world.call(world.tool(guests.STATE))

    await _until(lambda: world.runtime.worker_pids == ())


async def test_too_many_calls_for_one_tool_are_turned_away(raised):
    world = raised(waiting=2)
    spec = world.tool(guests.SLEEP, wall_ms=300)

    outcomes = await asyncio.gather(*(world.call(spec) for _ in range(6)))

    assert sum(isinstance(outcome, Stopped) for outcome in outcomes) == 3
    assert {outcome.code for outcome in outcomes if isinstance(outcome, Failed)} == {"wasm/busy"}


async def test_a_worker_killed_in_the_middle_is_one_failed_call(world):
    spec = world.tool(guests.SLEEP, wall_ms=20_000)
    await world.call(spec, limits=spec.limits.tightened(wall_ms=200))
    running = asyncio.ensure_future(world.call(spec))
    await _until(lambda: world.runtime.worker_pids and len(states(world.runtime.worker_pids[0])) == 3)
    await _until(lambda: states(world.runtime.worker_pids[0])[0].seccomp == 2)

    os.kill(world.runtime.worker_pids[0], signal.SIGKILL)
    outcome = await running
    after = await world.call(world.tool(guests.HELLO))

    assert isinstance(outcome, Failed)
    assert outcome.code in {"wasm/worker-died", "wasm/unavailable"}
    assert isinstance(after, Completed)


async def test_a_cancelled_call_ends_its_worker(world):
    spec = world.tool(guests.SLEEP, wall_ms=20_000)
    running = asyncio.ensure_future(world.call(spec))
    await _until(lambda: world.runtime.worker_pids)
    (pid,) = world.runtime.worker_pids

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert not _alive(pid)
    assert world.runtime.worker_pids == ()


async def test_a_call_cancelled_while_its_worker_is_raised_leaves_no_process(world):
    before = _children()
    running = asyncio.ensure_future(world.call(world.tool(guests.SLEEP)))
    for _ in range(5):
        await asyncio.sleep(0)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    await _until(lambda: _children() <= before)


async def test_a_call_cancelled_again_and_again_still_lets_the_pool_close(world):
    """A worker whose end was cancelled as well was counted as alive for ever, and closing waited for it."""
    running = asyncio.ensure_future(world.call(world.tool(guests.SLEEP, wall_ms=20_000)))
    await _until(lambda: world.runtime.worker_pids)

    while not running.done():
        running.cancel()
        await asyncio.sleep(0)

    async with asyncio.timeout(20):
        await world.runtime.close()


async def test_closing_ends_calls_and_workers(raised):
    world = raised()
    running = asyncio.ensure_future(world.call(world.tool(guests.SLEEP, wall_ms=20_000)))
    await _until(lambda: world.runtime.worker_pids)
    (pid,) = world.runtime.worker_pids

    await world.runtime.close()

    assert isinstance(await running, Failed)
    assert not _alive(pid)
    assert (await world.call(world.tool(guests.STATE))).code == "wasm/busy"


async def test_descriptors_and_processes_stay_flat(world):
    """Over hundreds of calls, a third of which cost their worker."""
    good, bad = world.tool(guests.STATE), world.tool(guests.RECURSE)
    for spec in (good, bad):
        await world.call(spec)
    others = _children() - set(world.runtime.worker_pids)
    before = _descriptors()

    for turn in range(300):
        await world.call(bad if turn % 15 == 0 else good)

    assert _descriptors() <= before
    assert len(world.runtime.worker_pids) == 1
    assert _children() - others == set(world.runtime.worker_pids)


async def test_a_busy_worker_is_never_ended_by_its_own_filter(world):
    """What libc does rarely counts: it opened a file when a thread first gave memory back."""
    text = guests.command(
        """(local.set $i (i32.const 3000)) (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 3000))
        (loop $more
          (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16)))
          (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
          (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))""",
        guests.WRITE,
    )
    spec = world.tool(text)

    outcomes = [await world.call(spec) for _ in range(5)]

    assert {type(outcome) for outcome in outcomes} == {Completed}
    assert {len(outcome.content[0].text) for outcome in outcomes} == {9_000_000}


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _children() -> set[int]:
    names = [place.name for place in Path("/proc").iterdir()]
    return {int(pid) for pid in names if pid.isdigit() and _is_ours(pid)}


def _is_ours(pid: str) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[1] == str(os.getpid())
    except (OSError, IndexError):
        return False
