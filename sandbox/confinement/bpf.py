"""Assembles a seccomp filter: everything not allowed kills the process. Pure; it loads nothing.

Rules:
1. The machine is checked first, then the number: a call in another mode kills.
2. Nothing matches by default; the last instruction kills. That covers x32, whose numbers are its own.
"""

import struct
from typing import Final, assert_never

from .syscalls import Allow, AllowUnless, Machine, Rule, number

RET_KILL_PROCESS: Final = 0x8000_0000
RET_ALLOW: Final = 0x7FFF_0000

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_SET: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_NUMBER_AT: Final = 0  # struct seccomp_data
_ARCH_AT: Final = 4
_ARGUMENTS_AT: Final = 16


def assemble(rules: tuple[Rule, ...], machine: Machine) -> bytes:
    """The program for *rules* on *machine*: an array of `struct sock_filter`."""
    program = [
        _op(_LOAD, _ARCH_AT),
        _op(_JUMP_EQUAL, machine.audit_arch, yes=1),
        _op(_RETURN, RET_KILL_PROCESS),
        _op(_LOAD, _NUMBER_AT),
    ]
    for rule in rules:
        called = number(machine, rule.name)
        if called is not None:
            program += _rule(rule, called)
    program.append(_op(_RETURN, RET_KILL_PROCESS))
    return b"".join(program)


def _rule(rule: Rule, called: int) -> list[bytes]:
    match rule:
        case Allow():
            return [_op(_JUMP_EQUAL, called, no=1), _op(_RETURN, RET_ALLOW)]
        case AllowUnless(argument=argument, mask=mask):
            return [
                _op(_JUMP_EQUAL, called, no=4),
                _op(_LOAD, _ARGUMENTS_AT + 8 * argument),  # the low half: both machines are little-endian
                _op(_JUMP_SET, mask, no=1),
                _op(_RETURN, RET_KILL_PROCESS),
                _op(_RETURN, RET_ALLOW),
            ]
        case _:
            assert_never(rule)


def _op(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, operand)
