"""Has modules scanned, compiled and assembled in a confined child of its own, one at a time, within a minute of work.

Nothing of a module is parsed in this process: it reads back a report and bytes it will hand to a worker as confined.
"""

import asyncio
import os
import select
import threading
import time
from typing import Final

from holdfast.contracts.errors import OperatorError

from ..confinement.threads import unconfined
from .artifacts import ARTIFACT_BYTES, Artifact
from .birth import READY, REFUSED
from .compile_worker import ASSEMBLE, COMPILE, INSPECT, INTERPRETER, TEXT_BYTES
from .frames import HEAD
from .memfd import sealed
from .module_scan import MODULE_BYTES
from .report import ModuleRefused, ModuleReport, read_report
from .settings import MIB
from .spawn_unsafe import Child, SpawnError, start

SECONDS: Final = 180
"""By the clock, which on a busy machine runs ahead: the kernel gives the child `CPU_SECONDS`, a minute, of work."""
INTERPRETER_SECONDS: Final = 300
"""For components of ours, which nobody made large on purpose: 5 to 20 alone, and more on a busy machine."""
MEMORY_BYTES: Final = 1536 * MIB
_ANSWER_BYTES: Final = ARTIFACT_BYTES + 4 * MIB
_CHUNK: Final = 1 << 20
_CHILD: Final = "holdfast.sandbox.wasm.compile_worker"


class CompilerUnavailable(OperatorError):
    """The child could not be started or confined; the module may be fine."""


class Compiler:
    """Starts one confined child for each request, never two at once."""

    def __init__(self, *, unprivileged: int, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._unprivileged = unprivileged
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._turn = asyncio.Lock()

    async def inspect(self, wasm: bytes) -> ModuleReport:
        """What the core module *wasm* declares. Raises: ModuleRefused, CompilerUnavailable."""
        (report,) = await self._ask(INSPECT, _capped(wasm, MODULE_BYTES), 1)
        return _report(report)

    async def compile(self, wasm: bytes) -> Artifact:
        """Scan and compile *wasm*. Raises: ModuleRefused, CompilerUnavailable."""
        report, native = await self._ask(COMPILE, _capped(wasm, MODULE_BYTES), 2)
        return Artifact(report=_report(report), native=native)

    async def compile_interpreter(self, wasm: bytes) -> Artifact:
        """Compile *wasm*, a component of ours, unscanned. Raises: ModuleRefused, CompilerUnavailable."""
        report, native = await self._ask(INTERPRETER, _capped(wasm, MODULE_BYTES), 2, seconds=INTERPRETER_SECONDS)
        return Artifact(report=_report(report), native=native)

    async def assemble(self, text: str) -> bytes:
        """The binary form of *text*. Raises: ModuleRefused, CompilerUnavailable."""
        (wasm,) = await self._ask(ASSEMBLE, _capped(text.encode("utf-8"), TEXT_BYTES), 1)
        return wasm

    async def _ask(self, operation: str, data: bytes, parts: int, *, seconds: float | None = None) -> tuple[bytes, ...]:
        async with self._turn:
            job = _Job(data, (operation, self._unprivileged, self._memory_bytes), seconds or self._seconds)
            running = asyncio.ensure_future(asyncio.to_thread(job.run))
            try:
                answer = await asyncio.shield(running)
            except asyncio.CancelledError:
                job.stop()
                await asyncio.wait({running})
                running.exception()  # whatever it was: the caller is gone
                raise
        if len(answer) != parts:
            raise ModuleRefused("the compiler broke off: the module takes more memory or time than it is given")
        return answer


class _Job:
    """One child's life, in a thread of this process."""

    def __init__(self, data: bytes, leading: tuple[str | int, ...], seconds: float) -> None:
        self._data = data
        self._leading = leading
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._stopped = False

    def run(self) -> tuple[bytes, ...]:
        """Start the child, have it confined, and read its answer."""
        child = self._started()
        try:
            return self._conversation(child)
        finally:
            with self._lock:
                child.kill()
                child.wait()
                self._child = None

    def stop(self) -> None:
        """End the child now."""
        with self._lock:
            self._stopped = True
            if self._child is not None:
                self._child.kill()

    def _started(self) -> Child:
        source = sealed(self._data)
        try:
            with self._lock:
                if self._stopped:
                    raise CompilerUnavailable("the request was cancelled")
                self._child = start(_CHILD, self._leading, source)
                return self._child
        except SpawnError as error:
            raise CompilerUnavailable(str(error)) from error
        finally:
            os.close(source)

    def _conversation(self, child: Child) -> tuple[bytes, ...]:
        answers = _Answers(child.replies, time.monotonic() + self._seconds)
        hello = answers.next()
        if hello != READY:
            raise CompilerUnavailable(_refusal(hello) or "the compiler ended before it was confined")
        flaw = unconfined(child.pid)
        if flaw is not None:
            raise CompilerUnavailable(f"the compiler is not confined: {flaw}")
        os.write(child.requests, b"\x01")
        parts: list[bytes] = []
        while (part := answers.next()) is not None:
            refusal = _refusal(part)
            if refusal is not None:
                raise ModuleRefused(refusal)
            parts.append(part)
        return tuple(parts)


class _Answers:
    """Frames from a child until a deadline, with a cap on all of them together."""

    def __init__(self, descriptor: int, deadline: float) -> None:
        self._descriptor = descriptor
        self._deadline = deadline
        self._buffer = bytearray()
        self._room = _ANSWER_BYTES
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def next(self) -> bytes | None:
        """The next frame, or None when the child has ended. Raises: ModuleRefused at the deadline."""
        if not self._fill(HEAD.size):
            return None
        (length,) = HEAD.unpack_from(self._buffer)
        if not self._fill(HEAD.size + length):
            return None
        body = bytes(self._buffer[HEAD.size : HEAD.size + length])
        del self._buffer[: HEAD.size + length]
        return body

    def _fill(self, wanted: int) -> bool:
        while len(self._buffer) < wanted:
            left = self._deadline - time.monotonic()
            if left <= 0 or not self._poll.poll(left * 1000):
                raise ModuleRefused("the module takes longer to compile than it is given")
            more = os.read(self._descriptor, _CHUNK)
            self._room -= len(more)
            if not more or self._room < 0:
                return False
            self._buffer += more
        return True


def _refusal(part: bytes | None) -> str | None:
    if part is None or not part.startswith(REFUSED):
        return None
    return part[len(REFUSED) :].decode("utf-8", errors="replace")


def _report(data: bytes) -> ModuleReport:
    try:
        return read_report(data)
    except (ValueError, KeyError, TypeError):
        raise ModuleRefused("the scan's report cannot be read") from None


def _capped(data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise ModuleRefused(f"the module has more than {limit} bytes")
    return data
