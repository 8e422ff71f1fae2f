"""The launching process: forks a keeper for each request of the server. Knows nothing, holds nothing, decides nothing.

It is started without environment, reads one socket, and is gone when the server closes it. Its keepers notice for
themselves that the server is gone.
"""

import array
import gc
import json
import os
import select
import signal
import socket
from contextlib import suppress
from typing import Any, Final

from . import kernel_unsafe as kernel
from .keeper_unsafe import keep
from .spec import Plan
from .tree import descendants

MESSAGE_BYTES: Final = 1 << 18
"""Longest request. Linux passes no single argument over 128 KiB to a program."""

_STREAMS_AND_CONTROL: Final = 4


def serve(requests: socket.socket) -> None:
    """Fork a keeper for every plan that comes with four descriptors, until the socket ends."""
    kernel.become_subreaper()
    waker, wakened = socket.socketpair()
    waker.setblocking(False)
    wakened.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    keepers: set[int] = set()
    while True:
        ready, _, _ = select.select([requests, wakened], [], [])
        if wakened in ready:
            wakened.recv(4096)
            _reap(keepers)
        if requests in ready and not _serve_one(requests, keepers, (waker.fileno(), wakened.fileno())):
            return


def _serve_one(requests: socket.socket, keepers: set[int], ours: tuple[int, int]) -> bool:
    data, descriptors = _received(requests)
    if not data:
        return False
    try:
        if len(descriptors) == _STREAMS_AND_CONTROL:
            keeper = os.fork()
            if keeper == 0:
                _become_keeper(data, descriptors, (requests.fileno(), *ours))
            keepers.add(keeper)
    finally:
        for one in descriptors:
            os.close(one)
    return True


def _become_keeper(data: bytes, descriptors: tuple[int, ...], inherited: tuple[int, ...]) -> None:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one in inherited:
            os.close(one)
        stdin, stdout, stderr, control = descriptors
        keep(_plan(json.loads(data)), (stdin, stdout, stderr), control)
    finally:
        os._exit(1)  # the server reads the end of the control channel as a failure to start


def _received(requests: socket.socket) -> tuple[bytes, tuple[int, ...]]:
    numbers = array.array("i")
    room = socket.CMSG_SPACE(_STREAMS_AND_CONTROL * numbers.itemsize)
    data, ancillary, _flags, _address = requests.recvmsg(MESSAGE_BYTES, room)
    for level, kind, body in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(body[: len(body) - len(body) % numbers.itemsize])
    return data, tuple(numbers)


def _plan(written: dict[str, Any]) -> Plan:
    """What `asdict` wrote; JSON has made lists of its tuples. The server wrote it, so it is not checked again."""
    return Plan(
        argv=tuple(written["argv"]),
        cwd=written["cwd"],
        env=written["env"],
        readable=tuple(written["readable"]),
        writable=tuple(written["writable"]),
        scratch=tuple(written["scratch"]),
        guarded=tuple(written["guarded"]),
        protected=tuple(written["protected"]),
        network=tuple((address, port) for address, port in written["network"]),
        memory_bytes=written["memory_bytes"],
        max_processes=written["max_processes"],
        max_open_files=written["max_open_files"],
        file_bytes=written["file_bytes"],
    )


def _reap(keepers: set[int]) -> None:
    left_behind = False
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
            gone, status = ended
            # A keeper that ended by itself has reaped all that was below it; looking would cost 3 ms a child.
            left_behind = left_behind or gone not in keepers or not os.WIFEXITED(status)
            keepers.discard(gone)
    if left_behind:
        _end_orphans(keepers)


def _end_orphans(keepers: set[int]) -> None:
    """A keeper that was killed left its children to us. There is no other way to become a child of this process."""
    for process in descendants(os.getpid(), but=frozenset(keepers)):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def main(descriptor: int) -> None:
    """Serve the socket *descriptor*."""
    gc.collect()
    gc.freeze()  # a keeper that collects garbage would copy every page it shares with us
    serve(socket.socket(fileno=descriptor))
