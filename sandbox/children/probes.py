"""Proves on this machine, now, that a confined child cannot do what it must not; never takes a version for a proof."""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.contracts import OperatorError
from holdfast.contracts.json_values import parse

from .launcher import Launcher
from .spec import SYSTEM_READABLE, ChildSpec

_PROGRAM: Final = str(Path(__file__).with_name("attempts_unsafe.py").resolve())
# The interpreter itself, without the environment around it: nothing of what is installed there is needed.
_INTERPRETER: Final = os.path.realpath(sys.executable)
_INSTALLATION: Final = os.path.realpath(sys.base_prefix)
_SECONDS: Final = 30.0
_LINE_BYTES: Final = 1 << 16
_PROBES: Final = 20
"""Ten attempts from each of two threads: fewer answers prove nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One attempt made inside a confined child."""

    name: str
    thread: str
    held: bool
    how: str
    """What the kernel answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Children cannot be confined here: what needs them is disabled with this reason."""

    reason: str
    probes: tuple[Probe, ...] = ()


async def probe(launcher: Launcher) -> tuple[Probe, ...] | Unavailable:
    """Start a confined child that tries what must fail, against listeners and files made for it.

    Answers every attempt when all held, and otherwise why children are unavailable.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            probes = await _probes(launcher)
    except OperatorError as error:
        return Unavailable(reason=error.message)
    except TimeoutError:
        return Unavailable(reason=f"the probes did not end within {_SECONDS:.0f} seconds")
    broken = sorted({one.name for one in probes if not one.held})
    if broken:
        return Unavailable(reason="a confined child could " + ", ".join(broken), probes=probes)
    if len(probes) != _PROBES:
        return Unavailable(reason="the probes ended before they had tried everything", probes=probes)
    return probes


async def _probes(launcher: Launcher) -> tuple[Probe, ...]:
    with _targets() as (outside, port):
        spec = ChildSpec(
            argv=(_INTERPRETER, "-I", "-S", _PROGRAM, outside, str(port), str(os.getpid())),
            cwd="/usr",
            readable=(*SYSTEM_READABLE, _INSTALLATION, _PROGRAM),
        )
        async with await launcher.launch(spec, keep_log_bytes=_LINE_BYTES) as child:
            written = bytearray()
            while chunk := await child.receive(_LINE_BYTES):
                written += chunk
            await child.wait()
    return tuple(map(_read, bytes(written).splitlines()))


def _read(line: bytes) -> Probe:
    said = parse(line)
    if not isinstance(said, dict):
        raise OperatorError("the probes answered what is no probe")
    return Probe(
        name=str(said.get("name")),
        thread=str(said.get("thread")),
        held=said.get("held") is True,
        how=str(said.get("how")),
    )


@contextmanager
def _targets() -> Generator[tuple[str, int]]:
    """A folder nobody was granted with a file and a listening Unix socket in it, and a listening TCP port."""
    outside = tempfile.mkdtemp(prefix="holdfast-probe-")
    try:
        (Path(outside) / "canary").write_bytes(b"canary")
        with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
            tcp.bind(("127.0.0.1", 0))
            tcp.listen()
            unix.bind(f"{outside}/listener")
            unix.listen()
            yield outside, tcp.getsockname()[1]
    finally:
        shutil.rmtree(outside, ignore_errors=True)
