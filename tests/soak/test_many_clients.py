"""64 MCP clients of one served house, while one of its servers is killed, one never answers and one sends 60 MB.

`HOLDFAST_SOAK_CALLS` is how many good calls each client makes: a few in CI, thousands by hand.
"""

import asyncio
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from ..conformance.processes import Started, started
from ..doors.server import Server, serving

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("soak"), pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
CLIENTS = 64
CALLS = int(os.environ.get("HOLDFAST_SOAK_CALLS", "4"))
FLOODS = 8
"""How many clients ask for 60 MB at once."""
ROOM_MB = 250
"""What the house may take more than when idle; eight answers of 60 MB would be 480, and twice that parsed."""
KINDS = ("good", "killed", "hung", "huge")
TOOLS = {"killed": "killed__echo", "hung": "hung__hang", "huge": "huge__flood"}
HOUSE = """
[policy]
profile = "autonomous"
[limits]
calls_per_minute = 10000000
burst = 100000
"""
UPSTREAM = """
[[upstreams]]
name = "{name}"
url = "http://127.0.0.1:{port}/mcp"
effects = []
timeout_ms = {timeout_ms}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Server, Started]]:
    """A house in front of four servers, and the one that will be killed."""
    home = tmp_path_factory.mktemp("soak")
    with contextlib.ExitStack() as stack:
        command = (sys.executable, "-m", "tests.soak.upstream")
        servers = {kind: stack.enter_context(started(command, home / kind, path=[ROOT])) for kind in KINDS}
        entries = [
            UPSTREAM.format(name=kind, port=one.port, timeout_ms=1_500 if kind == "hung" else 60_000)
            for kind, one in servers.items()
        ]
        house = stack.enter_context(serving(home / "house", HOUSE + "".join(entries)))
        for kind in KINDS:
            house.done("upstreams", "approve", kind)
        yield house, servers["killed"]


async def test_broken_servers_are_nobody_else_s_trouble_and_memory_is_bounded(world):
    house, killed = world
    token = house.token("soak")["token"]
    idle = resident_mb(house.pid)
    ends: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}

    async def client(number: int) -> None:
        bad = ("killed", "hung", "huge")[number % 3] if number < FLOODS * 3 else None
        async with connected(house.port, token) as one:
            if bad is not None:
                ends[bad][await ended(one, TOOLS[bad])] += 1
                if bad == "killed":
                    killed.process.kill()  # while others still call it
                    ends[bad][await ended(one, TOOLS[bad])] += 1
            for _ in range(CALLS):
                ends["good"][await ended(one, "good__echo")] += 1

    async with asyncio.TaskGroup() as clients:
        for number in range(CLIENTS):
            clients.create_task(client(number))

    assert ends["good"] == {"ok": CLIENTS * CALLS}
    assert set(ends["hung"]) == {"limits/wall-ms"}
    assert set(ends["huge"]) == {"limits/output-bytes"}
    assert set(ends["killed"]) - {"ok"} <= {"upstreams/closed", "upstreams/unreachable", "upstreams/resting"}
    assert ends["killed"].total() - ends["killed"]["ok"] >= FLOODS
    assert peak_mb(house.pid) - idle < ROOM_MB


async def test_the_house_answers_as_before_when_it_is_over(world):
    house, _ = world

    async with connected(house.port, house.token("after")["token"]) as one:
        assert await ended(one, "good__echo") == "ok"


@contextlib.asynccontextmanager
async def connected(port: int, token: str):
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(timeout=300, trust_env=False, headers=headers) as http,
        Client(
            streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http), mode="2026-07-28", cache=None
        ) as one,
    ):
        yield one


async def ended(client: Client, tool: str) -> str:
    """How one call ended: `ok`, or the code of the reason."""
    answer = await client.call_tool(tool, {"text": "x" * 100})
    told = (answer.meta or {})["dev.holdfast/result"]
    return told["reason"] or told["status"]


def resident_mb(pid: int) -> float:
    return _memory(pid, "VmRSS:")


def peak_mb(pid: int) -> float:
    return _memory(pid, "VmHWM:")


def _memory(pid: int, line: str) -> float:
    status = (Path("/proc") / str(pid) / "status").read_text()
    return int(status.partition(line)[2].split()[0]) / 1024
