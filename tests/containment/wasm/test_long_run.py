"""Call after call: memory, descriptors and processes stay flat, in this process and in the worker.

CI makes a few hundred calls of each kind; ten thousand take
`HOLDFAST_LONG_CALLS=10000 make test PYTEST=tests/containment/wasm/test_long_run.py`.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.contracts import Completed, Failed
from holdfast.contracts.limits import MIB

from . import guests, plugins
from .components import KEPT, LIMITS, built, tool
from .conftest import KEY, World, authorized
from .conftest import assembled as module_of

CALLS = int(os.environ.get("HOLDFAST_LONG_CALLS", "300"))
GROWTH = 12 * MIB
"""What an allocator may keep; one leaked kibibyte a call would be ten thousand of them."""

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60 + CALLS)]


def core(world: World):
    return world.tool(guests.STATE), {}


def command(world: World):
    return world.tool(guests.HELLO), {}


def plugin(world: World):
    return world.tool(module_of(plugins.ECHO), memory_bytes=16 * MIB), {"input": "x" * 10_000}


def program(world: World):
    return _built(world, "program", "wasi-command"), {"do": "echo", "text": "x" * 1000}


def typed(world: World):
    return _built(world, "every", "component", function="echo-bytes"), {"data": "AAAA" * 1000}


def near(world: World):
    return _built(world, "near", "near-agent", function="demo.now"), {}


def _built(world: World, name: str, abi: str, function: str = ""):
    module = built(name)
    spec = tool(module, abi, function=function, limits=LIMITS)
    world.modules[spec.runtime.module] = module
    return spec


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may count the descriptors of a process that is not dumpable")
@pytest.mark.parametrize("kind", [core, command, plugin, program, typed, near])
async def test_nothing_grows_from_call_to_call(raised, kind):
    world = raised(KEPT / "native", KEY, calls=2 * CALLS)
    spec, arguments = kind(world)
    for _ in range(CALLS // 4):
        assert isinstance(await _call(world, spec, arguments), Completed)
    (pid,) = world.runtime.worker_pids
    before = _measured(pid)

    for _ in range(CALLS):
        assert isinstance(await _call(world, spec, arguments), Completed)

    assert world.runtime.worker_pids == (pid,)
    after = _measured(pid)
    for what, size in before.items():
        assert after[what] <= size + (GROWTH if "memory" in what else 0), (what, size, after[what])


@pytest.mark.parametrize("text", [guests.TRAP_IN_START, guests.RECURSE], ids=["trap in start", "recursion"])
async def test_calls_that_cost_their_worker_leave_nothing_behind(raised, text):
    world = raised(calls=CALLS)
    spec = world.tool(text)
    assert not isinstance(await world.call(spec), Completed)
    before = _own()

    for _ in range(CALLS // 20):
        assert not isinstance(await world.call(spec), Completed)

    after = _own()
    assert after["descriptors"] <= before["descriptors"]
    assert after["children"] <= before["children"]
    assert after["memory"] <= before["memory"] + GROWTH


async def test_a_call_that_fails_in_its_arguments_spares_its_worker(raised):
    world = raised(KEPT / "native", KEY)
    spec = replace(_built(world, "every", "component", function="move"))
    outcomes = {type(await _call(world, spec, {"place": n})) for n in range(20)}
    assert outcomes == {Failed}
    assert len(world.runtime.worker_pids) == 1


async def _call(world: World, spec, arguments):
    return await world.runtime.run(authorized(spec, arguments, "one", None))


def _measured(pid: int) -> dict[str, int]:
    ours = {f"our {what}": size for what, size in _own().items()}
    return ours | {"worker's memory": _resident(pid), "worker's descriptors": _descriptors(str(pid))}


def _own() -> dict[str, int]:
    children = sum(len((task / "children").read_text().split()) for task in Path("/proc/self/task").iterdir())
    return {"memory": _resident(os.getpid()), "descriptors": _descriptors("self"), "children": children}


def _descriptors(process: str) -> int:
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


def _resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
