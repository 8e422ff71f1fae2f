"""A command has no environment, descriptor, network, privilege or neighbour of ours."""

import os
import socket
import threading
from pathlib import Path

import pytest

from holdfast.contracts import Completed, Refusal

from .conftest import Place

pytestmark = pytest.mark.anyio


def mode_of_env() -> int:
    return Path("/usr/bin/env").stat().st_mode


CANARY = "canary-7f3a"


async def test_the_environment_is_five_names(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_SECRET", CANARY)

    lines = (await place.output("exec env")).splitlines()

    assert {line.partition("=")[0] for line in lines} <= {
        "PATH",
        "LANG",
        "HOME",
        "TMPDIR",
        "PWD",
        "GIT_CONFIG_NOSYSTEM",
    }
    assert "canary" not in "".join(lines)


async def test_no_descriptor_of_ours_is_open(place: Place) -> None:
    with (place.outside / "secret").open() as held:
        os.set_inheritable(held.fileno(), True)
        said = await place.output("ls -l /proc/self/fd")

    assert "canary" not in said
    assert "socket:" not in said
    assert "outside" not in said


async def test_no_privilege_is_left(place: Place) -> None:
    said = await place.output("grep -E 'Cap(Prm|Eff|Inh|Amb)|NoNewPrivs|Seccomp:' /proc/self/status")

    facts = dict(line.split(":\t") for line in said.splitlines())
    assert {facts[name] for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {"0" * 16}
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")


async def test_the_layers_that_were_applied_are_told(place: Place) -> None:
    outcome = await place.run("true")

    assert {"landlock", "seccomp", "sandlock"} <= set(outcome.isolation)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
async def test_root_becomes_the_owner_of_the_workspace(place: Place) -> None:
    for path in (place.root, *place.root.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    for path in place.root.parents:
        if path.stat().st_mode & 0o001 == 0:
            path.chmod(path.stat().st_mode | 0o011)

    outcome = await place.run("id -u; echo x > made; cat .git/config; echo x > .git/config")

    assert outcome.structured["stdout"] == "65534\noriginal"
    assert "unprivileged" in outcome.isolation
    assert (place.root / "made").stat().st_uid == 65534
    assert (place.root / ".git" / "config").read_text() == "original"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root owns the system's programs")
async def test_root_without_privileges_cannot_mark_a_program_of_the_system(place: Place) -> None:
    before = mode_of_env()

    await place.run("python3 -c 'import os; os.fchmod(os.open(\"/usr/bin/env\", 0), 0o4755)'; chmod 4755 /usr/bin/env")

    assert mode_of_env() == before


@pytest.mark.parametrize("kind", ["socket.AF_INET, socket.SOCK_STREAM", "socket.AF_INET, socket.SOCK_DGRAM"])
async def test_no_network_not_even_to_this_machine(place: Place, kind: str) -> None:
    with socket.socket() as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        datagrams.bind(("127.0.0.1", listener.getsockname()[1]))
        datagrams.setblocking(False)
        port = listener.getsockname()[1]

        said = await place.output(
            f"python3 -c 'import socket; s = socket.socket({kind}); "
            f's.connect(("127.0.0.1", {port})); s.send(b"x"); print("out")\''
        )

        assert "out\n" not in said
        with pytest.raises(BlockingIOError):
            datagrams.recv(1)


@pytest.mark.parametrize(
    "family", ["AF_NETLINK, 3, 0", "AF_PACKET, 3, 0", "AF_INET, 3, 1", "AF_VSOCK, 1, 0", "AF_ALG, 5, 0"]
)
async def test_sockets_of_odd_kinds_reach_nothing(place: Place, family: str) -> None:
    said = await place.output(
        f"python3 -c 'import socket; s = socket.socket(socket.{family.replace(', ', ', ', 1)}); print(s.getsockname())'"
    )

    # sandlock hands out a netlink of its own making, which knows the loopback interface and nothing else.
    assert "Error" in said or "AF_NETLINK" in family


async def test_no_unix_socket_outside_is_reached(place: Place) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as abstract:
        listener.bind(str(place.outside / "s"))
        listener.listen()
        abstract.bind(f"\0holdfast-test-{os.getpid()}")
        abstract.listen()
        script = "import socket, sys; socket.socket(socket.AF_UNIX).connect({}); print('connec' + 'ted')"

        for address in (repr(str(place.outside / "s")), f"'\\0holdfast-test-{os.getpid()}'"):
            (place.root / "try.py").write_text(script.format(address))
            assert "connected" not in await place.output("python3 try.py")


async def test_other_processes_are_neither_seen_nor_touched(place: Place) -> None:
    ours = os.getpid()
    before = os.sched_getaffinity(ours), os.getpriority(os.PRIO_PROCESS, ours)
    script = f"""
import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
def call(answer):
    if answer < 0: raise OSError(ctypes.get_errno(), "")
for name, attempt in dict(
    kill=lambda: os.kill({ours}, 0), trace=lambda: call(libc.ptrace(0x4206, {ours}, 0, 0)),
    limit=lambda: resource.prlimit({ours}, resource.RLIMIT_NOFILE, (1, 1)),
    cores=lambda: os.sched_setaffinity({ours}, [0]), nice=lambda: os.setpriority(0, {ours}, 19),
    batch=lambda: os.sched_setscheduler({ours}, os.SCHED_IDLE, os.sched_param(0)),
    idle=lambda: call(libc.syscall(251, 1, {ours}, 3 << 13)),
    environ=lambda: open("/proc/{ours}/environ").read(), status=lambda: open("/proc/{ours}/status").read(),
    memory=lambda: open("/proc/{ours}/mem").read(), namespace=lambda: call(libc.unshare(0x10000000)),
).items():
    try: attempt()
    except OSError: continue
    print("got through:", name)
print(sorted(int(one) for one in os.listdir("/proc") if one.isdecimal()))
"""
    (place.root / "try.py").write_text(script)

    said = await place.output("python3 try.py")

    assert "got through" not in said
    assert str(ours) not in said.splitlines()[-1]
    assert (os.sched_getaffinity(ours), os.getpriority(os.PRIO_PROCESS, ours)) == before


@pytest.mark.parametrize("cwd", ["..", "/", "/etc", "sub/../..", "out", "a\0b"])
async def test_no_command_starts_outside_the_workspace(place: Place, cwd: str) -> None:
    with pytest.raises(Refusal) as refused:
        await place.run("pwd", cwd=cwd)

    assert refused.value.reason.code == "shell/cwd-outside-workspace"


async def test_a_command_starts_in_the_folder_asked_for(place: Place) -> None:
    outcome = await place.argv("/bin/pwd", cwd="sub")

    assert outcome.structured["stdout"].strip() == str(place.root / "sub")


async def test_an_argument_is_passed_on_exactly(place: Place) -> None:
    words = ("$(touch pwned)", "; touch pwned", "a b", "", "*", "`id`", "ünïcödé", "line\nbreak", "--")

    outcome = await place.argv("/usr/bin/printf", "[%s]", *words)

    assert outcome.structured["stdout"] == "".join(f"[{word}]" for word in words)
    assert not (place.root / "pwned").exists()


async def test_a_program_that_is_not_there_is_an_error_of_the_command(place: Place) -> None:
    outcome = await place.argv("no-such-program")

    assert isinstance(outcome, Completed)
    assert outcome.is_error


async def test_commands_run_side_by_side(place: Place) -> None:
    import asyncio

    answers = await asyncio.gather(*(place.output(f"echo {number}; touch made-{number}") for number in range(8)))

    assert answers == [f"{number}\n" for number in range(8)]
    assert threading.active_count() < 64
