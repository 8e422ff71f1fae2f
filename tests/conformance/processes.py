"""Servers as processes of their own that tell their port; ends only what it started."""

import re
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..doors.server import environment

START_S = 120.0
_PORT = re.compile(r"(?:running|listening) on http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True)
class Started:
    """A server that listens."""

    process: "subprocess.Popen[str]"
    port: int


@contextmanager
def listening(command: Sequence[str], home: Path, *, path: Sequence[Path] = ()) -> Generator[int]:
    """Start *command* in *home* until the block ends; answers the port it says it listens on."""
    with started(command, home, path=path) as server:
        yield server.port


@contextmanager
def started(command: Sequence[str], home: Path, *, path: Sequence[Path] = ()) -> Generator[Started]:
    """Start *command* in *home* until the block ends, with what is on *path* to be imported."""
    home.mkdir(parents=True, exist_ok=True)
    given = environment()
    given["PYTHONPATH"] = ":".join([*map(str, path), given["PYTHONPATH"]])
    process = subprocess.Popen(
        command,
        cwd=home,
        env=given | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    said: list[str] = []
    told = threading.Event()
    reading = threading.Thread(target=_read, args=(process, said, told), daemon=True)
    reading.start()
    try:
        told.wait(START_S)
        yield Started(process, _port(said))
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reading.join(30)
        (home / "said").write_text("".join(said), encoding="utf-8")


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs *module*."""
    return (sys.executable, "-m", module, *arguments)


def _read(process: "subprocess.Popen[str]", said: list[str], told: threading.Event) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            said.append(line)
            if _PORT.search(line):
                told.set()
    told.set()  # it ended


def _port(said: Sequence[str]) -> int:
    found = _PORT.search("".join(said))
    assert found, f"it never listened: {''.join(said)[-2000:]}"
    return int(found[1])
