"""Ways to run what is not trusted, side by side in one run: `python -m bench.sandboxes [--rounds N] [--page FILE]`.

Each of ours is a call through the whole procedure: every layer, the record, a confined worker or child and a fresh
instance. Rows are taken in turns, so that what else the machine does falls on all. A ratio travels, a time does not.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.calls import MANIFEST, caller
from bench.others import PLUGIN, PROGRAM, SCRIPT, others
from bench.page import page, section_of
from bench.wasm import ARGUMENTS, COMMAND, CORE, pss
from holdfast.contracts import Digest, Json, Principal, TenantId, ToolCall, ToolName
from holdfast.server.config import LimitSettings, Settings, WorkspaceSettings
from holdfast.server.house import House, open_house
from holdfast.server.inspecting import assemble_module
from holdfast.server.principals import OPERATOR, acting_as
from holdfast.server.verbs.calls import new_call_id

BUSY = "x = 0\nfor n in range(400_000):\n    x += n"
"""At least 20 ms of work."""
SLOW = 1.0
"""Seconds from which a row is taken every twentieth round only."""
WORDS: dict[str, Json] = {**ARGUMENTS}


@dataclass(slots=True)
class Row:
    """One way, and how long it took, in seconds."""

    name: str
    run: Callable[[], Awaitable[object]]
    times: list[float] = field(default_factory=list)


def told(row: Row) -> dict[str, Json]:
    ordered = sorted(row.times)
    return {
        "p50_ms": round(statistics.median(ordered) * 1e3, 3),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)] * 1e3, 3),
    }


async def taken_in_turns(rows: list[Row], rounds: int) -> None:
    for row in rows:
        for _ in range(3):
            await row.run()
    for number in range(rounds):
        for row in rows:
            if row.times and row.times[-1] > SLOW and number % 20:
                continue
            began = time.perf_counter()
            await row.run()
            row.times.append(time.perf_counter() - began)


async def registered(house: House, abi: str, text: str) -> tuple[str, bytes]:
    """The module of *text*, approved under a name of its own."""
    name = abi.replace("-", "_")
    module = await assemble_module(text)
    manifest = MANIFEST.format(digest=Digest.of(module)).replace("wasi_echo", name).replace("wasi-command", abi)
    await house.registrar.register(manifest, module, OPERATOR)
    await house.registrar.approve(ToolName(name), OPERATOR)
    return name, module


async def ours(house: House) -> tuple[list[Row], dict[str, bytes]]:
    """Our tools, and the modules that others can run as well."""
    core, core_module = await registered(house, "core-json", CORE)
    command, command_module = await registered(house, "wasi-command", COMMAND)
    plugin, _ = await registered(house, "extism", PLUGIN)
    rows = [
        Row("core-json tool", caller(house, core, WORDS)),
        Row("wasi-command tool", caller(house, command, WORDS)),
        Row("extism tool", caller(house, plugin, WORDS)),
        Row("shell tool, `true`", caller(house, "shell", {"argv": ["/bin/true"]})),
    ]
    for language, code in (("python", PROGRAM), ("javascript", SCRIPT)):
        if house.registry.get(ToolName(language)) is not None:
            rows.append(Row(f"{language} tool", caller(house, language, {"code": code})))
    return rows, {"core-json": core_module, "wasi-command": command_module}


def tenant(name: str) -> Principal:
    """A caller of another tenant."""
    return replace(acting_as("bench"), tenant=TenantId(name))


async def first_calls(house: House) -> list[Json]:
    """What the first call of a new tenant takes, in milliseconds."""
    times: list[Json] = []
    for number in range(5):
        call = ToolCall(id=new_call_id(), tool=ToolName("python"), arguments={"code": PROGRAM})
        began = time.perf_counter()
        await house.dispatcher.execute(call, tenant(f"new-{number}"))
        times.append(round((time.perf_counter() - began) * 1e3, 1))
    return times


async def two_workers(house: House) -> dict[str, Json]:
    """Busy programs a second on two workers over on one."""

    async def busy(name: str, count: int) -> None:
        who = tenant(name)
        for _ in range(count):
            call = ToolCall(id=new_call_id(), tool=ToolName("python"), arguments={"code": BUSY})
            await house.dispatcher.execute(call, who)

    await asyncio.gather(busy("one", 1), busy("two", 1))
    began = time.perf_counter()
    await busy("one", 20)
    single = time.perf_counter() - began
    began = time.perf_counter()
    await asyncio.gather(busy("one", 20), busy("two", 20))
    both = time.perf_counter() - began
    return {"busy_call_ms": round(single / 20 * 1e3, 1), "two_workers_over_one": round(2 * single / both, 2)}


async def measure(rounds: int) -> dict[str, Json]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-bench-")))
        (folder / "workspace").mkdir()
        settings = Settings(
            limits=LimitSettings(calls_per_minute=10_000_000, burst=10_000_000),
            workspace=WorkspaceSettings(root=folder / "workspace"),
        )
        house = await stack.enter_async_context(open_house(settings, folder / "data"))
        rows, modules = await ours(house)
        foreign, absent = others(stack, folder, modules)
        rows += [Row(name, run) for name, run in foreign.items()]
        await taken_in_turns(rows, rounds)
        found: dict[str, Json] = {"rows": {row.name: told(row) for row in rows}, "absent": dict(absent)}
        if house.registry.get(ToolName("python")) is not None:
            found |= {"first_call_of_a_tenant_ms": await first_calls(house), **await two_workers(house)}
        found["worker_pss_mb"] = [pss(pid) for pid in house.worker_pids()]
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--page", type=Path, help="write the table there, as Markdown")
    given = parser.parse_args()
    found = asyncio.run(measure(given.rounds))
    if given.page is not None:
        kept = section_of(given.page.read_text(encoding="utf-8")) if given.page.exists() else ""
        given.page.write_text(page(found, rounds=given.rounds) + kept, encoding="utf-8")
    json.dump(found, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
