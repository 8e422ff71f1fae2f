"""`[approvals]`: where questions are sent, and what signs them."""

import hashlib
import hmac
import json
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from holdfast.contracts import OperatorError
from holdfast.server.config import load_settings

from .served import refused
from .test_server_keys import certified  # noqa: F401 -- a fixture
from .world import Answering, Loopback, World, code, listening, opened

pytestmark = pytest.mark.anyio
WORKSPACE = '[workspace]\nroot = "workspace"\n'


class Keeping(Answering):
    """Keeps what it is sent, and answers that somebody decides later."""

    def do_POST(self) -> None:  # noqa: N802 -- the library's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.kept.append((self.path, dict(self.headers), body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.came.release()


@pytest.fixture
def receiver() -> Iterator[Loopback]:
    with listening(Keeping) as one:
        one.kept = []
        yield one


def write_key(path: Path, data: bytes = b"k" * 32, *, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)
    return path


def table(url: str, key: object) -> str:
    return f'{WORKSPACE}[approvals]\nwebhook = "{url}"\nwebhook_key_file = "{key}"\n'


async def asks(world: World) -> str:
    """Make a call that waits for somebody; answers how it ended."""
    (world.folder / "workspace" / ".env").write_text("x")
    return code(await world.call("file_read", {"path": ".env"}))


async def came(receiver: Loopback) -> bool:
    return await anyio.to_thread.run_sync(partial(receiver.came.acquire, timeout=30))


async def test_a_webhook_is_told_of_each_question(tmp_path: Path, receiver: Loopback):
    (tmp_path / "workspace").mkdir()
    write_key(tmp_path / "webhook.key")

    async with opened(tmp_path, table(f"http://127.0.0.1:{receiver.port}/ask?team=1", "webhook.key")) as world:
        assert await asks(world) == "policy/no-dotenv"
        assert await came(receiver)

    ((path, _headers, body),) = receiver.kept
    assert path == "/ask?team=1"
    assert json.loads(body)["arguments"] == {"path": ".env"}


async def test_without_a_webhook_nothing_is_sent(tmp_path: Path, receiver: Loopback):
    (tmp_path / "workspace").mkdir()

    async with opened(tmp_path, WORKSPACE) as world:
        assert await asks(world) == "policy/no-dotenv"

    assert receiver.kept == []


@pytest.mark.parametrize("key", [b"k" * 32, b"\x00\xff spaces and line ends count \n\n\n\n"])
async def test_the_key_file_is_what_signs(tmp_path: Path, receiver: Loopback, key: bytes):
    """Every byte of it, relative to the configuration file."""
    (tmp_path / "workspace").mkdir()
    write_key(tmp_path / "keys" / "one", key)

    async with opened(tmp_path, table(f"http://127.0.0.1:{receiver.port}/", "keys/one")) as world:
        await asks(world)
        assert await came(receiver)

    ((_path, headers, body),) = receiver.kept
    signed = hmac.new(key, headers["Holdfast-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["Holdfast-Signature"] == f"v1={signed}"


async def test_a_house_that_closes_sends_what_it_was_asked_last(tmp_path: Path, receiver: Loopback):
    (tmp_path / "workspace").mkdir()
    write_key(tmp_path / "webhook.key")

    async with opened(tmp_path, table(f"http://127.0.0.1:{receiver.port}/", "webhook.key")) as world:
        await asks(world)

    assert len(receiver.kept) == 1


@pytest.mark.parametrize("trust", ["trusted", "unknown"])
async def test_a_webhook_over_tls_is_told_only_when_its_certificate_holds(
    tmp_path: Path,
    receiver: Loopback,
    certified: Path,  # noqa: F811 -- the fixture that is imported
    monkeypatch: pytest.MonkeyPatch,
    trust: str,
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified / "cert.pem", certified / "key.pem")
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certified / "cert.pem" if trust == "trusted" else tmp_path / "none.pem"))
    (tmp_path / "none.pem").touch()
    (tmp_path / "workspace").mkdir()
    write_key(tmp_path / "webhook.key")

    async with opened(tmp_path, table(f"https://127.0.0.1:{receiver.port}/", "webhook.key")) as world:
        assert await asks(world) == "policy/no-dotenv"

    assert len(receiver.kept) == (1 if trust == "trusted" else 0)


@pytest.mark.parametrize(
    "url",
    [
        "http://approvals.example/",
        "http://10.0.0.1/",
        "http://localhost.example/",
        "http://127.0.0.1.example/",
        "http://0.0.0.0/",
        "ftp://127.0.0.1/",
        "https://user:pass@approvals.example/",
        "https://approvals.example/#part",
        "https:///path",
        "https://approvals.example:port/",
        "https://approvals.example/a b",
        "approvals.example",
        "",
    ],
)
def test_a_webhook_that_others_could_read_is_refused(tmp_path: Path, url: str):
    write_key(tmp_path / "webhook.key")
    file = tmp_path / "holdfast.toml"
    file.write_text(table(url, "webhook.key"))

    with pytest.raises(OperatorError, match=r"approvals\.webhook.*`https` URL, or `http` on loopback"):
        load_settings(file)


@pytest.mark.parametrize(
    "url", ["https://approvals.example/", "http://127.0.0.1:1/", "http://[::1]/", "http://localhost/"]
)
def test_a_webhook_that_nobody_else_reads_is_taken(tmp_path: Path, url: str):
    file = tmp_path / "holdfast.toml"
    file.write_text(table(url, "webhook.key"))

    assert load_settings(file).approvals.webhook == url
    assert load_settings(file).approvals.webhook_key_file == tmp_path / "webhook.key"


@pytest.mark.parametrize("line", ['webhook = "https://a.example/"', 'webhook_key_file = "webhook.key"'])
def test_one_without_the_other_is_refused(tmp_path: Path, line: str):
    write_key(tmp_path / "webhook.key")
    file = tmp_path / "holdfast.toml"
    file.write_text(f"[approvals]\n{line}\n")

    with pytest.raises(OperatorError, match="need each other"):
        load_settings(file)


KEYS = {
    "absent": ("cannot be read", None),
    "that others may read": ("others may read", (b"k" * 32, 0o640)),
    "that others may write": ("others may read", (b"k" * 32, 0o602)),
    "too short": ("32 to 4096 bytes", (b"k" * 31, 0o600)),
    "too long": ("32 to 4096 bytes", (b"k" * 4097, 0o600)),
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_file_that_will_not_do_stops_the_start(tmp_path: Path, kind: str):
    said, made = KEYS[kind]
    (tmp_path / "workspace").mkdir()
    if made is not None:
        write_key(tmp_path / "webhook.key", made[0], mode=made[1])

    code, talk = refused(tmp_path, "[server]\nallow_root = true\n" + table("https://a.example/", "webhook.key"))

    assert code == 2
    assert said in talk.replace("\n", " ")


def test_a_key_file_in_the_workspace_stops_the_start(tmp_path: Path):
    """There an agent could read it, and sign for itself."""
    write_key(tmp_path / "workspace" / "webhook.key")

    code, talk = refused(
        tmp_path, "[server]\nallow_root = true\n" + table("https://a.example/", "workspace/webhook.key")
    )

    assert code == 2
    assert "overlap" in talk
