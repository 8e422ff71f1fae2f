"""Runs one command in the workspace as a confined child and collects what it wrote; never runs one unconfined.

1. The environment is `PATH`, `LANG`, `HOME`, `TMPDIR` and `GIT_CONFIG_NOSYSTEM` (git gives up when it may not read the
   system's configuration), and nothing of the server's is in it.
2. The workspace may be read and written, but for the protected names (see `ChildSpec.protected`): at its top whether
   they exist or not, below it those that exist, three folders down. Programs and libraries of the system may be read.
3. A scratch folder of its own is made for each command (`TMPDIR`) and removed after it.
4. No network, not even to this machine.
5. Output beyond the limit, the deadline, the memory limit and cancellation all end the command and whatever it
   started; so does its own end: nothing runs on in the background.

Lists of forbidden commands protect nobody, so there is none: what holds is what the kernel holds.
"""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from holdfast.contracts import (
    Completed,
    InvalidRequest,
    Json,
    LimitName,
    Limits,
    OperatorError,
    Outcome,
    Reason,
    Refusal,
    Refused,
    Stopped,
    Text,
    Usage,
)

from .children import SYSTEM_READABLE, ChildSpec, ConfinedChild, Exit, Launcher
from .workspace import PROTECTED_NAMES

_READ_BYTES: Final = 1 << 16
_SIGNALLED: Final = 128
"""What shells add to the number of the signal that ended a command."""


class Shell:
    """Runs commands in one workspace."""

    def __init__(
        self,
        launcher: Launcher,
        root: Path,
        *,
        protected: frozenset[str] = PROTECTED_NAMES,
        readable: tuple[str, ...] = SYSTEM_READABLE,
        max_processes: int = 64,
    ) -> None:
        """Run in *root*; *readable* is all else a command may read."""
        self._launcher = launcher
        self._root = Path(os.path.realpath(root))
        self._protected = protected
        self._readable = readable
        self._max_processes = max_processes

    async def run(self, argv: tuple[str, ...], /, *, cwd: str, wall_ms: int, limits: Limits) -> Outcome:
        """Run *argv* in folder *cwd* of the workspace, for at most *wall_ms* milliseconds in all.

        Completed is an error when the exit code is not 0; `structured` is `{exit_code, stdout, stderr}`, and a command
        that a signal ended has the exit code 128 and the signal's number.

        Raises: InvalidRequest when *cwd* is no folder; Refusal when it leads out of the workspace.
        """
        folder = self._folder(cwd)
        started = time.perf_counter()
        try:
            async with _scratch() as scratch:
                spec = self._spec(argv, folder, scratch, limits)
                async with await self._launcher.launch(spec) as child:
                    return await _attended(child, limits, started=started, wall_ms=wall_ms)
        except OperatorError as error:
            return Refused(reason=_cannot_confine(error), usage=Usage(wall_ms=_elapsed_ms(started)))

    def _spec(self, argv: tuple[str, ...], folder: str, scratch: str, limits: Limits) -> ChildSpec:
        return ChildSpec(
            argv=argv,
            cwd=folder,
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "LANG": "C.UTF-8",
                "HOME": str(self._root),
                "GIT_CONFIG_NOSYSTEM": "1",
                "TMPDIR": scratch,
            },
            readable=self._readable,
            writable=(str(self._root),),
            scratch=(scratch,),
            protected=self._protected,
            memory_bytes=limits.memory_bytes,
            max_processes=self._max_processes,
        )

    def _folder(self, cwd: str) -> str:
        if "\0" in cwd or Path(cwd).is_absolute():
            raise _outside()
        real = Path(os.path.realpath(self._root / cwd))
        if not real.is_relative_to(self._root):
            raise _outside()
        if not real.is_dir():
            raise InvalidRequest("`cwd` is not a folder of the workspace")
        return str(real)


class _Overflow(Exception):
    """More output than is kept."""


class _Written:
    """What a command wrote: both streams, out of one room."""

    def __init__(self, room: int) -> None:
        self._room = room
        self.stdout = bytearray()
        self.stderr = bytearray()

    @property
    def size(self) -> int:
        """Bytes of both."""
        return len(self.stdout) + len(self.stderr)

    async def collect(self, receive: Callable[[int], Awaitable[bytes]], into: bytearray) -> None:
        """Append to *into* until the stream ends. Raises: _Overflow past the room."""
        while chunk := await receive(_READ_BYTES):
            into += chunk
            if self.size > self._room:
                raise _Overflow


async def _attended(child: ConfinedChild, limits: Limits, *, started: float, wall_ms: int) -> Outcome:
    written = _Written(limits.total_output_bytes)
    try:
        async with asyncio.timeout(wall_ms / 1000 - (time.perf_counter() - started)):
            await child.end_input()
            await _collected(child, written)
            ended = await child.wait()
    except TimeoutError:
        return _stopped(LimitName.WALL, child, written, started)
    except _Overflow:
        return _stopped(LimitName.OUTPUT, child, written, started)
    if ended.tripped:
        return Refused(reason=_protected_name(), usage=_usage(written, started), isolation=child.isolation)
    if ended.killed:  # by nobody here: what is left is the memory limit
        return _stopped(LimitName.MEMORY, child, written, started)
    return _completed(ended, child, written, started)


async def _collected(child: ConfinedChild, written: _Written) -> None:
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(written.collect(child.receive, written.stdout))
            both.create_task(written.collect(child.receive_error, written.stderr))
    except* _Overflow:
        raise _Overflow from None


def _stopped(limit: LimitName, child: ConfinedChild, written: _Written, started: float) -> Stopped:
    return Stopped(limit=limit, usage=_usage(written, started), isolation=child.isolation)


def _completed(ended: Exit, child: ConfinedChild, written: _Written, started: float) -> Completed:
    code = _SIGNALLED + ended.signal if ended.signal else ended.code
    stdout = written.stdout.decode("utf-8", errors="replace")
    stderr = written.stderr.decode("utf-8", errors="replace")
    structured: Json = {"exit_code": code, "stdout": stdout, "stderr": stderr}
    return Completed(
        content=tuple(Text(text=text) for text in (stdout, stderr) if text) or (Text(text=""),),
        structured=structured,
        is_error=code != 0,
        usage=_usage(written, started),
        isolation=child.isolation,
    )


def _usage(written: _Written, started: float) -> Usage:
    return Usage(wall_ms=_elapsed_ms(started), output_bytes=written.size)


def _elapsed_ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000


@asynccontextmanager
async def _scratch() -> AsyncGenerator[str]:
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="holdfast-shell-")
    try:
        yield folder
    finally:
        # Everything that could write to it has ended. A folder that a command made unreadable may stay behind.
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


def _outside() -> Refusal:
    return Refusal(
        Reason(
            code="shell/cwd-outside-workspace",
            layer="shell",
            message="`cwd` leads out of the workspace; give a folder relative to its root",
            remedy='set `[workspace] root = "..."` in holdfast.toml to a folder that holds it',
        )
    )


def _protected_name() -> Reason:
    return Reason(
        code="shell/protected-name",
        layer="shell",
        message="the command made a write-protected name at the top of the workspace; it was ended, the name set aside",
        remedy='under `[workspace]` in holdfast.toml, drop it from `write_denied` or name it in `released = ["…"]`',
    )


def _cannot_confine(error: OperatorError) -> Reason:
    return Reason(
        code="shell/cannot-confine",
        layer="shell",
        message=f"the command was not run: {error.message}",
        remedy="put right what the message names, or set `[workspace] root` in holdfast.toml to another folder",
    )
