"""Components that are bombs: what one instantiation would make is counted before, what it grows while it runs."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.contracts import Completed, Failed, LimitName, OperatorError, Stopped
from holdfast.contracts.limits import MIB
from holdfast.sandbox.wasm.compiling import Compiler
from holdfast.sandbox.wasm.report import ModuleRefused

from .components import KEPT, LIMITS, assembled, built, component, one, tool
from .conftest import KEY, authorized

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]


@pytest.fixture
def run(raised):
    """Runs a component that is written as text."""
    return runner(raised())


def runner(world):
    async def call(text, limits=LIMITS, tenant="one"):
        module = assembled(text)
        spec = tool(module, "component", limits=limits)
        world.modules[spec.runtime.module] = module
        return await world.runtime.run(authorized(spec, {}, tenant, None))

    call.world = world
    return call


def grows(what: str, parts: str) -> str:
    """Grows *what* as far as it goes, and answers how far."""
    return one(
        f"""(func (export "run") (result i32) (local $n i32)
          (loop $more
            (if (i32.ne (i32.const -1) ({what})) (then
              (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $more))))
          (local.get $n))""",
        extra=parts,
    )


async def test_tables_grow_to_their_limit_and_not_beyond(run):
    text = grows("table.grow $t (ref.null func) (i32.const 1000)", "(table $t 0 funcref)")
    assert (await run(text)).structured == 100


async def test_tables_of_several_instances_have_one_limit_together(run):
    grow = """(table $t 0 funcref) (func (export "grow") (result i32)
      (table.grow $t (ref.null func) (i32.const 60_000)))"""
    two = component(
        grow,
        lifted=f"""
      (core module $n {grow})
      (core instance $j (instantiate $n))
      (core module $both (import "a" "grow" (func $a (result i32))) (import "b" "grow" (func $b (result i32)))
        (func (export "run") (result i32)
          (i32.add (i32.lt_s (call $a) (i32.const 0)) (i32.lt_s (call $b) (i32.const 0)))))
      (core instance $k (instantiate $both (with "a" (instance $i)) (with "b" (instance $j))))
      (func (export "run") (result u32) (canon lift (core func $k "run")))""",
    )
    assert (await run(two)).structured == 2


async def test_a_table_that_starts_too_large_never_runs(run):
    outcome = await run(one('(func (export "run") (result i32) (i32.const 1))', extra="(table 100_001 funcref)"))
    assert (type(outcome), outcome.code) == (Failed, "wasm/instantiate")


async def test_twenty_memories_of_a_mebibyte_are_one_limit(run):
    memories = "".join(
        f'(core module $m{n} (memory (export "m") 16)) (core instance (instantiate $m{n}))' for n in range(20)
    )
    text = one('(func (export "run") (result i32) (i32.const 1))', before=memories)
    outcome = await run(text, limits=replace(LIMITS, memory_bytes=8 * MIB))
    assert (type(outcome), outcome.limit) == (Stopped, LimitName.MEMORY)
    assert isinstance(await run(text, limits=replace(LIMITS, memory_bytes=32 * MIB)), Completed)


async def test_instances_that_double_with_every_level_never_reach_the_compiler(raised):
    text = '(component $c0 (core module $m (func (export "f"))) (core instance (instantiate $m)))'
    for level in range(1, 24):
        made = f"(instance (instantiate $c{level - 1}))"
        text = f"(component $c{level} {text} {made} {made})"
    with pytest.raises(OperatorError, match="more than 1000 instances"):
        await raised().runtime.inspect(assembled(text))


async def test_a_component_that_is_dear_to_compile_is_refused():
    """One function inside it with a great many values alive at once."""
    count = 20_000
    body = "".join(f"(local.set {at} (i32.add (local.get {at}) (local.get {at * 7 % count})))" for at in range(count))
    module = assembled(one(f'(func (export "run") (result i32) (local {"i32 " * count}) {body} (i32.const 1))'))
    with pytest.raises(ModuleRefused, match="more memory"):
        await Compiler(unprivileged=65534, memory_bytes=4 << 20).compile(module)


@pytest.mark.parametrize("cut", [9, 20, 60, -1])
async def test_a_truncated_component_is_refused(raised, cut):
    with pytest.raises(OperatorError):
        await raised().runtime.inspect(assembled(one('(func (export "run") (result i32) (i32.const 1))'))[:cut])


async def test_an_endless_loop_with_fuel_to_burn_is_stopped_by_the_clock(run):
    text = one('(func (export "run") (result i32) (loop (br 0)) (i32.const 1))')
    outcome = await run(text, limits=replace(LIMITS, fuel=10**12, wall_ms=400))
    assert (type(outcome), outcome.limit) == (Stopped, LimitName.WALL)
    assert isinstance(await run(text, limits=replace(LIMITS, fuel=1000)), Stopped)


@pytest.mark.parametrize(
    "text", ["\\ff\\fe", "\\ed\\a0\\80", "\\c0\\80", "\\f8\\88"], ids=["bom", "half", "long", "five"]
)
async def test_an_answer_that_is_no_text_is_a_trap(run, text):
    """The engine reads texts strictly: nothing that is not UTF-8 comes out of a component as one."""
    length = text.count("\\")
    body = f"""(data (i32.const 64) "{text}") (func (export "run") (result i32)
      (i32.store (i32.const 8) (i32.const 64)) (i32.store (i32.const 12) (i32.const {length})) (i32.const 8))"""
    outcome = await run(one(body, kind='(func (export "run") (result string)'))
    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/trap"


async def test_memory_and_globals_are_new_in_every_call_and_for_every_tenant(run):
    text = one(
        """(global $g (mut i32) (i32.const 0)) (func (export "run") (result i32)
        (global.set $g (i32.add (global.get $g) (i32.const 1)))
        (i32.store (i32.const 512) (i32.add (i32.load (i32.const 512)) (i32.const 1)))
        (i32.add (global.get $g) (i32.load (i32.const 512))))"""
    )
    for tenant in ("one", "one", "two"):
        assert (await run(text, tenant=tenant)).structured == 2


async def test_a_forged_artifact_of_a_component_is_refused_and_compiled_again(raised, tmp_path):
    text = one('(func (export "run") (result i32) (i32.const 7))')
    first = raised(tmp_path / "native")
    assert (await runner(first)(text)).structured == 7
    await first.runtime.close()
    (file,) = (path for path in (tmp_path / "native").iterdir() if path.is_file())
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)

    assert (await runner(raised(tmp_path / "native"))(text)).structured == 7
    assert file.read_bytes() != data


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may see what a process that is not dumpable waits for")
async def test_a_worker_killed_in_the_middle_is_one_failed_call_and_nobody_else_notices(raised):
    world = raised(KEPT / "native", KEY)
    module = built("program")
    spec = tool(module, "wasi-command", limits=replace(LIMITS, wall_ms=60_000))
    world.modules[spec.runtime.module] = module

    def call(tenant, **arguments):
        return asyncio.ensure_future(world.runtime.run(authorized(spec, arguments, tenant, None)))

    await call("one", do="echo")
    (pid,) = world.runtime.worker_pids
    await call("two", do="echo")
    sleeping = call("one", do="sleep")
    other = [call("two", do="echo") for _ in range(5)]
    await _until(lambda: _asleep(pid))

    os.kill(pid, signal.SIGKILL)

    outcome = await sleeping
    assert (type(outcome), outcome.code) == (Failed, "wasm/worker-died")
    assert {type(one) for one in await asyncio.gather(*other)} == {Completed}
    assert isinstance(await call("one", do="echo"), Completed)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a process that is not dumpable")
async def test_a_worker_holds_no_byte_of_another_tenant(raised):
    """Both have called the same tool; each one's secret is in its own worker's memory, and in no other."""
    world = raised(KEPT / "native", KEY)
    module = built("program")
    spec = tool(module, "wasi-command")
    world.modules[spec.runtime.module] = module
    for tenant in ("one", "two", "one", "two"):
        outcome = await world.runtime.run(
            authorized(spec, {"do": "echo", "mark": f"mark-{tenant}-" * 50}, tenant, None)
        )
        assert isinstance(outcome, Completed)
    held = [
        {tenant for tenant in ("one", "two") if _holds(pid, f"mark-{tenant}-")} for pid in world.runtime.worker_pids
    ]
    assert {frozenset(marks) for marks in held} <= {frozenset({"one"}), frozenset({"two"}), frozenset()}
    assert set().union(*held) == {"one", "two"}


def _holds(pid: int, mark: str) -> bool:
    places = [line.split()[:2] for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        return any(_within(memory, place, mark.encode()) for place, rights in places if rights.startswith("rw"))


def _within(memory, place: str, mark: bytes) -> bool:
    start, end = (int(one, 16) for one in place.split("-"))
    try:
        memory.seek(start)
        return mark in memory.read(min(end - start, 256 * MIB))
    except OSError:
        return False


def _asleep(pid: int) -> bool:
    """Whether the main thread waits in a call of WASI's, not for its next request."""
    return Path(f"/proc/{pid}/syscall").read_text().split()[0] not in {"0", "running"}


async def _until(holds) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 -- another process has no event to wait for
            await asyncio.sleep(0.01)
