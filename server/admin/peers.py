"""Who is at the other end of a Unix socket, as the kernel says, and where such a socket may lie."""

import os
import socket
import stat
import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from holdfast.contracts import OperatorError

_UCRED = struct.Struct("3i")
_MAX_PATH = 100
"""`sun_path` has 108 bytes on Linux, with a NUL at the end."""


def peer_uid(connection: socket.socket) -> int:
    """The user of the process that connected, or that listens.

    Raises: OperatorError where the kernel does not say.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        raise OperatorError("this system does not say who is at the other end of a socket; the admin socket is off")
    _pid, uid, _gid = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, option, _UCRED.size))
    return int(uid)


def is_trusted(uid: int) -> bool:
    """Whether *uid* is this process's own user or root, who could do everything anyway."""
    return uid in (os.geteuid(), 0)


@contextmanager
def address_of(path: Path) -> Generator[str]:
    """A name for *path* that fits a socket address however deep the folder is, while the block lasts."""
    if len(os.fsencode(path)) <= _MAX_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def remove_stale(path: Path) -> None:
    """Take away a socket that a dead server left. The caller holds the data directory's lock.

    Raises: OperatorError when something that is no socket lies there.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OperatorError(f"`{path}` is in the way of the admin socket", remedy="move it away")
    path.unlink()
