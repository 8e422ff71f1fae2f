"""The one system call Python lacks: openat2(2), through ctypes; never called with anything but our own constants."""

import ctypes
import os
import platform
import sys
from functools import cache
from typing import Final

RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_BENEATH: Final = 0x08
"""From linux/openat2.h. Beneath also stops at magic links; both are said, so that neither depends on the other."""

_SYS_OPENAT2: Final = 437
"""The same number on every architecture that took the call up in Linux 5.6 in the common table."""
_ARCHITECTURES: Final = frozenset({"x86_64", "aarch64"})


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def openat2(folder: int, path: str, flags: int, resolve: int) -> int:
    """Open *path* from the descriptor *folder* without ever resolving to outside it; answers a descriptor.

    Raises: OSError with the kernel's errno: EXDEV when the way leads out, ELOOP for a magic link, EAGAIN when a
    rename somewhere raced a `..` inside a link.
    """
    how = _OpenHow(flags=flags | os.O_CLOEXEC, mode=0, resolve=resolve)
    descriptor = _libc().syscall(
        ctypes.c_long(_SYS_OPENAT2),
        ctypes.c_int(folder),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(descriptor)


def openat2_works(folder: int) -> bool:
    """Whether this kernel, and whatever filters our system calls, lets openat2 through: tried on *folder* itself."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return False
    try:
        probe = openat2(folder, ".", os.O_RDONLY | os.O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
    except OSError:
        return False
    os.close(probe)
    return True
