"""A confined child is spoken to over pipes, and gets what its spec names and nothing else."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError
from holdfast.sandbox.children import SYSTEM_READABLE, ChildSpec, ConfinedChild, Endpoint, Launcher, Unavailable, probe
from holdfast.sandbox.children.tree import descendants

pytestmark = pytest.mark.anyio


@pytest.fixture
async def launcher() -> AsyncIterator[Launcher]:
    async with await Launcher.open() as one:
        yield one


def program(script: str, **changed: object) -> ChildSpec:
    fields = {"argv": ("/bin/sh", "-c", script), "cwd": "/usr"}
    return ChildSpec(**{**fields, **changed})


async def all_of(child: ConfinedChild) -> bytes:
    written = bytearray()
    while chunk := await child.receive(1 << 16):
        written += chunk
    return bytes(written)


async def test_every_probe_holds_on_both_threads(launcher: Launcher) -> None:
    found = await probe(launcher)

    assert not isinstance(found, Unavailable), found
    assert len(found) == 20
    assert {one.thread for one in found} == {"first thread", "second thread"}
    assert all(one.held for one in found)


async def test_a_child_answers_while_it_runs(launcher: Launcher) -> None:
    async with await launcher.launch(program("while read line; do echo got $line; done; echo end >&2")) as child:
        for word in (b"one", b"two"):
            await child.send(word + b"\n")
            assert await child.receive(100) == b"got " + word + b"\n"
        await child.end_input()

        assert await child.receive(100) == b""
        assert await child.receive_error(100) == b"end\n"
        assert (await child.wait()).code == 0


async def test_what_does_not_fit_into_the_pipe_waits(launcher: Launcher) -> None:
    data = bytes(range(256)) * 8192
    async with await launcher.launch(program("cat")) as child:
        sending = asyncio.ensure_future(child.send(data))
        received = bytearray()
        while len(received) < len(data):
            received += await child.receive(1 << 16)
        await sending

    assert received == data


async def test_nobody_reads_ahead_of_a_reader_that_waits(launcher: Launcher) -> None:
    async with await launcher.launch(program("yes | head -c 100000000")) as child:
        await child.receive(1)
        await asyncio.sleep(0.2)

        assert len(child._stdout.reader._buffer) <= 1 << 18


async def test_sending_to_one_that_is_gone_breaks(launcher: Launcher) -> None:
    async with await launcher.launch(program("exec true")) as child:
        await child.wait()
        with pytest.raises(BrokenPipeError):
            await child.send(b"x" * 10_000_000)


async def test_a_log_keeps_the_newest(launcher: Launcher) -> None:
    async with await launcher.launch(program("seq 1 100000 >&2; echo done"), keep_log_bytes=100) as child:
        assert await all_of(child) == b"done\n"
        await child.wait()
        while not child.log().endswith("100000\n"):  # noqa: ASYNC110 -- what the kernel still holds has no event
            await asyncio.sleep(0.01)

        assert len(child.log()) <= 100


async def test_closing_twice_is_nothing_and_waiting_still_answers(launcher: Launcher) -> None:
    child = await launcher.launch(program("exec sleep 1000"))

    await child.close()
    await child.close()

    ended = await child.wait()
    assert (ended.code, ended.killed) == (-1, True)


async def test_the_environment_is_exactly_what_is_named(launcher: Launcher) -> None:
    async with await launcher.launch(program("exec env", env={"A": "b c", "PATH": "/usr/bin:/bin"})) as child:
        lines = (await all_of(child)).decode().splitlines()

    assert set(lines) - {"PWD=/usr"} == {"A=b c", "PATH=/usr/bin:/bin"}


async def test_only_what_is_readable_is_read_and_nothing_is_written(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("aaa")
    (tmp_path / "b").write_text("bbb")
    script = f"cat {tmp_path}/a {tmp_path}/b; echo x > {tmp_path}/a; chmod 777 {tmp_path}/a; rm {tmp_path}/a"

    async with await launcher.launch(program(script, readable=(*SYSTEM_READABLE, str(tmp_path / "a")))) as child:
        said = await all_of(child)

    assert said == b"aaa"
    assert (tmp_path / "a").read_text() == "aaa"
    assert (tmp_path / "a").stat().st_mode & 0o777 != 0o777


async def test_a_named_endpoint_and_no_other_is_dialled(launcher: Launcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as granted, socket.create_server(("127.0.0.1", 0)) as other:
        first, second = granted.getsockname()[1], other.getsockname()[1]
        script = textwrap.dedent(f"""
            import socket
            for port in ({first}, {second}):
                try: socket.create_connection(("127.0.0.1", port), 5); print("reached", port == {first})
                except OSError: print("refused", port == {first})
        """)
        spec = ChildSpec(
            argv=("/usr/bin/python3", "-c", script), cwd="/usr", network=(Endpoint(address="127.0.0.1", port=first),)
        )
        async with await launcher.launch(spec) as child:
            said = await all_of(child)

    assert said == b"reached True\nrefused False\n"


async def test_what_cannot_be_confined_as_asked_is_not_started(launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(OperatorError):
        await launcher.launch(program("true", writable=(str(tmp_path / "missing"),)))
    with pytest.raises(OperatorError, match="over"):
        await launcher.launch(program("true", env={"A": "x" * 300_000}))


async def test_no_descriptor_is_left_behind(launcher: Launcher) -> None:
    async def once() -> None:
        async with await launcher.launch(program("echo x; exec sleep 1000")) as child:
            await child.receive(1)

    await once()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- a count
    for _ in range(10):
        await once()

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 -- a count


async def test_a_launcher_that_is_closed_starts_nothing() -> None:
    launcher = await Launcher.open()
    await launcher.close()
    await launcher.close()

    with pytest.raises(OperatorError):
        await launcher.launch(program("true"))


WITHOUT_MOUNTS = """
import asyncio, ctypes, os, struct, sys
from pathlib import Path
from holdfast.contracts.limits import SHELL
from holdfast.sandbox.children import Launcher
from holdfast.sandbox.shell import Shell

