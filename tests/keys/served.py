"""A real `holdfast serve` on a configuration, and requests to it."""

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

import holdfast
from holdfast.server.admin import AdminClient
from holdfast.server.cli import main

SOURCE = Path(holdfast.__file__).parents[1]
START_S = 100.0


@dataclass(frozen=True)
class Served:
    """A server that listens."""

    home: Path
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def token(self, scope: str) -> str:
        """A token the operator issued."""
        issued: Any = AdminClient(self.home / "data" / "admin.sock").call(
            "tokens.issue", {"sub": "x", "scope": [scope]}
        )
        return issued["token"]

    def get(
        self, path: str, *, at: str = "127.0.0.1", trusting: ssl.SSLContext | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        """Ask for *path* at address *at*; over TLS when *trusting* is given."""
        peer = socket.create_connection((at, self.port), timeout=START_S)
        if trusting is not None:
            peer = trusting.wrap_socket(peer, server_hostname="127.0.0.1")
        with peer:
            sent = {"Host": f"127.0.0.1:{self.port}", "Connection": "close"} | headers
            lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
            peer.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
            answer = http.client.HTTPResponse(peer)
            answer.begin()
            answer.body = answer.read()
            return answer


def environment(**more: str) -> dict[str, str]:
    """What a server is started with: nothing of the tests' own configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOLDFAST_", "PYTEST_"))}
    return kept | {"PYTHONPATH": str(SOURCE)} | more


def _begun(home: Path, text: str, flags: tuple[str, ...], more: dict[str, str]) -> "subprocess.Popen[str]":
    home.mkdir(parents=True, exist_ok=True)
    (home / "holdfast.toml").write_text(text, encoding="utf-8")
    named = ["--config", str(home / "holdfast.toml"), "--data-dir", str(home / "data")]
    with (home / "stderr").open("w") as talk:
        return subprocess.Popen(
            [sys.executable, "-m", "holdfast", "serve", *named, *flags],
            cwd=home,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=talk,
            text=True,
        )


def refused(home: Path, text: str, *flags: str) -> tuple[int, str]:
    """The exit code and the talk of a server that does not start."""
    with _begun(home, text, flags, {}) as process:
        try:
            process.wait(START_S)
        finally:
            process.kill()
    return process.returncode, (home / "stderr").read_text()


def ran(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of `holdfast` with *words*, run in this process."""
    monkeypatch.setattr(sys, "argv", ["holdfast", *words])
    try:
        return main()
    finally:
        structlog.reset_defaults()  # it logs to the standard error of this test, which ends with it


def talk_of_serve(home: Path, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What `holdfast serve` says on *text* before it finds that there is no such workspace, and stops."""
    home.mkdir(parents=True, exist_ok=True)
    file = home / "holdfast.toml"
    file.write_text(text + '[workspace]\nroot = "absent"\n', encoding="utf-8")
    assert ran(monkeypatch, "serve", "--config", str(file), "--data-dir", str(home / "data")) == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert "`[workspace] root` is not a folder" in said
    return said


@contextmanager
def serving(home: Path, text: str, *flags: str, **env: str) -> Iterator[Served]:
    """A server on *text*, *flags* and *env* while the block runs."""
    process = _begun(home, text, flags, env)
    watchdog = threading.Timer(START_S, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"listening on (\S+)\n", line)
        assert found, (line, (home / "stderr").read_text()[-2000:])
        yield Served(home, found[1])
    finally:
        watchdog.cancel()
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
    assert process.returncode == 0, (home / "stderr").read_text()[-2000:]


def free_port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def body(answer: http.client.HTTPResponse) -> Any:
    """The JSON of *answer*."""
    return json.loads(answer.body)
