"""A shell that may run is still a shell in a cage: what it may not, it cannot."""

import json
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from .callers import Caller
from .server import CANARY, Server
from .watching import Listener, below, processes_with, until

pytestmark = pytest.mark.xdist_group("doors")


@pytest.fixture
def number() -> Iterator[str]:
    """Seconds to sleep that nobody else sleeps, by which a process is known; what sleeps them still is ended."""
    drawn = f"4{secrets.randbelow(10**9):09}"
    yield drawn
    for process in processes_with(drawn):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def test_it_sees_no_environment_of_the_server(server: Server, agent: Caller):
    answer = server.runs(agent, "env; cat /proc/*/environ; cat /proc/1/environ /proc/self/environ; ps -ef; :")

    names = {line.partition("=")[0] for line in answer.body["structured"]["stdout"].splitlines() if "=" in line}
    assert answer.body["status"] == "ok"
    assert CANARY not in answer.raw.decode()
    assert "DOORS_SECRET" not in names
    assert "PYTHONPATH" not in names


def test_it_reads_nothing_outside(server: Server, agent: Caller):
    outside = server.outside
    script = f"""
    cat {outside}/secret.txt; cat ../outside/secret.txt; ls {outside}; ls {server.data}; cat {server.data}/keys/*
    ln -s {outside} out-$$ && cat out-$$/secret.txt
    cat /proc/{server.pid}/environ /proc/{server.pid}/root{outside}/secret.txt
    ls /proc/{server.pid}/fd; cat /etc/shadow; cd {outside} && cat secret.txt; :"""

    answer = server.runs(agent, script)

    assert answer.body["status"] == "ok"
    assert CANARY not in answer.raw.decode()
    assert "secret.txt" not in answer.body["structured"]["stdout"]
    assert "root:" not in answer.body["structured"]["stdout"]


def test_it_writes_nothing_outside(server: Server, agent: Caller):
    marker = f"owned-{secrets.token_hex(6)}"
    places = [server.outside, server.data, server.home, "/tmp", "/var/tmp", "/dev/shm", "/usr/local/bin", "/etc"]
    script = "".join(f"echo x > {place}/{marker};" for place in places)
    script += (
        f"ln -s {server.outside} way-{marker}; echo x > way-{marker}/{marker}; echo x >> {server.outside}/secret.txt"
    )
    secret = f"{server.outside}/secret.txt"
    script += f"; rm -f {secret}; mv {secret} .; chmod 777 {secret}; :"

    assert server.runs(agent, script).body["status"] == "ok"

    assert not [place for place in places if (Path(place) / marker).exists()]
    assert (server.outside / "secret.txt").read_text() == CANARY
    assert (server.outside / "secret.txt").stat().st_mode & 0o777 != 0o777


def test_it_changes_nothing_of_a_repository_that_others_run(server: Server, agent: Caller):
    hooks = server.workspace / ".git" / "hooks"
    hooks.mkdir(parents=True, exist_ok=True)
    (server.workspace / ".git" / "config").write_text("original")
    script = """
    echo owned > .git/hooks/x; echo owned >> .git/config; mv .git/hooks .git/gone
    ln -s .git way; echo owned > way/hooks/y
    cp .git/config copied; ln .git/config hard && echo owned >> hard; rm -rf .git; mkdir -p .git/hooks/z
    (cd .git/hooks && echo owned > w); python3 -c 'open(".git/hooks/v", "w").write("owned")'; :"""

    answer = server.runs(agent, script)

    assert answer.body["status"] == "ok", answer.raw
    assert list(hooks.iterdir()) == []
    assert (server.workspace / ".git" / "config").read_text() == "original"
    (server.workspace / "way").unlink()


def test_it_changes_nothing_of_a_repository_in_a_folder_it_moves(server: Server, agent: Caller):
    """What is protected is the repository, not the way to it."""
    name = f"moved-{secrets.token_hex(4)}"
    repository = server.workspace / name / "deep" / ".git"
    (repository / "hooks").mkdir(parents=True)
    (repository / "config").write_text("original")
    script = f"""
    mv {name} {name}.2; mv {name}/deep {name}/elsewhere; mv {name}/deep/.git {name}/deep/git; cp -al {name} {name}.3
    for there in {name} {name}.2 {name}.3; do for deep in deep elsewhere; do for git in .git git; do
    echo owned > $there/$deep/$git/hooks/x; echo owned >> $there/$deep/$git/config; done; done; done; :"""

    answer = server.runs(agent, script)

    assert answer.body["status"] in {"ok", "denied"}, answer.raw
    assert [path for path in server.workspace.glob(f"{name}*/**/config") if "owned" in path.read_text()] == []
    hooked = list(server.workspace.glob(f"{name}*/*/*git/hooks/x"))
    assert hooked == [], hooked


STARTED_BY_OTHERS = {
    ".mcp.json": "echo owned > .mcp.json",
    ".bashrc": "echo owned > x.txt; mv x.txt .bashrc",
    ".claude/settings.json": "mkdir -p .claude; echo owned > .claude/settings.json",
    ".vscode/tasks.json": "mkdir -p x.d; echo owned > x.d/tasks.json; mv x.d .vscode",
    ".envrc": "echo owned > y.txt; ln -s y.txt .envrc",
    ".profile": "(sleep 0.2; echo owned > .profile) & echo owned > .profile; wait; echo owned >> .profile",
}


