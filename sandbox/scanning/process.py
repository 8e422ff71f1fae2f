"""The parent's side: raises the child when it is first needed, keeps it warm, and kills it at a job's deadline.

1. A child that is not confined gets no job; where it cannot be confined, nothing is done here and the caller hears so.
2. A deadline of a job is kept here, by a clock no text runs in; the kernel keeps processor time and memory.
3. After anything but an answer in time the child is killed, and the next job raises a new one.
"""

import os
import select
import threading
import time
from pathlib import Path
from typing import Final

from ..confinement.threads import unconfined
from ..wasm.birth import READY
from ..wasm.frames import HEAD, frame
from ..wasm.memfd import sealed
from ..wasm.spawn_unsafe import Child, SpawnError, start
from .child import DONE

SECONDS: Final = 20.0
"""Of one job, by the clock; bleach takes two to five for 1 MiB of ordinary HTML, nh3 a third of one."""
CPU_SECONDS: Final = 30
"""Of the child's life; one that has used half of it takes no more jobs, so each has 15."""
MEMORY_BYTES: Final = 768 << 20
"""Beyond what it has when it is ready. A tree of Python objects is large: 1 MiB of tags becomes 300."""
READY_SECONDS: Final = 20.0
ANSWER_BYTES: Final = 16 << 20
UNPRIVILEGED: Final = 65534
_CHUNK: Final = 1 << 20
_CLOCK_TICKS: Final = 14
"""Where `/proc/PID/stat` has processor time, in user mode and then in the kernel, counted from 1."""


class ScanProcess:
    """One confined child, for whoever has work that may not be done here. Any thread may ask; they take turns."""

    def __init__(self, module: str, *, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        """Work as `main` of *module*, one of ours, offers it."""
        self._module = module
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._turn = threading.Lock()
        self._child: Child | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the child that waits for the next job, if there is one."""
        return None if self._child is None else self._child.pid

    def ask(self, work: str, data: bytes) -> bytes | None:
        """What *work* makes of *data*; None when it took too much, broke, or cannot be done confined."""
        if not self._turn.acquire(timeout=self._seconds):
            return None
        try:
            return None if self._closed else self._answer(work.encode("ascii") + b"\n" + data)
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the child, and the job that runs; what is asked from now on is not done."""
        self._closed = True
        child = self._child
        if child is not None:
            child.kill()
        with self._turn:
            self._end()

    def _answer(self, job: bytes) -> bytes | None:
        child = self._ready()
        if child is None:
            return None
        said = _exchange(child, frame(job), time.monotonic() + self._seconds)
        if said is None or _processor_seconds(child.pid) > CPU_SECONDS / 2:
            self._end()
        return said[len(DONE) :] if said is not None and said.startswith(DONE) else None

    def _ready(self) -> Child | None:
        """The child, raised if there is none."""
        if self._child is not None and self._child.ended_within(0) is not None:
            self._end()
        if self._child is None:
            try:
                self._child = _started(self._module, self._memory_bytes)
            except (SpawnError, OSError):
                return None
            hello = _exchange(self._child, b"", time.monotonic() + READY_SECONDS)
            if hello != READY or unconfined(self._child.pid) is not None or self._closed:
                self._end()
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None


def _started(module: str, memory_bytes: int) -> Child:
    source = sealed(b"")
    try:
        child = start(module, (UNPRIVILEGED, memory_bytes, CPU_SECONDS), source)
    finally:
        os.close(source)
    os.set_blocking(child.requests, False)
    os.set_blocking(child.replies, False)
    return child


def _exchange(child: Child, said: bytes, deadline: float) -> bytes | None:
    """Say *said* and read one frame; None when the child ended, said too much, or the deadline passed."""
    rest, heard = memoryview(said), bytearray()
    while (body := _frame_of(heard)) is None:
        waiting = select.poll()
        waiting.register(child.replies, select.POLLIN)
        if rest:
            waiting.register(child.requests, select.POLLOUT)
        left = deadline - time.monotonic()
        ready = {descriptor for descriptor, _event in waiting.poll(left * 1000)} if left > 0 else set[int]()
        try:
            if child.requests in ready:
                rest = rest[os.write(child.requests, rest[:_CHUNK]) :]
            more = os.read(child.replies, _CHUNK) if child.replies in ready else b""
        except OSError:
            return None
        heard += more
        ended = child.replies in ready and not more
        if not ready or ended or len(heard) > HEAD.size + ANSWER_BYTES:
            return None
    return body if not rest and len(heard) == HEAD.size + len(body) else None


def _frame_of(heard: bytearray) -> bytes | None:
    """The body of the frame that *heard* begins with, once it is there."""
    if len(heard) < HEAD.size:
        return None
    (length,) = HEAD.unpack_from(heard)
    return bytes(heard[HEAD.size : HEAD.size + length]) if len(heard) >= HEAD.size + length else None


def _processor_seconds(pid: int) -> float:
    """Processor time of *pid* so far; without end when it cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return float("inf")
    first = _CLOCK_TICKS - 3  # after the name in parentheses, which is the second
    return sum(map(int, fields[first : first + 2])) / os.sysconf("SC_CLK_TCK")
