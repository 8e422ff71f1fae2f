"""The admin socket: its owner and nobody else, one bounded request, cancelled when the asker leaves."""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from holdfast.contracts import Conflict, Forbidden, InternalError, NotFound, OperatorError, TooLarge
from holdfast.contracts.errors import CallerError, HoldfastError, MalformedJson
from holdfast.server.admin import AdminClient, AdminServer, DataDirLock, NotRunning
from holdfast.server.admin.wire import MAX_REQUEST, read_answer, write_error

pytestmark = pytest.mark.anyio


class Verbs:
    """`echo` answers its parameters, `wait` never does, the others fail."""

    def __init__(self):
        self.waiting = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, verb, params):
        match verb:
            case "echo":
                return dict(params)
            case "wait":
                self.waiting.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
            case "break":
                raise RuntimeError("hunter2")
            case _:
                raise NotFound("there is no such verb", remedy="look again")


@pytest.fixture
def verbs():
    return Verbs()


@pytest.fixture
async def server(tmp_path, verbs):
    async with AdminServer(tmp_path / "admin.sock", verbs, read_s=0.2) as running:
        yield running


@pytest.fixture
def path(server, tmp_path):
    return tmp_path / "admin.sock"


async def _call(path, verb, params):
    return await asyncio.to_thread(AdminClient(path, timeout_s=20).call, verb, params)


async def _raw(path, data):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return json.loads(answer)


async def test_a_verb_is_done_and_answered(path):
    assert await _call(path, "echo", {"a": ["é\n", 1, None]}) == {"a": ["é\n", 1, None]}


async def test_an_error_arrives_as_what_it_was(path):
    with pytest.raises(NotFound) as caught:
        await _call(path, "nothing", {})

    assert (caught.value.message, caught.value.remedy) == ("there is no such verb", "look again")


async def test_what_breaks_says_nothing_of_itself(path):
    with pytest.raises(InternalError) as caught:
        await _call(path, "break", {})

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("error", [Conflict("c"), Forbidden("f"), OperatorError("o"), CallerError("x"), TooLarge("t")])
def test_every_kind_of_error_survives_the_wire(error):
    with pytest.raises(HoldfastError) as caught:
        read_answer(write_error(error))

    assert type(caught.value) is type(error)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"[]\n",
        b"not json\n",
        b'{"verb": "echo"}\n',
        b'{"verb": "echo", "params": []}\n',
        b'{"verb": 1, "params": {}}\n',
        b'{"verb": "echo", "params": {}, "more": 1}\n',
        b'{"verb": "echo", "verb": "wait", "params": {}}\n',
        b'{"verb": "echo", "params": {"x": NaN}}\n',
    ],
)
async def test_a_request_is_read_strictly(path, line):
    assert (await _raw(path, line))["error"]["kind"] in ("malformed-json", "invalid-request")


async def test_a_request_has_a_size(path):
    assert (await _raw(path, b"a" * (MAX_REQUEST + 1)))["error"]["kind"] == "too-large"
    with pytest.raises(TooLarge):
        AdminClient(path).call("echo", {"a": "a" * MAX_REQUEST})


async def test_a_request_that_never_ends_is_given_up(path):
    assert (await _raw(path, b'{"verb": "echo"'))["error"]["message"] == "the request did not end in time"


async def test_a_verb_is_cancelled_when_its_asker_leaves(path, verbs):
    _, writer = await asyncio.open_unix_connection(path)
    writer.write(b'{"verb": "wait", "params": {}}\n')
    await asyncio.wait_for(verbs.waiting.wait(), 20)

    writer.close()

    await asyncio.wait_for(verbs.cancelled.wait(), 20)


async def test_closing_cancels_what_is_under_way(tmp_path, verbs):
    async with AdminServer(tmp_path / "s", verbs):
        _, writer = await asyncio.open_unix_connection(tmp_path / "s")
        writer.write(b'{"verb": "wait", "params": {}}\n')
        await asyncio.wait_for(verbs.waiting.wait(), 20)

    assert verbs.cancelled.is_set()
    assert not (tmp_path / "s").exists()
    writer.close()


async def test_the_socket_is_its_owners(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


ASK = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
asking = socket.socket(socket.AF_UNIX)
asking.connect(sys.argv[1])
print(asking.recv(65536).decode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_another_user_is_refused_even_when_the_mode_lets_it_in(verbs):
    """The kernel says who is there; a wrong chmod must not matter."""
    with tempfile.TemporaryDirectory(prefix="holdfast-admin-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # noqa: ASYNC240 -- a test may block
        async with AdminServer(Path(folder, "s"), verbs):
            Path(folder, "s").chmod(0o666)  # noqa: ASYNC240 -- a test may block
            asking = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-I", "-c", ASK, f"{folder}/s"],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
                cwd="/",
            )

    assert json.loads(asking.stdout)["error"]["kind"] == "forbidden"


LISTEN = """
import os, socket, sys
listening = socket.socket(socket.AF_UNIX)
os.setgroups([]); os.setgid(65534); os.setuid(65534)
listening.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o666); listening.listen()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_client_tells_nothing_to_another_users_server():
    with tempfile.TemporaryDirectory(prefix="holdfast-admin-", dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        with subprocess.Popen(
            [sys.executable, "-I", "-c", LISTEN, f"{folder}/s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
        ) as impostor:
            assert impostor.stdout.readline() == b"ready\n"
            client = AdminClient(Path(folder, "s"))
            assert not client.answers()
            with pytest.raises(Forbidden):
                client.call("echo", {})


async def test_a_client_without_a_server_says_so(tmp_path):
    client = AdminClient(tmp_path / "admin.sock")

    assert not client.answers()
    with pytest.raises(NotRunning):
        client.call("echo", {})


async def test_a_client_sees_whether_a_server_answers(path):
    assert AdminClient(path).answers()


async def test_a_dead_servers_socket_is_replaced_and_anything_else_is_not(tmp_path, verbs):
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "s"))
    dead.close()
    async with AdminServer(tmp_path / "s", verbs):
        assert await _call(tmp_path / "s", "echo", {}) == {}
    (tmp_path / "s").write_text("mine")

    with pytest.raises(OperatorError):
        await AdminServer(tmp_path / "s", verbs).start()

    assert (tmp_path / "s").read_text() == "mine"


async def test_a_deep_folder_is_no_obstacle(tmp_path, verbs):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)

    async with AdminServer(deep / "admin.sock", verbs):
        assert await _call(deep / "admin.sock", "echo", {"a": 1}) == {"a": 1}


HOLD = """
import sys
from pathlib import Path
from holdfast.server.admin import DataDirLock
with DataDirLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_data_directory_belongs_to_one_process(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(OperatorError, match=rf"another process \({holder.pid}\)"):
            DataDirLock(tmp_path).acquire()
        holder.kill()
        holder.wait()

        with DataDirLock(tmp_path):
            assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_a_lock_is_given_back(tmp_path):
    with DataDirLock(tmp_path), pytest.raises(OperatorError):
        DataDirLock(tmp_path).acquire()
    with DataDirLock(tmp_path):
        pass


def test_a_link_is_no_lock(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "victim")

    with pytest.raises(OperatorError):
        DataDirLock(tmp_path).acquire()

    assert not (tmp_path / "victim").exists()


def test_a_nonsense_answer_is_an_error_of_ours():
    for line in (b"{}", b'{"ok": 1, "error": null}', b"[]", b'{"error": {"kind": "conflict"}}'):
        with pytest.raises(InternalError):
            read_answer(line)
    with pytest.raises(MalformedJson):
        read_answer(b"nonsense")
