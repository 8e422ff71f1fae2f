"""`[[upstreams]]`: each limit of an entry holds for that server, and for no other."""

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError, TenantId
from holdfast.server.config import load_settings
from holdfast.server.principals import acting_as

from .world import Loopback, McpOverHttp, World, code, listening, opened, said

pytestmark = pytest.mark.anyio

COMMAND = json.dumps([str(Path(sys.executable).resolve()), str(Path(__file__).with_name("stdio_server.py").resolve())])
KEYS = {
    "plain": "",
    "hasty": "timeout_ms = 400",
    "patient": "timeout_ms = 60_000",
    "opening": "connect_ms = 5_000",
    "small": f"memory_bytes = {128 << 20}",
    "terse": "output_bytes = 1024",
    "single": "max_tenants = 1",
    "many": "",
    "idle": "idle_ms = 100",
}


class Counting(McpOverHttp):
    """Counts the calls it works on at a time; each waits for the gate."""

    lock = threading.Lock()
    now = 0
    peak = 0
    arrived = threading.Semaphore(0)

    def do_POST(self) -> None:  # noqa: N802 -- the library's name
        if b'"tools/call"' not in self.rfile.peek():
            super().do_POST()
            return
        kind = type(self)
        with kind.lock:
            kind.now += 1
            kind.peak = max(kind.peak, kind.now)
        kind.arrived.release()
        self.server.gate.wait(30)
        with kind.lock:
            kind.now -= 1
        super().do_POST()


class Gated(McpOverHttp):
    """Answers nothing before the gate is open."""

    def do_POST(self) -> None:  # noqa: N802 -- the library's name
        self.server.gate.wait(30)
        with suppress(OSError):  # whoever asked has gone
            super().do_POST()


def entry(name: str, keys: str) -> str:
    return f'[[upstreams]]\nname = "{name}"\ncommand = {COMMAND}\neffects = []\n{keys}\n'


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    text = "".join(entry(name, keys) for name, keys in KEYS.items())
    async with opened(tmp_path_factory.mktemp("limits"), text) as house:
        for name in KEYS:
            await house.house.upstreams.approve(name, ())
        yield house


async def test_timeout_ms_stops_a_call_that_takes_longer(world: World) -> None:
    assert code(await world.call("hasty__wait", {"text": "20"})) == "limits/wall-ms"
    assert code(await world.call("plain__wait", {"text": "0.5"})) == "ok"


async def test_timeout_ms_may_be_longer_than_what_others_have(tmp_path: Path) -> None:
    text = "[limits]\nupstream_wall_ms = 400\n" + entry("plain", "") + entry("patient", KEYS["patient"])
    async with opened(tmp_path, text) as house:
        for name in ("plain", "patient"):
            await house.house.upstreams.approve(name, ())

        assert code(await house.call("patient__wait", {"text": "1"})) == "ok"
        assert code(await house.call("plain__wait", {"text": "20"})) == "limits/wall-ms"


async def test_connect_ms_is_how_long_a_server_may_take_to_get_ready(tmp_path: Path) -> None:
    with listening(Gated) as server:
        server.gate.clear()
        text = f'[[upstreams]]\nname = "slow"\nurl = "http://127.0.0.1:{server.port}/mcp"\nconnect_ms = 300\n'
        async with opened(tmp_path, text) as house:
            (status,) = house.house.upstreams.status()
            assert status.fault is not None
            assert "in time" in status.fault
            server.gate.set()
            await house.house.upstreams.diff("slow")
            await house.house.upstreams.approve("slow", ())
            assert said(await house.call("slow__where", {})) == "reached over http"


async def test_connect_ms_ends_no_call(tmp_path: Path) -> None:
    async with opened(tmp_path, entry("opening", "connect_ms = 2_000")) as house:
        await house.house.upstreams.approve("opening", ())

        assert code(await house.call("opening__wait", {"text": "2.5"})) == "ok"


async def test_memory_bytes_end_a_server_that_takes_more(world: World) -> None:
    wanted = {"text": str(256 << 20)}

    assert said(await world.call("plain__fill", wanted)) == f"filled {256 << 20}"
    assert "filled" not in said(await world.call("small__fill", wanted))


