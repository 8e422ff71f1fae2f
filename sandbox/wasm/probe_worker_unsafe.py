"""The children of the probes. They become confined exactly as a worker does, and then do what a worker must not.

No worker imports this module, and no frame leads here: a worker that serves tools cannot be talked into a probe.
"""

import ctypes
import json
import os
import signal
import socket
import threading
from typing import Final

from ..confinement.kernel_unsafe import ConfinementError, landlock_abi
from .birth import READY, REFUSED, read_birth
from .compile_worker import COMPILE, confine, prepared
from .confined import become_confined, become_unsealed
from .engine import Engine, ModuleRejected, warm
from .frames import BIRTH_CAP
from .hostcalls import HostCalls
from .pipes import read_frame, write_frame

FORBIDDEN: Final = ("open", "socket", "connect", "execve", "fork", "ptrace", "kill")
"""Functions of libc, each a system call or two. As a signal's handler one is called with the signal's number and two
pointers, which makes each of them harmless where it is not refused: `kill` of a signal that does not exist, `open` of a
path at address 10."""
CONTROL: Final = "_exit"
"""Allowed, and ends the process with the signal's number as its status: it shows that the others are really tried."""

_EXIT_REFUSED: Final = 70
_NET_SINCE: Final = 4


def main(function: str, module_descriptor: int, requests: int, replies: int) -> None:
    """Be confined with *function* as the handler of SIGUSR1, on every thread. Never returns."""
    try:
        body = read_frame(requests, cap=BIRTH_CAP)
        if body is None or function not in (*FORBIDDEN, CONTROL):
            os._exit(_EXIT_REFUSED)
        _answer_with(function)
        become_confined(read_birth(body), module_descriptor, HostCalls(requests, replies))
    except (ConfinementError, ModuleRejected, OSError, ValueError) as error:
        write_frame(replies, REFUSED + str(error).encode()[:400])
        os._exit(_EXIT_REFUSED)
    write_frame(replies, READY)
    os.read(requests, 1)
    os._exit(0)


def compiler(function: str, unprivileged: int, memory_bytes: int, _source: int, requests: int, replies: int) -> None:
    """As `main`, but confined as the compile worker is. Never returns."""
    try:
        if function not in (*FORBIDDEN, CONTROL):
            os._exit(_EXIT_REFUSED)
        _answer_with(function)
        prepared(COMPILE)
        confine(unprivileged, memory_bytes)
    except (ConfinementError, OSError) as error:
        write_frame(replies, REFUSED + str(error).encode()[:400])
        os._exit(_EXIT_REFUSED)
    write_frame(replies, READY)
    os.read(requests, 1)
    os._exit(0)


def _answer_with(function: str) -> None:
    """Make *function* the handler of SIGUSR1 on every thread."""
    libc = ctypes.CDLL(None)
    handler = ctypes.cast(getattr(libc, function), ctypes.c_void_p)
    libc.signal.restype = ctypes.c_void_p
    libc.signal(signal.SIGUSR1, handler)


def landlock(module_descriptor: int, requests: int, replies: int) -> None:
    """Be confined but for the filter, and answer what Landlock alone refuses on each kind of thread. Never returns."""
    try:
        body = read_frame(requests, cap=BIRTH_CAP)
        if body is None:
            os._exit(_EXIT_REFUSED)
        unsealed = become_unsealed(read_birth(body), module_descriptor, HostCalls(requests, replies))
        refused: dict[str, dict[str, bool]] = {"main": _refused()}
        thread = threading.Thread(target=lambda: refused.update(later=_refused()))
        thread.start()
        thread.join()
        refused["wasi"] = _on_the_wasi_thread(unsealed.running)
        write_frame(replies, json.dumps(refused).encode("ascii"))
    except (ConfinementError, ModuleRejected, OSError, ValueError) as error:
        write_frame(replies, REFUSED + str(error).encode()[:400])
    os._exit(0)


def _on_the_wasi_thread(running: Engine) -> dict[str, bool]:
    """What is refused where WASI hears what a guest writes: that is one of its own threads."""
    refused: dict[str, bool] = {"reached": False}
    main_thread = threading.get_ident()

    def heard(data: bytes) -> int:
        if threading.get_ident() != main_thread:
            refused.update(_refused(), reached=True)
        return len(data)

    warm(running, heard)
    return refused


def _refused() -> dict[str, bool]:
    refused = {"open": False, "list": False}
    try:
        os.close(os.open("/proc/self/status", os.O_RDONLY))
    except PermissionError:
        refused["open"] = True
    try:
        os.listdir("/")  # noqa: PTH208 -- the system call is the point
    except PermissionError:
        refused["list"] = True
    if landlock_abi() >= _NET_SINCE:
        refused["connect"] = _connect_refused()
    return refused


def _connect_refused() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(("127.0.0.1", 9))
        except PermissionError:
            return True
        except OSError:
            return False
    return False
