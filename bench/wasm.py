"""Measures calls of WASM tools: in a confined worker, and unconfined in one process in the same run. Decides nothing.

`confined`: the whole way through `WasmRuntime.run`, process border and fresh instance included. `unconfined`: the same
module, a fresh store and instance a call, through wasmtime's own Python interface in this process.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import wasmtime
from wasmtime import _bindings, _ffi

from holdfast.contracts import (
    CallId,
    Completed,
    Digest,
    Limits,
    Principal,
    Scope,
    Session,
    SessionId,
    TenantId,
    ToolName,
    ToolSpec,
    Wasm,
)
from holdfast.contracts._mint import mint
from holdfast.contracts.limits import MIB
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.sandbox.wasm.settings import ENGINE

ROUNDS = 2000
ARGUMENTS = {"text": "the quick brown fox\njumps over the lazy dog\n"}
LIMITS = Limits(fuel=100_000_000, memory_bytes=32 * MIB, wall_ms=10_000, output_bytes=102_400, host_calls=0)
ROOT = Path(__file__).parents[1]
CORE = (ROOT / "examples" / "tools" / "word_count_wat" / "word_count.wat").read_text(encoding="utf-8")
COMMAND = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 17)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 60000))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
    (i32.store (i32.const 4) (i32.load (i32.const 16)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"""


def micros(samples: list[float]) -> dict[str, float]:
    """The middle and the slow end of *samples* in seconds, in microseconds."""
    ordered = sorted(samples)
    return {
        "p50_us": round(statistics.median(ordered) * 1e6, 1),
        "p99_us": round(ordered[int(len(ordered) * 0.99)] * 1e6, 1),
    }


def in_process(wasm: bytes, abi: str) -> Callable[[], None]:
    """One call after another through wasmtime in this process, each on a fresh instance."""
    config = wasmtime.Config()
    for name, value in ENGINE:
        setattr(config, name, value)
    engine = wasmtime.Engine(config)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    before = linker.instantiate_pre(wasmtime.Module(engine, wasm))
    arguments = json.dumps(ARGUMENTS).encode()

    def once() -> None:
        store = wasmtime.Store(engine)
        store.set_limits(memory_size=LIMITS.memory_bytes, memories=1)
        store.set_fuel(LIMITS.fuel)
        store.set_epoch_deadline(1000)
        if abi == "wasi-command":
            wasi = wasmtime.WasiConfig()
            wasi.argv = ["tool"]
            _bindings.wasi_config_set_stdin_bytes(wasi.ptr(), _ffi.bytes_to_capi(arguments))
            wasi.stdout_custom = bytearray().extend
            store.set_wasi(wasi)
        exports = before.instantiate(store).exports(store)
        if abi == "wasi-command":
            exports["_start"](store)
        else:
            at = exports["alloc"](store, len(arguments))
            exports["memory"].write(store, arguments, at)
            packed = exports["run"](store, at, len(arguments))
            exports["memory"].read(store, packed >> 32, (packed >> 32) + (packed & 0xFFFFFFFF))
        store.close()

    return once


def timed(once) -> list[float]:
    for _ in range(200):
        once()
    samples = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        once()
        samples.append(time.perf_counter() - began)
    return samples


def authorized(spec: ToolSpec):
    return mint(
        {
            "call_id": CallId("bench"),
            "spec": spec,
            "arguments": ARGUMENTS,
            "principal": Principal(subject="bench", tenant=TenantId("bench"), scopes=frozenset({Scope.CALL})),
            "session": Session(id=SessionId("s"), principal="bench", tenant=TenantId("bench"), labels=frozenset()),
            "limits": spec.limits,
        }
    )


async def confined(runtime: WasmRuntime, spec: ToolSpec) -> dict[str, float]:
    """Calls through the runtime, and what its worker costs."""
    call = authorized(spec)
    began = time.perf_counter()
    await runtime.prepare(spec.runtime.module)
    prepared = time.perf_counter()
    assert isinstance(await runtime.run(call), Completed)
    ready = time.perf_counter()
    samples = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        outcome = await runtime.run(call)
        samples.append(time.perf_counter() - start)
        assert isinstance(outcome, Completed)
    return {
        **micros(samples),
        "prepare_ms": round((prepared - began) * 1e3, 1),
        "ready_ms": round((ready - prepared) * 1e3, 1),
        "worker_pss_mb": pss(runtime.worker_pids[-1]),
    }


def pss(pid: int) -> float | None:
    """Proportional memory of *pid* in megabytes; None where we may not look."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return None
    return next(int(line.split()[1]) / 1000 for line in text.splitlines() if line.startswith("Pss:"))


async def measure() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        modules: dict[Digest, bytes] = {}
        runtime = WasmRuntime(modules.__getitem__, artifacts=Path(folder) / "native")
        for abi, text in (("core-json", CORE), ("wasi-command", COMMAND)):
            wasm = await runtime.assemble(text)
            digest = Digest.of(wasm)
            modules[digest] = wasm
            spec = ToolSpec(
                name=ToolName("bench"),
                description="bench",
                input_schema={"type": "object"},
                effects=frozenset(),
                runtime=Wasm(module=digest, abi=abi),
                limits=LIMITS,
            )
            plain = micros(timed(in_process(wasm, abi)))
            walled = await confined(runtime, spec)
            found[abi] = {
                "unconfined": plain,
                "confined": walled,
                "ratio_p50": round(walled["p50_us"] / plain["p50_us"], 2),
            }
        await runtime.close()
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure()), indent=2))
