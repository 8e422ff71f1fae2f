"""What a call to a pooled MCP server over HTTP costs through Holdfast, every layer on, and through others. p50, ms.

    python -m bench.mcp_gateways [--rounds N] [--json] [--page FILE]

One echo tool on the SDK's low-level server, in a process of its own; every gateway is one too. The rows are taken in
turns by one client of the SDK, so that what it costs itself, and whatever else the machine does, falls on all alike.
What travels is what a gateway adds to the row without one.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import holdfast
from bench.mcp_contextforge import FOLDER, TOOL, contextforge
from bench.page import gateways

MODERN, LEGACY = "2026-07-28", "legacy"
ARGUMENTS: Mapping[str, Any] = {"text": "x" * 1_000}
WARM_UP = 20
ROOT = Path(__file__).resolve().parents[1]
HOUSE = """\
[server]
port = 0
allow_root = true
[audit]
durability = "{durability}"
[limits]
calls_per_minute = 10000000
burst = 10000000
[[upstreams]]
name = "echo"
url = "{url}"
effects = ["read_untrusted"]
"""
Call = Callable[[], Awaitable[object]]


@contextmanager
def process(command: list[str], **options: Any) -> Generator[str]:
    """Run *command* until the block ends; answers its first line."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, **options)
    try:
        assert child.stdout is not None
        yield child.stdout.readline().strip()
    finally:
        child.terminate()
        child.wait()


def echo(ttl_ms: int) -> "contextlib.AbstractContextManager[str]":
    """The upstream, whose list may be believed for *ttl_ms*."""
    return process([sys.executable, "-m", "bench.echo_upstream", "http", str(ttl_ms)])


@contextmanager
def house(url: str, durability: str, folder: Path) -> Generator[tuple[str, str]]:
    """`holdfast serve` in front of *url*: its URL, and a token."""
    folder.mkdir()
    config = folder / "holdfast.toml"
    config.write_text(HOUSE.format(url=url, durability=durability), encoding="utf-8")
    where = ["--data-dir", str(folder / "data"), "--config", str(config)]
    given = os.environ | {"PYTHONPATH": str(Path(holdfast.__file__).parents[1])}
    program = [sys.executable, "-m", "holdfast"]
    with process([*program, "serve", *where], env=given) as said:
        for verb in (["upstreams", "approve", "echo"], ["token", "issue", "--sub", "bench", "--format", "json"]):
            done = subprocess.run([*program, *verb, *where[:2]], env=given, capture_output=True, text=True, check=True)
        yield f"{said.rpartition(' ')[2]}/mcp", json.loads(done.stdout)["token"]


@asynccontextmanager
async def client(url: str, mode: str, headers: Mapping[str, str]) -> AsyncGenerator[Client]:
    async with (
        httpx2.AsyncClient(timeout=30, trust_env=False, headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, cache=None) as one,
    ):
        yield one


class Rows:
    """The ways to call, and how long each took."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._calls: dict[str, Call] = {}
        self.times: dict[str, list[float]] = {}

    async def add(
        self, name: str, url: str, mode: str = MODERN, *, tool: str = "echo", headers: Mapping[str, str] | None = None
    ) -> None:
        one = await self._stack.enter_async_context(client(url, mode, headers or {}))
        await one.list_tools()

        async def call() -> None:
            answer = await one.call_tool(tool, dict(ARGUMENTS))
            assert not answer.is_error, answer

        self._calls[name] = call
        self.times[name] = []

    async def take(self, rounds: int) -> None:
        for number in range(WARM_UP + rounds):
            for name, call in self._calls.items():
                began = time.perf_counter()
                await call()
                if number >= WARM_UP:
                    self.times[name].append(time.perf_counter() - began)


async def measured(rounds: int) -> dict[str, list[float]]:
    """The times of every row, in seconds."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-bench-")))
        rows = Rows(stack)
        fresh, stale = stack.enter_context(echo(60_000)), stack.enter_context(echo(0))
        await rows.add("direct", fresh)
        await rows.add("direct, legacy", fresh, LEGACY)
        await rows.add("bare SDK proxy", stack.enter_context(process([sys.executable, "-m", "bench.mcp_proxy", fresh])))
        for name, url, durability in (
            ("holdfast", fresh, "process"),
            ("holdfast, power", fresh, "power"),
            ("holdfast, list of no age", stale, "process"),
        ):
            where, token = stack.enter_context(house(url, durability, folder / name.replace(" ", "-")))
            bearer = {"authorization": f"Bearer {token}"}
            await rows.add(name, where, tool="echo__echo", headers=bearer)
            if name == "holdfast":
                await rows.add("holdfast, legacy", where, LEGACY, tool="echo__echo", headers=bearer)
        if FOLDER.exists():
            for name, stateful in (("contextforge, legacy", False), ("contextforge, stateful, legacy", True)):
                where, token = await stack.enter_async_context(
                    contextforge(fresh, folder / name.replace(" ", "-"), stateful=stateful)
                )
                bearer = {"authorization": f"Bearer {token}"}
                await rows.add(name, where, LEGACY, tool=TOOL, headers=bearer)
        await rows.take(rounds)
        return rows.times


def told(times: Mapping[str, list[float]]) -> dict[str, dict[str, float]]:
    """p50, p95, and what is added to the direct call of the same era, in ms."""
    middle = {name: statistics.median(taken) * 1e3 for name, taken in times.items()}
    return {
        name: {
            "p50_ms": round(middle[name], 3),
            "p95_ms": round(sorted(taken)[int(len(taken) * 0.95)] * 1e3, 3),
            "added_ms": round(middle[name] - middle["direct, legacy" if name.endswith("legacy") else "direct"], 3),
        }
        for name, taken in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    found = told(asyncio.run(measured(given.rounds)))
    if given.page is not None:
        given.page.write_text(gateways(found, rounds=given.rounds), encoding="utf-8")
    if given.json:
        print(json.dumps(found))
        return
    for name, row in found.items():
        print(f"{name:34} p50 {row['p50_ms']:8.3f}   p95 {row['p95_ms']:8.3f}   added {row['added_ms']:8.3f} ms")


if __name__ == "__main__":
    main()
