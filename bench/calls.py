"""One call through every layer, by kind: p50 and p99 of echo, a WASI command and an MCP tool.

`python -m bench.calls [--calls N] [--json]`. The record is written with both durabilities; ratios travel, times do not.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from holdfast.contracts import Digest, Json, ToolCall, ToolName
from holdfast.server.config import AuditSettings, LimitSettings, Settings
from holdfast.server.house import House, open_house
from holdfast.server.inspecting import assemble_module
from holdfast.server.principals import OPERATOR, acting_as
from holdfast.server.upstream_settings import UpstreamGrants, UpstreamSettings
from holdfast.server.verbs.calls import new_call_id

ECHO_WASI = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 65536))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))))"""
"""Answers with its arguments: a JSON object in, the same out."""

MANIFEST = """[tool]
name = "wasi_echo"
version = "1.0.0"
description = "Answers with its arguments"
abi = "wasi-command"
module = "echo.wasm"
digest = "{digest}"
effects = []
[tool.input_schema]
type = "object"
"""

WHO = acting_as("bench")
ROOT = Path(__file__).resolve().parents[1]
TEXT = "A line of ordinary text, of which there are some.\n" * 20


def measured(times: list[float]) -> dict[str, float]:
    times = sorted(times)
    return {
        "p50_us": round(statistics.median(times) * 1e6, 1),
        "p99_us": round(times[int(len(times) * 0.99)] * 1e6, 1),
    }


async def timed(count: int, call: Callable[[], Awaitable[object]]) -> dict[str, float]:
    for _ in range(10):
        await call()
    times: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        await call()
        times.append(time.perf_counter() - began)
    return measured(times)


def caller(house: House, tool: str, arguments: dict[str, Json]) -> Callable[[], Awaitable[object]]:
    async def call() -> object:
        wanted = ToolCall(id=new_call_id(), tool=ToolName(tool), arguments=arguments)
        result = await house.dispatcher.execute(wanted, WHO)
        if result.status.value != "ok":
            raise SystemExit(f"{tool}: {result.reason}")
        return result

    return call


def pss_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


async def run(count: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for durability in ("process", "power"):
        with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
            settings = Settings(
                audit=AuditSettings(durability=durability),  # type: ignore[arg-type]
                limits=LimitSettings(calls_per_minute=10_000_000, burst=10_000_000),
                upstreams=(
                    UpstreamSettings(
                        name="lengths",
                        command=(sys.executable, "-m", "holdfast.server.mcp.sample_server"),
                        effects=(),
                        grants=UpstreamGrants(read=(ROOT,)),
                    ),
                ),
            )
            began = time.perf_counter()
            async with open_house(settings, Path(folder)) as house:
                found[f"{durability}: open the house, s"] = round(time.perf_counter() - began, 2)
                module = await assemble_module(ECHO_WASI)
                await house.registrar.register(MANIFEST.format(digest=Digest.of(module)), module, OPERATOR)
                await house.registrar.approve(ToolName("wasi_echo"), OPERATOR)
                await house.upstreams.approve("lengths", ())
                arguments: dict[str, Json] = {"text": TEXT}
                found[f"{durability}: echo, 1 KB"] = await timed(count, caller(house, "echo", arguments))
                found[f"{durability}: wasi-command, 1 KB"] = await timed(count, caller(house, "wasi_echo", arguments))
                length: dict[str, Json] = {"value": 1, "unit": "mile", "into": "foot"}
                found[f"{durability}: MCP over stdio"] = await timed(count, caller(house, "lengths__convert", length))
                pids = house.worker_pids()
                found["WASM worker PSS, KB"] = [pss_kb(pid) for pid in pids]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = asyncio.run(run(given.calls))
    if given.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:<36} {value}")


if __name__ == "__main__":
    main()
