"""Measures programs in the sealed interpreter, confined and fresh, beside `python3 -c pass` in the same run.

Three ways: the runtime alone, and calls through every layer with both durabilities of the record. Each is taken in
turns with the plain start, so that what else the machine does falls on both; and each again with no pause between its
calls, when an instance has no time to be made ahead. A ratio travels, a time does not.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from bench.calls import caller
from bench.wasm import micros, pss
from holdfast.contracts import Completed, Reason, TenantId
from holdfast.contracts.limits import PYTHON
from holdfast.sandbox.wasm.interpreter.running import Interpreter
from holdfast.sandbox.wasm.pool import PoolBounds
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.server.config import LimitSettings, Settings, WorkspaceSettings
from holdfast.server.house import open_house
from holdfast.server.interpreting import open_interpreter

ROUNDS = 200
PROGRAM = "print(sum(range(100)))"
BUSY = "x = 0\nfor n in range(400_000):\n    x += n"
"""At least 20 ms of work."""


async def run(interpreter: Interpreter, code: str, tenant: str = "one") -> float:
    """Seconds that *code* takes."""
    began = time.perf_counter()
    outcome = await interpreter.run(code, given=None, files={}, tenant=TenantId(tenant), limits=PYTHON)
    assert isinstance(outcome, Completed), outcome
    return time.perf_counter() - began


def plain() -> float:
    """Seconds that starting and ending this Python takes, with nothing of ours in it."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True, cwd="/", env={})
    return time.perf_counter() - began


def houses(folder: Path) -> dict[str, Settings]:
    """The settings of a house for each durability, by name."""
    wide, found = LimitSettings(calls_per_minute=10_000_000, burst=10_000_000), {}
    for durability in ("process", "power"):
        (workspace := folder / durability).mkdir()
        settings = Settings(limits=wide, workspace=WorkspaceSettings(root=workspace))
        audit = settings.audit.model_copy(update={"durability": durability})
        found[f"every layer, `{durability}`"] = settings.model_copy(update={"audit": audit})
    return found


async def beside(way: Callable[[], Awaitable[object]]) -> dict[str, object]:
    """*way* in turns with a plain start, and then by itself without a pause."""
    for _ in range(20):
        await way()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(await timed(way))
        theirs.append(await asyncio.to_thread(plain))
    unpaused = [await timed(way) for _ in range(ROUNDS)]
    median = statistics.median(theirs)
    return {
        "in turns": micros(ours),
        "without a pause": micros(unpaused),
        "python3 -c pass": micros(theirs),
        "times_faster_p50": round(median / statistics.median(ours), 2),
        "times_faster_p50_without_a_pause": round(median / statistics.median(unpaused), 2),
    }


async def timed(way: Callable[[], Awaitable[object]]) -> float:
    """Seconds that one call of *way* takes."""
    began = time.perf_counter()
    await way()
    return time.perf_counter() - began


async def through_every_layer(folder: Path) -> dict[str, object]:
    """Calls of the tool `python`, one house after another."""
    found: dict[str, object] = {}
    for number, (name, settings) in enumerate(houses(folder).items()):
        async with open_house(settings, folder / f"data-{number}") as house:
            found[name] = await beside(caller(house, "python", {"code": PROGRAM}))
    return found


async def first_call(runtime: WasmRuntime, interpreter: Interpreter, tenant: str) -> float:
    """Seconds that the first program of *tenant* takes, when the tenant before came a moment ago."""
    for _ in range(500):
        if runtime.spare_pids:
            break
        await asyncio.sleep(0.01)
    return await run(interpreter, PROGRAM, tenant)


def millis(seconds: list[float]) -> dict[str, float]:
    """The middle and the ends of *seconds*, as milliseconds."""
    ordered = sorted(one * 1e3 for one in seconds)
    return {"min": round(ordered[0], 1), "p50": round(ordered[len(ordered) // 2], 1), "max": round(ordered[-1], 1)}


async def workers(interpreter: Interpreter) -> dict[str, float]:
    """Calls a second of busy programs: on one worker, and on two at once."""
    for tenant in ("one", "two"):
        await run(interpreter, BUSY, tenant)
    single = min([await run(interpreter, BUSY) for _ in range(10)])
    began = time.perf_counter()
    for _ in range(10):
        await run(interpreter, BUSY)
    one = 10 / (time.perf_counter() - began)

    async def ten(tenant: str) -> None:
        for _ in range(10):
            await run(interpreter, BUSY, tenant)

    began = time.perf_counter()
    await asyncio.gather(ten("one"), ten("two"))
    two = 20 / (time.perf_counter() - began)
    return {"busy_call_ms": round(single * 1e3, 1), "ratio_two_workers": round(two / one, 2)}


async def measure() -> dict[str, object]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runtime = WasmRuntime({}.__getitem__, artifacts=folder / "native", bounds=PoolBounds(workers=4))
        stack.push_async_callback(runtime.close)
        interpreter = open_interpreter(stack, runtime, None, say=lambda text: print(text, file=sys.stderr))
        if isinstance(interpreter, Reason):
            return {"unavailable": interpreter.message}
        began = time.perf_counter()
        await interpreter.prepare()
        prepared = time.perf_counter() - began
        at_once = [await run(interpreter, PROGRAM, f"at-once-{number}") for number in range(3)]
        first = [await first_call(runtime, interpreter, f"new-{number}") for number in range(15)]
        return {
            "the runtime alone": await beside(lambda: run(interpreter, PROGRAM)),
            **await through_every_layer(folder),
            "first_call_of_a_tenant_ms": millis(first),
            "first_calls_of_tenants_at_once_ms": millis(at_once),
            "prepare_ms": round(prepared * 1e3, 1),
            "worker_pss_mb": pss(runtime.worker_pids[-1]),
            **await workers(interpreter),
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure()), indent=2))
