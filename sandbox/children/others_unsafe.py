"""A seccomp filter against touching other processes: limits, scheduling and priority only of the caller itself.

Landlock scopes signals but not these, and they need nothing but the same user: without this a child could set the
server's `RLIMIT_NOFILE` to 0. Stacks below sandlock's own filter; binds this thread and those it starts.
"""

import ctypes
import os
import struct
from typing import Final

from holdfast.contracts import OperatorError

from ..confinement.syscalls import Machine

_SECCOMP_SET_MODE_FILTER: Final = 1
_LOAD, _JUMP_EQUAL, _JUMP_FROM, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW: Final = 0x7FFF_0000
_EPERM: Final = 0x0005_0001
_KILL: Final = 0x8000_0000
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16

# Call number by audit architecture, and which argument names the process (0 is the caller).
# prlimit64, sched_setaffinity, sched_setscheduler, sched_setparam, sched_setattr: the first. setpriority, ioprio_set:
# the second; the first says whether it is a process, a group or a user.
_FIRST: Final = {0xC000_003E: (302, 203, 144, 142, 314), 0xC000_00B7: (261, 122, 119, 118, 274)}
_SECOND: Final = {0xC000_003E: (141, 251), 0xC000_00B7: (140, 30)}

# Calls numbered from here on belong to another ABI of the same processor (x32), with numbers of its own.
_FOREIGN_FROM: Final = {0xC000_003E: 0x4000_0000}

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def leave_others_alone(here: Machine) -> None:
    """Install the filter; `no_new_privs` must be set.

    Raises: OperatorError when the kernel refuses.
    """
    program = _assembled(here)
    kept = ctypes.create_string_buffer(program, len(program))
    filtered = _Program(len(program) // 8, ctypes.addressof(kept))
    if _libc.syscall(here.seccomp, _SECCOMP_SET_MODE_FILTER, 0, ctypes.byref(filtered)) != 0:
        raise OperatorError(f"seccomp: {os.strerror(ctypes.get_errno()).lower()}")


def _assembled(here: Machine) -> bytes:
    program = [
        _op(_LOAD, _ARCH_AT),
        _op(_JUMP_EQUAL, here.audit_arch, yes=1),
        _op(_RETURN, _KILL),
        _op(_LOAD, _NUMBER_AT),
    ]
    if (foreign := _FOREIGN_FROM.get(here.audit_arch)) is not None:
        program += [_op(_JUMP_FROM, foreign, no=1), _op(_RETURN, _KILL)]
    for argument, calls in ((0, _FIRST), (1, _SECOND)):
        for number in calls[here.audit_arch]:
            program += [
                _op(_JUMP_EQUAL, number, no=4),
                _op(_LOAD, _ARGUMENTS_AT + 8 * argument),  # the low half, which is all a process number has
                _op(_JUMP_EQUAL, 0, no=1),
                _op(_RETURN, _ALLOW),
                _op(_RETURN, _EPERM),
            ]
    program.append(_op(_RETURN, _ALLOW))
    return b"".join(program)


def _op(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, operand)
