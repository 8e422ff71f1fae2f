"""What the world shows from outside: processes, connections, files. Everything waits by looking, under a deadline."""

import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

DEADLINE_S = 60.0
"""Far beyond what anything here takes: a machine under load is slow, and only a broken server is this slow."""

T = TypeVar("T")


def until(look: Callable[[], T], what: str, *, seconds: float = DEADLINE_S) -> T:
    """Look until there is something to see, and answer it."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"never seen: {what}"
        threading.Event().wait(0.02)


def processes_with(marker: str) -> list[int]:
    """Every live process that has *marker* among its arguments."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdecimal() and marker.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def below(ancestor: int) -> dict[int, str]:
    """Every process under *ancestor* that is no zombie, and the state the kernel gives it."""
    parents: dict[int, tuple[int, str]] = {}
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            state, parent = (folder / "stat").read_bytes().rpartition(b")")[2].split()[:2]
            parents[int(folder.name)] = (int(parent), state.decode())
    found: dict[int, str] = {}
    for pid, (_, state) in parents.items():
        above, steps = pid, 0
        while above in parents and above != ancestor and steps < len(parents):
            above, steps = parents[above][0], steps + 1
        if above == ancestor and pid != ancestor and state != "Z":
            found[pid] = state
    return found


def workers_below(ancestor: int) -> list[int]:
    """The WASM workers under *ancestor*."""
    found = []
    for pid in below(ancestor):
        with suppress(OSError):
            if b"sandbox.wasm" in (Path("/proc") / str(pid) / "cmdline").read_bytes():
                found.append(pid)
    return found


def ticks(pid: int) -> int:
    """Processor time *pid* has used, or 0 when it is gone."""
    with suppress(OSError):
        fields = (Path("/proc") / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[11]) + int(fields[12])
    return 0


class Listener:
    """A loopback HTTP listener that answers what it is told, and remembers every connection and every byte."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self.received = b""
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
        threading.Thread(target=self._serve, daemon=True).start()

    def redirect_to(self, url: str, *, status: int = 302) -> None:
        """Answer every request with a redirect to *url*."""
        self.answer = f"HTTP/1.1 {status} Found\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n".encode()

    def close(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._one, args=(peer,), daemon=True).start()

    def _one(self, peer: socket.socket) -> None:
        with peer, suppress(OSError):
            peer.settimeout(DEADLINE_S)
            held = b""
            while b"\r\n\r\n" not in held and (more := peer.recv(65_536)):
                held += more
            self.received += held
            peer.sendall(self.answer)


@contextmanager
def listening() -> Generator[Listener]:
    """A `Listener` while the block runs."""
    listener = Listener()
    try:
        yield listener
    finally:
        listener.close()
