"""The child that runs one tool: confines itself, says so, then answers one call at a time until its pipe closes.

It decides nothing. It trusts its birth, which comes from the parent before confinement, and no frame after it.
"""

import dataclasses
import os
import time
from typing import Final

from ..confinement.kernel_unsafe import ConfinementError
from .birth import READY, REFUSED, read_birth
from .confined import Confined, become_confined
from .engine import ModuleRejected
from .frames import BIRTH_CAP, REQUEST_CAP, FrameError, Reply, Request, read_request, reply_frame
from .guests import Preparing
from .hostcalls import HostCalls, HostLost
from .pipes import Waiting, read_frame, write_all, write_frame

_QUIET_S: Final = 0.002
"""Of silence, after which a guest may use the processor for a call that is not there: the parent needs it first."""
_EXIT_REFUSED: Final = 70
_EXIT_FRAME: Final = 76
_REASON_BYTES: Final = 400


def main(module_descriptor: int, requests: int, replies: int) -> None:
    """Live and end. Never returns."""
    host = HostCalls(requests, replies)
    waiting = Waiting(requests)
    confined = _confined(module_descriptor, requests, replies, host)
    write_frame(replies, READY)
    try:
        while (body := _next(confined, requests, waiting)) is not None:
            reply = _run(confined, read_request(body))
            if host.lost:
                os._exit(_EXIT_FRAME)
            write_all(replies, reply_frame(reply))
    except (FrameError, OSError, MemoryError, HostLost):
        os._exit(_EXIT_FRAME)
    os._exit(0)


def _next(confined: Confined, requests: int, waiting: Waiting) -> bytes | None:
    """The next request; until it is there, the guest prepares for it."""
    if isinstance(confined.guest, Preparing):
        confined.guest.prepare(lambda: waiting.nothing_for(_QUIET_S))
    return read_frame(requests, cap=REQUEST_CAP)


def _confined(module_descriptor: int, requests: int, replies: int, host: HostCalls) -> Confined:
    try:
        body = read_frame(requests, cap=BIRTH_CAP)
        if body is None:
            os._exit(0)
        return become_confined(read_birth(body), module_descriptor, host)
    except (ConfinementError, ModuleRejected, FrameError, OSError, ValueError) as error:
        write_frame(replies, REFUSED + str(error).encode("utf-8", errors="replace")[:_REASON_BYTES])
        os._exit(_EXIT_REFUSED)


def _run(confined: Confined, request: Request) -> Reply:
    confined.ticker.begin(request.wall_ms)
    try:
        reply = confined.guest.run(request)
    finally:
        confined.ticker.end()
    return dataclasses.replace(reply, cpu_us=int(time.process_time() * 1_000_000))
