"""A real `holdfast serve`, and the command line of whoever owns it."""

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import holdfast

from .callers import Answer, Caller
from .watching import until

CANARY = "canary-" + secrets.token_hex(12)
"""Stands in the server's environment and in files that no tool may read."""
SOURCE = Path(holdfast.__file__).parents[1]
START_S = 120.0


def environment() -> dict[str, str]:
    """What the server is started with: a secret of its own, and the very code under test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOLDFAST_", "PYTEST_"))}
    return kept | {"PYTHONPATH": str(SOURCE), "DOORS_SECRET": CANARY}


def command_line(*verb: str, home: Path, said: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run `holdfast` with *verb*, away from any configuration of the folder we are in."""
    return subprocess.run(
        [sys.executable, "-m", "holdfast", *verb],
        cwd=home,
        env=environment(),
        input=said,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )


class Server:
    """One running server, its folders, and what its operator does."""

    def __init__(self, home: Path, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.home = home
        self.data = home / "data"
        self.workspace = home / "workspace"
        self.outside = home / "outside"
        self.pid = process.pid
        self.port = port
        self._kept: dict[str, Caller] = {}

    def verb(self, *words: str, said: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a verb on this server's data directory."""
        named = ["--data-dir", str(self.data)]
        at = words.index("--") if "--" in words else len(words)
        return command_line(*words[:at], *named, *words[at:], home=self.home, said=said)

    def done(self, *words: str) -> str:
        """Run a verb that must succeed; answers what it printed."""
        ended = self.verb(*words)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def token(self, subject: str, scope: str = "call", **options: str) -> dict[str, Any]:
        """Issue a token by the command line."""
        more = [word for name, value in options.items() for word in (f"--{name}", value)]
        return json.loads(self.done("token", "issue", "--sub", subject, "--scope", scope, *more, "--format", "json"))

    def caller(self, subject: str, scope: str = "call", **options: str) -> Caller:
        """Somebody with a token of the command line's."""
        return Caller(port=self.port, token=self.token(subject, scope, **options)["token"], name=subject)

    @property
    def host(self) -> Caller:
        """The agent host, which mints sessions."""
        return self._holder("host")

    @property
    def registrar(self) -> Caller:
        """Who may hand tools in."""
        return self._holder("register")

    def _holder(self, scope: str) -> Caller:
        if scope not in self._kept:
            self._kept[scope] = self.caller(f"the-{scope}", scope)
        return self._kept[scope]

    def agent(self, name: str | None = None, *, labels: Sequence[str] = ()) -> Caller:
        """An agent in a session of its own, as its host minted it; *labels* are what it has read before.

        One that has read a stranger's text is asked about before it runs a program.
        """
        subject = name or "agent-" + secrets.token_hex(6)
        minted = self.host.post("/v1/sessions", {"principal": subject, "labels": list(labels), "ttl_s": 3600}).body
        return Caller(port=self.port, token=minted["token"], name=subject, session=minted["id"])

    def approved(self, caller: Caller, tool: str, arguments: Mapping[str, object]) -> str:
        """Ask for *tool* as *caller*, and have the operator approve exactly that; answers the approval's id."""
        asked = caller.call(tool, arguments)
        assert asked.status == 202, asked.raw
        self.done("approvals", "approve", asked.body["approval"]["id"])
        return asked.body["approval"]["id"]

    def lifting(self, caller: Caller, tool: str, arguments: Mapping[str, object]) -> dict[str, str]:
        """What the call must bring to run: an approval, where one is needed.

        A program acts on every file of the workspace, so what other tests left there decides.
        """
        asks = caller.call(tool, arguments, dry_run=True).body["status"] == "pending"
        return {"approval": self.approved(caller, tool, arguments)} if asks else {}

    def runs(self, caller: Caller, script: str) -> Answer:
        """Run *script* in the shell, with an operator's approval where one is needed."""
        arguments = {"script": script}
        return caller.call("shell", arguments, **self.lifting(caller, "shell", arguments))

    def records(self, count: int = 200) -> list[dict[str, Any]]:
        """The newest records, over the admin socket."""
        return json.loads(self.done("audit", "tail", "-n", str(count), "--format", "json"))


@contextmanager
def serving(home: Path, more: str = "", *, admin_http: bool = False, before: Sequence[str] = ()) -> Generator[Server]:
    """A server on *home* with *more* configuration, started by the command *before* if any, until the block ends."""
    for name in ("workspace", "outside"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "outside" / "secret.txt").write_text(CANARY)
    config = home / "holdfast.toml"
    config.write_text(CONFIG.format(admin_http=str(admin_http).lower()) + more, encoding="utf-8")
    command = [*before, sys.executable, "-m", "holdfast", "serve", "--port", "0"]
    with (home / "stdout").open("wb") as out, (home / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [*command, "--data-dir", str(home / "data"), "--config", str(config)],
            cwd=home,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        yield Server(home, process, until(lambda: _port(home, process), "a listening server", seconds=START_S))
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


CONFIG = """\
[server]
port = 0
allow_root = true
admin_http = {admin_http}
[workspace]
root = "workspace"
[audit]
durability = "process"
"""


def _port(home: Path, process: "subprocess.Popen[bytes]") -> int | None:
    found = re.search(r"^listening on http://127\.0\.0\.1:(\d+)$", (home / "stdout").read_text(), re.MULTILINE)
    assert process.poll() is None, (home / "stderr").read_text()[-2000:]
    return int(found[1]) if found else None
