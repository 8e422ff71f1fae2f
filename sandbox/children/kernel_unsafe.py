"""System calls of a keeper before it starts a child: subreaper, mounts, identity, Landlock. It undoes none of them."""

import contextlib
import ctypes
import os
import struct
from typing import Final

from holdfast.contracts import OperatorError

from ..confinement.kernel_unsafe import landlock_abi

_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_SET_DUMPABLE: Final = 4
_PR_SET_SECUREBITS: Final = 28
_PR_CAPBSET_DROP: Final = 24
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_SECURE_NO_ROOT: Final = 0b1111  # SECBIT_NOROOT and SECBIT_NO_SETUID_FIXUP, both locked
_LAST_CAPABILITY: Final = 63

_CLONE_NEWNS: Final = 0x0002_0000
_CLONE_NEWUSER: Final = 0x1000_0000
_MS_BIND: Final = 4096
_MS_REC: Final = 16384
_MS_PRIVATE: Final = 1 << 18
_MOUNT_SETATTR: Final = 442  # the same number on every machine, as are Landlock's
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
_ATTR_RDONLY: Final = 1
_ATTR_NOSUID: Final = 2
_ATTR_NODEV: Final = 4

_LANDLOCK_CREATE: Final = 444
_LANDLOCK_ADD: Final = 445
_LANDLOCK_RESTRICT: Final = 446
_PATH_BENEATH: Final = 1
# linux/landlock.h, `LANDLOCK_ACCESS_FS_*`
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_MAKE_CHAR, _MAKE_SOCK, _MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ALL: Final = (1 << 16) - 1
_FILE_ONLY: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_NET_BIND_AND_CONNECT: Final = 3
_LEAST_ABI: Final = 6
"""What sandlock needs: scoped signals and abstract sockets."""

READ: Final = _EXECUTE | _READ_FILE | _READ_DIR
LIST: Final = _READ_DIR
WRITE: Final = _ALL & ~(_MAKE_CHAR | _MAKE_BLOCK | _MAKE_SOCK | _IOCTL_DEV)
"""Everything but making devices and sockets: ways out of confinement."""
DEVICE: Final = _READ_FILE | _WRITE_FILE

_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Orphans below this process become its children instead of init's."""
    _done(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "subreaper")


def own_mounts() -> bool:
    """Enter a mount namespace of our own, in a user namespace of our own when we are not root.

    False when we may not; nothing has changed then.
    """
    if os.geteuid() == 0:
        return bool(_libc.unshare(_CLONE_NEWNS) == 0)
    user, group = os.geteuid(), os.getegid()
    if _libc.unshare(_CLONE_NEWNS | _CLONE_NEWUSER) != 0:
        return False
    # The same numbers inside as outside: it is only there to be allowed to mount.
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as written:  # noqa: PTH123 -- not a file to replace
            written.write(text)
    return True


def freeze_mounts(writable: tuple[str, ...], guarded: tuple[str, ...]) -> None:
    """Make all mounts but those of *writable* read-only, and *guarded* below those too. Only ever for ourselves."""
    _done(_libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None), "private mounts")
    for path in (*writable, *guarded):
        name = os.fsencode(path)
        _done(_libc.mount(name, name, None, _MS_BIND | _MS_REC, None), "bind mount")
    _set_attributes("/", added=_ATTR_RDONLY | _ATTR_NOSUID, flags=_AT_RECURSIVE)
    for path in writable:
        _set_attributes(path, added=_ATTR_NODEV, removed=_ATTR_RDONLY)


def become(user: int, group: int) -> None:
    """Change to *user* and *group* for good, without supplementary groups."""
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    # Changing user clears it, and then sandlock may not look into the child, which has the same user.
    _done(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "dumpable")


def lock_out_root() -> None:
    """Being user 0 gives no capability from here on, not even to a program that is run."""
    for capability in range(_LAST_CAPABILITY + 1):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # beyond the last one this kernel knows
    _done(_libc.prctl(_PR_SET_SECUREBITS, _SECURE_NO_ROOT, 0, 0, 0), "securebits")
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


def landlock_beneath(grants: tuple[tuple[str, int], ...], *, tcp: bool) -> None:
    """Allow what *grants* name (path and rights) and no other file; without *tcp* no TCP either.

    Binds this thread and those it starts.
    """
    if landlock_abi() < _LEAST_ABI:
        raise OperatorError(f"this kernel's Landlock is older than ABI {_LEAST_ABI}")
    attributes = struct.pack("QQQ", _ALL, 0 if tcp else _NET_BIND_AND_CONNECT, 0)
    ruleset: int = _libc.syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0)
    _done(min(ruleset, 0), "landlock ruleset")
    try:
        for path, rights in grants:
            _grant(ruleset, path, rights)
        _done(_libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0), "landlock")
    finally:
        os.close(ruleset)


def _grant(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError):  # gone since it was planned: then it grants nothing
        where = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):  # noqa: PTH112 -- a file takes only the rights of files
                rights &= _FILE_ONLY
            rule = struct.pack("=Qi", rights, where)
            _done(_libc.syscall(_LANDLOCK_ADD, ruleset, _PATH_BENEATH, rule, 0), "landlock rule")
        finally:
            os.close(where)


def _set_attributes(path: str, *, added: int = 0, removed: int = 0, flags: int = 0) -> None:
    attributes = struct.pack("QQQQ", added, removed, 0, 0)
    answer = _libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(path), flags, attributes, len(attributes))
    _done(answer, "mount attributes")


def _done(answer: int, step: str) -> None:
    if answer != 0:
        raise OperatorError(f"{step}: {os.strerror(ctypes.get_errno()).lower()}")
