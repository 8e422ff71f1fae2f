"""Proves on this machine that a confined worker cannot do what it must not, from each of its threads.

1. The children are started, loaded, warmed and confined by the code that raises workers.
2. A forbidden call passes only when the kernel ended the whole process for it (SIGSYS).
3. What cannot be tried has not passed.
"""

import asyncio
import json
import os
import select
import signal
from dataclasses import dataclass
from typing import Final

from ..confinement.kernel_unsafe import ConfinementError, signal_thread
from ..confinement.syscalls import machine
from ..confinement.threads import ThreadState, states, unconfined
from .abi import WASI_COMMAND
from .artifacts import Artifact
from .birth import READY, Birth, write_birth
from .compiling import MEMORY_BYTES, Compiler
from .frames import HELLO_CAP, FrameError, frame
from .memfd import sealed
from .pipes import read_frame
from .probe_worker_unsafe import CONTROL, FORBIDDEN
from .report import ModuleRefused
from .spawn_unsafe import Child, SpawnError, start
from .supervisor import WorkerRefused

THREADS: Final = ("main", "wasi", "epoch")
"""The kinds of thread a worker has: Python's own, tokio's, and the ticker."""
COMPILER: Final = "compile worker's"
"""The one thread of the process that compiles."""
_CHILD: Final = "holdfast.sandbox.wasm.probe_worker_unsafe"
_SECONDS: Final = 20.0
_AT_ONCE: Final = 2
_MODULE: Final = '(module (memory (export "memory") 1) (func (export "_start")))'


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing a confined worker must not be able to do, and whether it could not."""

    name: str
    """For example `socket from the wasi thread`."""
    passed: bool
    detail: str


async def run_probes(compiler: Compiler, *, unprivileged: int) -> tuple[Probe, ...]:
    """Try everything in `FORBIDDEN` from every thread of a worker, and Landlock by itself.

    `CONTROL` is allowed and must go through: else nothing would be known of the others.
    """
    try:
        wasm = await compiler.assemble(_MODULE)
        artifact = await compiler.compile(wasm)
    except (ModuleRefused, ConfinementError, OSError) as error:
        return (Probe(name="compile worker", passed=False, detail=str(error)),)
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(function: str, kind: str) -> Probe:
        async with turn:
            return await asyncio.to_thread(_forbidden, function, kind, artifact, unprivileged)

    tried = [one(function, kind) for function in (*FORBIDDEN, CONTROL) for kind in (*THREADS, COMPILER)]
    return (*await asyncio.to_thread(_landlock, artifact, unprivileged), *await asyncio.gather(*tried))


def _forbidden(function: str, kind: str, artifact: Artifact, unprivileged: int) -> Probe:
    name = f"{function} from the {kind} thread"
    try:
        passed, detail = _attempt(function, kind, artifact, unprivileged)
    except (SpawnError, WorkerRefused, ConfinementError, FrameError, OSError) as error:
        passed, detail = False, str(error)
    return Probe(name=name, passed=passed, detail=detail)


def _attempt(function: str, kind: str, artifact: Artifact, unprivileged: int) -> tuple[bool, str]:
    if kind == COMPILER:
        child = _started(_CHILD, (function, unprivileged, MEMORY_BYTES), artifact, entry="compiler")
    else:
        child = _started(_CHILD, (function,), artifact)
        os.write(child.requests, frame(write_birth(_birth(artifact, unprivileged))))
    return _struck(function, kind, child)


def _struck(function: str, kind: str, child: Child) -> tuple[bool, str]:
    """Have *function* called on the thread of that *kind*, and see what became of the process."""
    try:
        here = machine()
        if here is None:
            raise ConfinementError("there is no system call table for this processor")
        if _hello(child) != READY:
            raise WorkerRefused("the probe was not confined")
        flaw = unconfined(child.pid)
        if flaw is not None:
            raise WorkerRefused(flaw)
        wanted = "main" if kind == COMPILER else kind
        thread = next((state.tid for state in states(child.pid) if _kind(state, child.pid) == wanted), None)
        if thread is None:
            raise WorkerRefused(f"the worker has no {kind} thread")
        signal_thread(here, child.pid, thread, signal.SIGUSR1)
        return _verdict(function, child)
    finally:
        _ended(child)


def _verdict(function: str, child: Child) -> tuple[bool, str]:
    status = child.ended_within(_SECONDS)
    if status is None:
        return False, "it was let through"
    if function == CONTROL:
        return status == signal.SIGUSR1, f"the process ended with status {status}"
    if status == -signal.SIGSYS:
        return True, "the kernel ended the process"
    return False, f"the process ended with status {status}"


def _landlock(artifact: Artifact, unprivileged: int) -> tuple[Probe, ...]:
    try:
        child = _started(_CHILD, (), artifact, entry="landlock")
        try:
            os.write(child.requests, frame(write_birth(_birth(artifact, unprivileged))))
            answer = json.loads(_hello(child))
        finally:
            _ended(child)
        return tuple(
            Probe(name=f"{what} under Landlock alone, {thread} thread", passed=refused, detail="refused" * refused)
            for thread, tried in answer.items()
            for what, refused in tried.items()
        )
    except (SpawnError, WorkerRefused, FrameError, OSError, ValueError, AttributeError) as error:
        return (Probe(name="Landlock alone", passed=False, detail=str(error)),)


def _started(module: str, leading: tuple[str | int, ...], artifact: Artifact, entry: str = "main") -> Child:
    source = sealed(artifact.native)
    try:
        return start(module, leading, source, entry=entry)
    finally:
        os.close(source)


def _hello(child: Child) -> bytes:
    waiting = select.poll()
    waiting.register(child.replies, select.POLLIN)
    if not waiting.poll(_SECONDS * 1000):
        raise WorkerRefused("the probe said nothing")
    body = read_frame(child.replies, cap=HELLO_CAP)
    if body is None:
        raise WorkerRefused("the probe ended before it was confined")
    return body


def _ended(child: Child) -> None:
    if child.ended_within(0) is None:
        os.killpg(child.pid, signal.SIGKILL)  # a session of its own: a fork that was let through ends as well
    child.wait()


def _kind(state: ThreadState, pid: int) -> str:
    if state.tid == pid:
        return "main"
    return "wasi" if state.name.startswith("tokio") else "epoch"


def _birth(artifact: Artifact, unprivileged: int) -> Birth:
    report = artifact.report
    return Birth(
        abi=WASI_COMMAND,
        wasi=(),
        clock=True,
        random=True,
        tables=0,
        table_elements=0,
        declared_memory_bytes=report.memory_bytes,
        memory_bytes=report.memory_bytes,
        cpu_seconds=10,
        unprivileged=unprivileged,
    )
