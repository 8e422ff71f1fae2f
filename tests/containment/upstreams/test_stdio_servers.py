"""A hostile stdio server, as an entry of the configuration, in a real house: what its entry grants is all there is."""

import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from holdfast.contracts import CallId, HoldfastError, OperatorError, Status, ToolCall, ToolName
from holdfast.server.config import Settings
from holdfast.server.house import House, open_house
from holdfast.server.principals import OPERATOR
from holdfast.server.upstream_settings import UpstreamGrants, UpstreamSettings
from holdfast.server.verbs.calls import new_call_id

from ...doors.watching import until

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("upstreams-alone")]

PROBER = Path(__file__).parent / "prober.py"
CANARY = "canary-4d1f"


def entry(*kind: str, **grants: object) -> UpstreamSettings:
    return UpstreamSettings(
        name="probe",
        command=(sys.executable, str(PROBER), *kind),
        effects=(),
        grants=UpstreamGrants(**grants),
    )


class Prober:
    """One server behind the fence, and a way to have it try things."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def tries(self, what: str, at: object = "") -> str:
        call = ToolCall(id=CallId(new_call_id()), tool=ToolName("probe__try"), arguments={"what": what, "at": str(at)})
        result = await self.house.dispatcher.execute(call, OPERATOR)
        assert result.status is Status.OK, result.reason
        return result.content[0].text


@asynccontextmanager
async def behind(folder: Path, *kind: str, **grants: object) -> AsyncIterator[Prober]:
    async with open_house(Settings(upstreams=(entry(*kind, **grants),)), folder / "data") as house:
        await house.upstreams.approve("probe", ())
        yield Prober(house)


@pytest.fixture
async def prober(tmp_path: Path) -> AsyncIterator[Prober]:
    """With no grant at all."""
    async with behind(tmp_path) as one:
        yield one


async def test_it_reads_and_writes_nothing_that_it_was_not_granted(prober: Prober, tmp_path: Path):
    (tmp_path / "private").write_text("x")
    homes = [Path.home(), Path.home() / ".ssh", Path("/home"), Path("/root")]
    for path in (
        "/etc/passwd",
        "/etc/shadow",
        "/etc/group",
        tmp_path / "private",
        Path(__file__),
        "/proc/1/environ",
    ):
        assert (await prober.tries("read", path)).startswith("refused"), path
    for path in (*homes, tmp_path, "/", "/etc", "/tmp", PROBER.parent):
        assert (await prober.tries("list", path)).startswith("refused"), path
    for path in (
        "/tmp/x-probe",
        "/var/tmp/x-probe",
        "/dev/shm/x-probe",
        Path.home() / "x-probe",
        PROBER,
        "/usr/x-probe",
    ):
        assert (await prober.tries("write", path)).startswith("refused"), path
    assert await prober.tries("read", PROBER) == f"read {PROBER.stat().st_size}"


async def test_its_environment_is_what_its_entry_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOLDFAST_TEST_CANARY", CANARY)
    async with behind(tmp_path, env={"GREETING": "hello"}) as prober:
        seen = json.loads(await prober.tries("env"))
        others = await prober.tries("run", "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'")
    assert {name: value for name, value in seen.items() if name not in {"LC_CTYPE", "PWD"}} == {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GREETING": "hello",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    assert CANARY not in others


async def test_it_reaches_the_one_place_it_was_granted_and_nobody_else(tmp_path: Path):
    with (
        socket.create_server(("127.0.0.1", 0)) as granted,
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        unix.bind(str(tmp_path / "socket"))
        unix.listen()
        place, elsewhere = (f"127.0.0.1:{one.getsockname()[1]}" for one in (granted, other))
        async with behind(tmp_path, network=(place,)) as prober:
            assert await prober.tries("tcp", place) == "connected"
            for what, at in (
                ("tcp", elsewhere),
                ("udp", place),
                ("udp", elsewhere),
                ("tcp", "192.0.2.1:80"),
                ("tcp", "169.254.169.254:80"),
                ("udp", "192.0.2.1:53"),
                ("unix", tmp_path / "socket"),
                ("name", "example.com"),
                ("listen", ""),
            ):
                assert (await prober.tries(what, at)).startswith("refused"), (what, at)


async def test_without_a_grant_it_reaches_nobody(prober: Prober):
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert (await prober.tries("tcp", f"127.0.0.1:{server.getsockname()[1]}")).startswith("refused")


async def test_it_sees_and_signals_no_process_but_its_own(prober: Prober):
    assert (await prober.tries("signal", os.getpid())).startswith("refused")
    assert (await prober.tries("signal", 1)).startswith("refused")
    assert str(os.getpid()) not in json.loads(await prober.tries("processes"))


async def test_what_it_starts_has_no_more_than_it_has(prober: Prober, tmp_path: Path):
    (tmp_path / "private").write_text(CANARY)
    assert await prober.tries("run", f"cat {tmp_path}/private /etc/passwd; id -u; echo end") in {"end", "0\nend"}


def running(marker: str) -> list[str]:
    """The processes that have *marker* among their words."""
    found = []
    for one in Path("/proc").iterdir():
        if one.name.isdecimal():
            try:
                words = (one / "cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in words:
                found.append(one.name)
    return found


async def test_what_left_its_session_and_hears_no_signal_ends_with_it(tmp_path: Path):
    marker = f"{os.getpid()}1"
    async with behind(tmp_path, "stays") as prober:
        assert await prober.tries("runaway", marker) == "runs"
        assert running(f"60.{marker}")
    until(lambda: not running(f"60.{marker}"), "the runaway is gone")
    until(lambda: not running(str(PROBER)), "the server is gone")


async def test_removing_a_server_ends_what_it_started_too(tmp_path: Path):
    marker = f"{os.getpid()}2"
    async with behind(tmp_path, "stays") as prober:
        assert await prober.tries("runaway", marker) == "runs"
        await prober.house.upstreams.remove("probe")
        until(lambda: not running(f"60.{marker}"), "the runaway is gone")


async def test_a_server_that_writes_garbage_harms_nobody(tmp_path: Path):
    settings = Settings(upstreams=(entry("noise"), entry().model_copy(update={"name": "fine"})))
    async with open_house(settings, tmp_path / "data") as house:
        await house.upstreams.approve("fine", ())
        call = ToolCall(id=CallId(new_call_id()), tool=ToolName("fine__try"), arguments={"what": "list", "at": "/usr"})
        assert (await house.dispatcher.execute(call, OPERATOR)).status is Status.OK


async def test_a_granted_folder_is_read_or_written_as_it_was_granted(tmp_path: Path):
    reads, writes, outside = (tmp_path / name for name in ("reads", "writes", "outside"))
    for folder in (reads, writes, outside):
        folder.mkdir()
        (folder / "a").write_text("a")
    (writes / "way-out").symlink_to(outside / "a")
    async with behind(tmp_path, read=(reads,), write=(writes,)) as prober:
        assert await prober.tries("read", reads / "a") == "read 1"
        assert (await prober.tries("write", reads / "a")).startswith("refused")
        assert await prober.tries("write", writes / "b") == "wrote"
        for path in (writes / "way-out", writes / ".." / "outside" / "a", outside / "a"):
            assert (await prober.tries("read", path)).startswith("refused"), path
        assert (await prober.tries("write", writes / ".mcp.json")).startswith("refused")
    assert (outside / "a").read_text() == "a"


@pytest.mark.parametrize(
    ("grants", "said"),
    [
        ({"network": ("example.com:443",)}, "IP addresses"),
        ({"network": ("127.0.0.1",)}, "ip:port"),
        ({"network": ("127.0.0.1:0",)}, "port"),
        ({"network": ("10.0.0.0/8:80",)}, "IP addresses"),
        ({"write": ("/no/such/folder",)}, "/no/such/folder"),
        ({"read": ("/no/such/folder",)}, "/no/such/folder"),
        ({"env": {"A": "x\0y"}}, "NUL"),
        ({"env": {"A=B": "x"}}, "`env`"),
    ],
)
async def test_a_grant_that_cannot_be_enforced_is_refused(tmp_path: Path, grants: dict[str, object], said: str):
    settings = entry(**grants)
    async with open_house(Settings(), tmp_path / "data") as house:
        with pytest.raises(HoldfastError, match=said):
            await house.upstreams.add(settings)
        assert not running(str(PROBER))


async def test_the_state_of_the_house_is_neither_read_nor_written(tmp_path: Path):
    async with open_house(Settings(), tmp_path / "data") as house:
        for grants in ({"read": (tmp_path,)}, {"read": (tmp_path / "data" / "keys",)}, {"write": (tmp_path,)}):
            with pytest.raises(OperatorError, match="overlap"):
                await house.upstreams.add(entry(**grants))


async def test_a_folder_with_a_listener_in_it_is_not_granted(tmp_path: Path):
    (tmp_path / "shared").mkdir()
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "shared" / "socket"))
        async with open_house(Settings(), tmp_path / "data") as house:
            with pytest.raises(OperatorError):
                await house.upstreams.add(entry(write=(tmp_path / "shared",)))