class Program(ctypes.Structure):
    _fields_ = [("n", ctypes.c_ushort), ("p", ctypes.c_void_p)]

code = b"".join(struct.pack("<HBBI", *one) for one in (
    (0x20, 0, 0, 0), (0x15, 0, 1, {unshare}), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7fff0000)))
kept = ctypes.create_string_buffer(code, len(code))
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.byref(Program(4, ctypes.addressof(kept))), 0, 0) == 0

async def main():
    async with await Launcher.open() as launcher:
        shell = Shell(launcher, Path(sys.argv[1]))
        script = sys.argv[2]
        outcome = await shell.run(("/bin/sh", "-c", script), cwd=".", wall_ms=60000, limits=SHELL)
        print(outcome.isolation)
        print(outcome)

asyncio.run(main())
"""


async def test_where_no_mount_namespace_can_be_had_more_is_denied(tmp_path: Path) -> None:
    """As in most containers. `unshare` is taken away from a server of its own."""
    if os.uname().machine != "x86_64":
        pytest.skip("the number of `unshare` is written for one processor")
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / ".git").mkdir(parents=True)
    (root / ".git" / "config").write_text("original")
    outside.write_text("x")
    outside.chmod(0o600)
    (root / "mine").write_text("x")
    script = f"""
        cat .git/config; echo x > .git/config; rm -rf .git; mv .git a
        chmod 777 {outside} mine; touch -d 2001-01-01 {outside}; echo x > {outside}
        echo new > made; cat made; echo x > .mcp.json
    """
    before = outside.stat()

    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", WITHOUT_MOUNTS.replace("{unshare}", "272"), str(root), script],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert "mounts" not in ran.stdout.splitlines()[0], ran
    assert "sandlock" in ran.stdout.splitlines()[0]
    assert "stdout': 'new\\n'" in ran.stdout
    assert (root / ".git" / "config").read_text() == "original"
    assert (outside.stat().st_mode, outside.stat().st_mtime, outside.read_text()) == (
        before.st_mode,
        before.st_mtime,
        "x",
    )
    assert not (root / ".mcp.json").exists()
    assert "not permitted" in ran.stdout


def test_the_server_does_not_load_sandlock() -> None:
    code = "import sys, holdfast.sandbox.shell, holdfast.sandbox.children; print('sandlock' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert ran.stdout == "False\n"


async def test_the_launching_process_knows_nothing_of_ours(launcher: Launcher) -> None:
    async with await launcher.launch(program("exec true")) as child:  # by then it has imported all it will
        await child.wait()
    process = Path(f"/proc/{launcher.pid}")

    assert (process / "environ").read_bytes() == b""
    assert (process / "cwd").readlink() == Path("/")
    # Its end of our socket, the two ends of its own wake-up, and nothing three times.
    kinds = sorted(path.readlink().name.partition(":")[0] for path in (process / "fd").iterdir())
    assert set(kinds) <= {"null", "socket"}


async def test_probes_that_did_not_run_prove_nothing(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.sandbox.children.probes._PROGRAM", "/dev/null")

    found = await probe(launcher)

    assert isinstance(found, Unavailable)


async def test_a_probe_that_got_through_makes_children_unavailable(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lie = tmp_path / "lie.py"
    lie.write_text(
        'for number in range(20): print(\'{"name": "read", "thread": "one", "held": \' + str(number > 0).lower() + "}")'
    )
    monkeypatch.setattr("holdfast.sandbox.children.probes._PROGRAM", str(lie))

    found = await probe(launcher)

    assert isinstance(found, Unavailable)
    assert "read" in found.reason
    assert len(found.probes) == 20


async def test_without_a_child_there_is_a_reason() -> None:
    launcher = await Launcher.open()
    await launcher.close()

    assert isinstance(await probe(launcher), Unavailable)


async def test_a_keeper_that_is_killed_takes_no_other_child_with_it(launcher: Launcher) -> None:
    async with await launcher.launch(program("exec cat")) as first:
        (keeper,) = descendants(launcher.pid, but=frozenset({first.pid}))
        async with await launcher.launch(program("exec cat")) as second:
            os.kill(keeper, signal.SIGKILL)
            await first.wait()
            async with asyncio.timeout(30):
                while alive(first.pid):  # noqa: ASYNC110 -- it has no event of ours
                    await asyncio.sleep(0.01)
            await second.send(b"still here")

            assert await second.receive(100) == b"still here"


LAUNCHING = """
import asyncio, sys
from holdfast.sandbox.children import ChildSpec, Launcher

async def main():
    launcher = await Launcher.open()
    spec = ChildSpec(argv=("/bin/sh", "-c", "setsid sleep 1000 & sleep 1000"), cwd="/usr")
    child = await launcher.launch(spec)
    print(child.pid, launcher.pid, flush=True)
    await child.wait()

asyncio.run(main())
"""


async def test_nothing_outlives_a_server_that_is_killed() -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", LAUNCHING, stdout=subprocess.PIPE)
    assert server.stdout is not None
    _child, launching = map(int, (await server.stdout.readline()).split())
    async with asyncio.timeout(30):
        while len(started := descendants(launching)) < 4:  # noqa: ASYNC110 -- keeper, shell, two sleepers
            await asyncio.sleep(0.01)

    server.kill()
    await server.wait()

    async with asyncio.timeout(30):
        while any(map(alive, (launching, *started))):  # noqa: ASYNC110 -- they have no event of ours
            await asyncio.sleep(0.01)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
    except OSError:
        return False
