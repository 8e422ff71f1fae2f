"""The system calls that confine this process: Landlock, seccomp, capabilities, identity. None can be taken back.

Nothing here grants anything. Every function either did what its name says or raised `ConfinementError`.
"""

import ctypes
import os
import struct
from typing import Final

from .bpf import assemble
from .syscalls import Machine, Rule

_LANDLOCK_CREATE_RULESET: Final = 444  # the same numbers on every machine
_LANDLOCK_RESTRICT_SELF: Final = 446
_LANDLOCK_VERSION: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PR_SET_DUMPABLE: Final = 4
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_CAPABILITY_VERSION_3: Final = 0x2008_0522
_LAST_CAPABILITY: Final = 63  # the 64 bits a version 3 header has; the kernel refuses those it does not know
_SECCOMP_SET_MODE_FILTER: Final = 1
_SECCOMP_GET_ACTION_AVAIL: Final = 2
_SECCOMP_FILTER_FLAG_TSYNC: Final = 1
_M_ARENA_MAX: Final = -8
_INSTRUCTION_BYTES: Final = 8

# linux/landlock.h: rights known from each ABI on. All that exist are handled, none is granted.
_FILE_RIGHTS: Final = ((5, (1 << 16) - 1), (3, (1 << 15) - 1), (2, (1 << 14) - 1), (1, (1 << 13) - 1))
_NET_FROM: Final = 4
_NET_RIGHTS: Final = 3
_SCOPES_FROM: Final = 6
_SCOPES: Final = 3


class ConfinementError(Exception):
    """The kernel did not confine us. Names the step; whoever catches it must not go on."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


_libc = ctypes.CDLL(None, use_errno=True)


def landlock_abi() -> int:
    """The kernel's Landlock ABI; 0 when there is none."""
    version: int = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    return max(version, 0)


def seccomp_can_kill(machine: Machine) -> bool:
    """Whether the kernel filters system calls and can kill the whole process for one."""
    action = ctypes.c_uint32(0x8000_0000)
    answer: int = _libc.syscall(machine.seccomp, _SECCOMP_GET_ACTION_AVAIL, 0, ctypes.byref(action))
    return answer == 0


def forbid_new_privileges() -> None:
    """No program run from here can gain privileges. Landlock and seccomp ask for it."""
    _done(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def landlock_nothing() -> None:
    """Handle every right the kernel knows and grant none. Binds this thread and those it starts later."""
    abi = landlock_abi()
    rights = next((mask for since, mask in _FILE_RIGHTS if abi >= since), 0)
    if not rights:
        raise ConfinementError("landlock: this kernel has none")
    net = _NET_RIGHTS if abi >= _NET_FROM else 0
    scopes = _SCOPES if abi >= _SCOPES_FROM else 0
    attributes = struct.pack("QQQ", rights, net, scopes)
    size = 24 if abi >= _SCOPES_FROM else 16 if abi >= _NET_FROM else 8
    ruleset: int = _libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, size, 0)
    _done(min(ruleset, 0), "landlock ruleset")
    try:
        _done(_libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock")
    finally:
        os.close(ruleset)


def drop_privileges(unprivileged: int) -> None:
    """Give up every capability and, when we are root, become user and group *unprivileged*.

    Must run while there is one thread: capabilities belong to threads.
    """
    if os.geteuid() == 0 or os.getuid() == 0:
        _drop_bounding_set()
        os.setgroups([])
        os.setresgid(unprivileged, unprivileged, unprivileged)
        os.setresuid(unprivileged, unprivileged, unprivileged)
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)  # absent before Linux 4.3; capset clears it too
    _done(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "dumpable")


def clear_capabilities(machine: Machine) -> None:
    """Empty the effective, permitted and inheritable sets of this thread."""
    header = struct.pack("II", _CAPABILITY_VERSION_3, 0)
    _done(_libc.syscall(machine.capset, header, bytes(24)), "capset")


def allow_only(rules: tuple[Rule, ...], machine: Machine) -> None:
    """Filter the system calls of every thread: what *rules* do not allow kills the process."""
    program = assemble(rules, machine)
    kept = ctypes.create_string_buffer(program, len(program))
    filtered = _Program(len(program) // _INSTRUCTION_BYTES, ctypes.addressof(kept))
    answer: int = _libc.syscall(
        machine.seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(filtered)
    )
    if answer > 0:  # TSYNC answers the id of a thread it could not bind
        raise ConfinementError("seccomp: a thread could not be bound")
    _done(answer, "seccomp")


def keep_one_heap() -> None:
    """Have malloc use one arena for every thread.

    Else glibc opens a file the first time a thread's own arena shrinks (/proc/sys/vm/overcommit_memory), and another
    when there are many arenas (it counts the processors): a filter that forbids opening would then end the process at
    a moment nobody can foresee. Other libcs have no such arenas.
    """
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_M_ARENA_MAX, 1)


def signal_thread(machine: Machine, process: int, thread: int, number: int) -> None:
    """Send signal *number* to one *thread* of *process*, a child of ours. Confines nothing; the probes need it.

    Raises: ConfinementError when the thread is gone.
    """
    _done(_libc.syscall(machine.tgkill, process, thread, number), "tgkill")


def _drop_bounding_set() -> None:
    for capability in range(_LAST_CAPABILITY + 1):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            return  # EINVAL: beyond the last this kernel knows; capset below still clears what we hold


def _done(answer: int, step: str) -> None:
    if answer != 0:
        raise ConfinementError(f"{step}: {os.strerror(ctypes.get_errno())}")
