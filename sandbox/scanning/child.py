"""The child's side: confines itself, then answers one job after another. It opens nothing and starts nothing.

What it works with is loaded and tried before confinement; afterwards nothing can be loaded any more. What a job raises
is answered as not done. The text is hostile and the libraries are large: what leaves is believed in its shape alone.
"""

import os
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from ..confinement.alone import confine_alone
from ..confinement.kernel_unsafe import ConfinementError
from ..confinement.syscalls import SCANS
from ..wasm.birth import READY, REFUSED
from ..wasm.frames import FrameError
from ..wasm.pipes import read_frame, write_frame

Work: TypeAlias = Callable[[bytes], bytes]

JOB_BYTES: Final = 8 << 20
"""The most that one job may be about."""
DONE: Final = b"+"
NOT_DONE: Final = b"-"
_EXIT_REFUSED: Final = 70


def serve(
    works: Mapping[str, Work],
    unprivileged: int,
    memory_bytes: int,
    cpu_seconds: int,
    source: int,
    jobs: int,
    answers: int,
) -> None:
    """Answer jobs, each the name of one of *works* and its data, until the parent closes. Never returns."""
    os.close(source)
    try:
        confine_alone(unprivileged, memory_bytes, cpu_seconds, SCANS)
        write_frame(answers, READY)
    except (ConfinementError, OSError) as error:
        write_frame(answers, REFUSED + str(error).encode("utf-8", errors="replace"))
        os._exit(_EXIT_REFUSED)
    try:
        while (job := read_frame(jobs, cap=JOB_BYTES)) is not None:
            write_frame(answers, _answer(works, job))
    except (FrameError, OSError):
        os._exit(_EXIT_REFUSED)
    os._exit(0)


def _answer(works: Mapping[str, Work], job: bytes) -> bytes:
    name, _, data = job.partition(b"\n")
    try:
        return DONE + works[name.decode("ascii")](data)
    except Exception:  # noqa: BLE001 -- whatever broke, it was not done
        return NOT_DONE