async def test_output_bytes_cut_what_the_model_reads_of_it(world: World) -> None:
    cut = await world.call("terse__say", {"text": "5000"})
    whole = await world.call("plain__say", {"text": "5000"})

    assert cut.output.count("y") < 1200
    assert whole.output.count("y") >= 5000


@pytest.mark.parametrize(("keys", "most"), [("max_in_flight = 2", 2), ("", 4)])
async def test_max_in_flight_is_how_many_calls_reach_it_at_once(tmp_path: Path, keys: str, most: int) -> None:
    class Here(Counting):
        arrived = threading.Semaphore(0)

    with listening(Here) as server:
        text = f'[[upstreams]]\nname = "web"\nurl = "http://127.0.0.1:{server.port}/mcp"\neffects = []\n{keys}\n'
        async with opened(tmp_path, text) as house:
            await house.house.upstreams.approve("web", ())
            assert await peak(house, server, Here, most) == most


async def peak(house: World, server: Loopback, kind: type[Counting], most: int) -> int:
    """How many of four calls were with *server* at once; it holds them until *most* have come."""
    server.gate.clear()
    two = [replace(acting_as("agent"), tenant=TenantId(tenant)) for tenant in ("a", "b")]  # one has a share of them
    calls = [asyncio.create_task(house.call("web__where", {"n": n}, who=two[n % 2])) for n in range(4)]
    for _ in range(most):
        assert await asyncio.to_thread(kind.arrived.acquire, timeout=20)
    for _ in range(20):
        await house.call("echo", {"text": "time passes"})
    server.gate.set()
    assert [said(done) for done in await asyncio.gather(*calls)] == ["reached over http"] * 4
    return kind.peak


async def called_by(world: World, name: str, *tenants: str) -> int:
    """How many tenants *name* is connected for once *tenants* have called it."""
    for tenant in tenants:
        who = replace(acting_as("agent"), tenant=TenantId(tenant))
        assert code(await world.call(f"{name}__wait", {"text": "0"}, who=who)) == "ok"
    return connected(world, name)


def connected(world: World, name: str) -> int:
    return next(one.tenants for one in world.house.upstreams.status() if one.name == name)


async def test_max_tenants_is_how_many_are_connected_at_a_time(world: World) -> None:
    assert await called_by(world, "single", "a", "b", "c") == 1
    assert await called_by(world, "many", "a", "b", "c") == 3


async def test_idle_ms_ends_the_connection_of_a_tenant_that_calls_no_more(world: World) -> None:
    await called_by(world, "many", "a", "b", "c")
    await called_by(world, "idle", "a", "b", "c")

    async with asyncio.timeout(20):
        while connected(world, "idle") > 1:  # noqa: ASYNC110 -- a connection that ends tells nobody
            await asyncio.sleep(0.01)

    assert connected(world, "many") == 3


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ('command = ["x"]\ntimeout_ms = 1_800_001', "upstreams.0.timeout_ms"),
        ('command = ["x"]\nconnect_ms = 300_001', "upstreams.0.connect_ms"),
        ('command = ["x"]\nmemory_bytes = 2_147_483_649', "upstreams.0.memory_bytes"),
        ('command = ["x"]\noutput_bytes = 1_048_577', "upstreams.0.output_bytes"),
        ('command = ["x"]\nmax_in_flight = 0', "upstreams.0.max_in_flight"),
        ('command = ["x"]\nmax_tenants = 0', "upstreams.0.max_tenants"),
        ('command = ["x"]\nidle_ms = 0', "upstreams.0.idle_ms"),
        ('url = "https://a.example"\nmemory_bytes = 100_000_000', "`memory_bytes` limits a command"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(tmp_path: Path, keys: str, why: str) -> None:
    file = tmp_path / "holdfast.toml"
    file.write_text(f'[[upstreams]]\nname = "a"\n{keys}\n')

    with pytest.raises(OperatorError) as wrong:
        load_settings(file)

    assert why in wrong.value.message
