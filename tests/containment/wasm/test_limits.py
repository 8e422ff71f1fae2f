"""Every limit of a WASM tool stops the guest that exceeds it, names itself, and leaves the next call alone."""

import pytest

from holdfast.contracts import Completed, Failed, LimitName, Stopped, Text
from holdfast.contracts.limits import MIB
from holdfast.sandbox.wasm.outcomes import ISOLATION

from . import guests

pytestmark = pytest.mark.anyio


async def test_an_endless_loop_runs_out_of_fuel_and_spares_its_worker(world):
    spec = world.tool(guests.LOOP, fuel=1_000_000)

    first = await world.call(spec)
    pids = world.runtime.worker_pids
    again = await world.call(spec)

    assert isinstance(first, Stopped)
    assert first.limit is LimitName.FUEL
    assert first.usage.fuel >= 1_000_000
    assert first.isolation == ISOLATION
    assert again.limit is LimitName.FUEL
    assert world.runtime.worker_pids == pids
    assert len(pids) == 1


async def test_an_endless_loop_with_fuel_to_burn_is_stopped_by_the_clock(world):
    spec = world.tool(guests.LOOP, fuel=10_000_000_000_000, wall_ms=1000)

    outcome = await world.call(spec)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.WALL
    assert outcome.usage.fuel > 0  # stopped from inside, so the worker could say what was used
    assert len(world.runtime.worker_pids) == 1


async def test_a_sleep_in_a_host_call_is_stopped_by_the_clock_and_costs_the_worker(world):
    """Epochs do not reach a guest inside WASI: only the parent's deadline does."""
    spec = world.tool(guests.SLEEP, wall_ms=300)

    outcome = await world.call(spec)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.WALL
    assert world.runtime.worker_pids == ()


async def test_endless_recursion_is_stopped_at_the_stack_and_costs_the_worker(world):
    outcome = await world.call(world.tool(guests.RECURSE))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.STACK
    assert world.runtime.worker_pids == ()


async def test_memory_grows_to_the_limit_and_not_beyond(world):
    """A refused growth answers -1 inside the guest; what it does then is its own affair."""
    outcome = await world.call(world.tool(guests.GROW, memory_bytes=4 * MIB))

    assert isinstance(outcome, Completed)
    assert outcome.structured == 4096  # KiB
    assert outcome.usage.memory_bytes == 4 * MIB


async def test_a_module_that_starts_with_more_memory_than_allowed_never_runs(world):
    outcome = await world.call(world.tool(guests.core("(i64.const 0)", memory="100"), memory_bytes=MIB))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.MEMORY


async def test_twenty_memories_of_a_mebibyte_are_refused_before_anything_compiles(world):
    """Limits of wasmtime are per memory: the total holds because there is one."""
    many = "".join("(memory 16)" for _ in range(19))

    outcome = await world.call(world.tool(guests.core("(i64.const 0)", parts=many, memory="16")))

    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/module"
    assert "more than 1 memories" in outcome.detail


async def test_tables_grow_to_their_limit_and_not_beyond(world):
    outcome = await world.call(world.tool(guests.TABLE_GROW))

    assert isinstance(outcome, Completed)
    assert outcome.structured == 100_000


async def test_two_tables_share_one_limit(world):
    text = guests.TABLE_GROW.replace("(table $t 0 funcref)", "(table $t 0 funcref) (table $u 10 funcref)")

    outcome = await world.call(world.tool(text))

    assert isinstance(outcome, Completed)
    assert outcome.structured == 50_000


async def test_a_table_that_starts_too_large_never_runs(world):
    outcome = await world.call(world.tool(guests.core("(i64.const 0)", parts="(table 200000 funcref)")))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.TABLE


async def test_a_flood_of_output_is_stopped_and_costs_the_worker(world):
    outcome = await world.call(world.tool(guests.flood(1)))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT
    assert outcome.usage.output_bytes <= 10 * MIB
    assert outcome.usage.fuel < 1_000_000  # it did not go on
    assert world.runtime.worker_pids == ()


async def test_an_answer_larger_than_all_output_is_stopped(world):
    body = f"(i64.const {(0 << 32) | (11 * MIB)})"

    outcome = await world.call(world.tool(guests.core(body, memory="200"), memory_bytes=16 * MIB))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT


async def test_a_flood_of_log_lines_is_kept_to_a_thousand(world):
    line = "é" * 3000
    text = guests.command(
        """(local.set $i (i32.const 5000)) (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 6001))
        (loop $more
          (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16)))
          (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))""",
        guests.WRITE,
        parts=f'(data (i32.const 1024) "{line}\\n")',
    )

    outcome = await world.call(world.tool(text))

    assert isinstance(outcome, Completed)
    lines = outcome.log.split("\n")
    assert len(lines) == 1001
    assert lines[-1] == "[4000 more lines were dropped]"
    assert set(lines[:-1]) == {"é" * 2048}


async def test_wasi_calls_have_a_count_of_their_own(world):
    text = guests.command("(loop $more (drop (call $sched_yield)) (br $more))", guests.YIELD)

    outcome = await world.call(world.tool(text, fuel=10_000_000_000))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.HOST_CALLS


async def test_fewer_wasi_calls_than_the_count_go_through(world):
    text = guests.command(
        """(local.set $i (i32.const 999999))
        (loop $more (drop (call $sched_yield)) (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))""",
        guests.YIELD,
    )

    outcome = await world.call(world.tool(text, fuel=10_000_000_000))

    assert isinstance(outcome, Completed)


async def test_arguments_over_the_frame_cap_never_reach_a_worker(world):
    outcome = await world.call(world.tool(guests.STATE), text="x" * (5 << 20))

    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/arguments"


async def test_what_a_command_writes_before_it_is_stopped_is_not_an_answer(world):
    text = guests.HELLO.replace("(drop (call $fd_write", "(drop (call $fd_write", 1)
    spec = world.tool(text)

    outcome = await world.call(spec)

    assert isinstance(outcome, Completed)
    assert outcome.structured == {"hello": 1}
    assert outcome.content == (Text(text='{"hello": 1}', media_type="application/json"),)