@pytest.mark.parametrize("path", STARTED_BY_OTHERS)
def test_it_leaves_nothing_that_others_would_run(server: Server, agent: Caller, path: str):
    answer = server.runs(agent, STARTED_BY_OTHERS[path])

    assert answer.body["status"] in {"denied", "error"}, answer.raw
    assert not (server.workspace / path).exists()
    assert agent.said()


DAEMONS = {
    "in the background": "sleep NUMBER & :",
    "without a hangup": "nohup sleep NUMBER > /dev/null 2>&1 & :",
    "in a session of its own": "setsid sleep NUMBER < /dev/null > /dev/null 2>&1 & :",
    "forked twice": "(setsid sh -c 'sleep NUMBER < /dev/null > /dev/null 2>&1 &' &) ; :",
    "ignoring signals": "(trap '' TERM HUP INT; setsid sh -c \"trap '' TERM HUP; sleep NUMBER\" > /dev/null &) ; :",
}


@pytest.mark.parametrize("way", DAEMONS)
def test_what_it_leaves_behind_is_dead_when_the_call_ends(server: Server, agent: Caller, number: str, way: str):
    answer = server.runs(agent, DAEMONS[way].replace("NUMBER", number))

    assert answer.body["status"] == "ok", answer.raw
    until(lambda: not processes_with(number), "the end of what was left behind")


def test_what_takes_too_long_is_dead_when_it_is_stopped(server: Server, agent: Caller, number: str):
    arguments = {"script": f"setsid sleep {number} & sleep {number}", "timeout_ms": 500}

    answer = agent.call("shell", arguments, **server.lifting(agent, "shell", arguments))

    assert answer.code == "limits/wall-ms"
    until(lambda: not processes_with(number), "the end of what was stopped")


def test_a_flood_of_processes_and_output_ends_with_its_call(server: Server, agent: Caller, other: Caller, number: str):
    bomb = f"i=0; while [ $i -lt 500 ]; do sleep {number} & i=$((i+1)); done; echo started $i; :"
    server.runs(agent, bomb)
    until(lambda: not processes_with(number), "the end of the flood")

    answer = server.runs(agent, "yes owned | head -c 50000000")

    assert answer.code == "limits/output-bytes"
    assert len(answer.raw) < 100_000
    assert other.said()


@contextmanager
def unix_listener(path: str) -> Iterator[list[int]]:
    """A listening Unix socket, and how often somebody came; an empty first character is the abstract name space."""
    came = [0]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve() -> None:
        try:
            while True:
                listener.accept()[0].close()
                came[0] += 1
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield came
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


DIALS = """
import json, socket, sys
def dial(family, kind, place):
    try:
        with socket.socket(family, kind) as one:
            one.settimeout(5)
            one.connect(place)
            one.send(b'GET /owned HTTP/1.1\\r\\n\\r\\n')
        return 'reached'
    except OSError as error:
        return type(error).__name__
port, path, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]
print(json.dumps([
    dial(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', port)),
    dial(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', port)),
    dial(socket.AF_INET6, socket.SOCK_STREAM, ('::1', port)),
    dial(socket.AF_UNIX, socket.SOCK_STREAM, path),
    dial(socket.AF_UNIX, socket.SOCK_STREAM, chr(0) + name),
]))
"""


def test_it_reaches_nobody(server: Server, agent: Caller, granted: Listener):
    """Not the network, not the server's own admin socket, not a socket without a file."""
    name = f"doors-{secrets.token_hex(6)}"
    path = f"/tmp/{name}"
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", granted.port))
    datagrams.setblocking(False)
    before = granted.connections
    (server.workspace / "dials.py").write_text(DIALS)
    with unix_listener(path) as by_file, unix_listener("\0" + name) as by_name:
        script = f"""
        python3 dials.py {granted.port} {path} {name}; python3 dials.py {server.port} {server.data}/admin.sock x
        bash -c 'exec 3<>/dev/tcp/127.0.0.1/{granted.port} && echo GET >&3'; :"""
        answer = server.runs(agent, script)
    Path(path).unlink()

    assert granted.connections == before
    assert (by_file[0], by_name[0]) == (0, 0)
    with pytest.raises(BlockingIOError):
        datagrams.recv(100)
    datagrams.close()
    lines = [json.loads(line) for line in answer.body["structured"]["stdout"].splitlines() if line.startswith("[")]
    assert len(lines) == 2, answer.raw
    assert not any("reached" in line for line in lines)


def test_it_does_not_touch_the_server(server: Server, agent: Caller, other: Caller):
    script = f"""kill -9 {server.pid}; kill -STOP {server.pid}; kill -9 -1; renice 19 {server.pid}
    prlimit --pid {server.pid} --nofile=10; gdb -p {server.pid} -batch; echo x > /proc/{server.pid}/oom_score_adj
    unshare -r id; mount -t tmpfs x /mnt; chroot / id; :"""

    server.runs(agent, script)

    assert below(1).get(server.pid) or server.pid in below(os.getpid())
    assert other.said()


def test_a_program_it_put_under_another_name_is_confined_as_well(server: Server, agent: Caller):
    """No list of names protects anybody; so none is gone around."""
    secret = f"{server.outside}/secret.txt"
    script = f"""cp /bin/cat ./innocent; ./innocent {secret}; PATH=. innocent {secret}
    python3 -c 'print(open("{secret}").read())'; exec -a x /bin/cat {secret}; :"""

    answer = server.runs(agent, script)

    assert CANARY not in answer.raw.decode()
