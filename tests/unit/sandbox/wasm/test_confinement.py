"""The filter allows what is listed and kills for the rest, judged by an interpreter of our own."""

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.confinement import syscalls
from holdfast.sandbox.confinement.bpf import RET_ALLOW, RET_KILL_PROCESS, assemble
from holdfast.sandbox.confinement.support import support
from holdfast.sandbox.confinement.syscalls import CALLS, COMPILES, PROT_EXEC, Allow, AllowUnless, number
from holdfast.sandbox.confinement.threads import ThreadState, states, unconfined

MACHINES = pytest.mark.parametrize("machine", [syscalls._X86_64, syscalls._AARCH64], ids=["x86_64", "aarch64"])
# What an escape would reach for; numbers of x86_64, then of aarch64.
DANGEROUS = {
    "x86_64": {"open": 2, "openat": 257, "socket": 41, "connect": 42, "clone": 56, "clone3": 435, "fork": 57,
               "vfork": 58, "execve": 59, "execveat": 322, "ptrace": 101, "kill": 62, "tgkill": 234, "prctl": 157,
               "io_uring_setup": 425, "process_vm_readv": 310, "process_vm_writev": 311,
               "lseek": 8, "memfd_create": 319, "ioctl": 16, "sendmsg": 46,
               "bpf": 321, "userfaultfd": 323, "mount": 165, "setuid": 105, "unlink": 87, "stat": 4, "seccomp": 317},
    "aarch64": {"openat": 56, "socket": 198, "connect": 203, "clone": 220, "clone3": 435, "execve": 221,
                "execveat": 281, "ptrace": 117, "kill": 129, "tgkill": 131, "prctl": 167, "io_uring_setup": 425,
                "process_vm_readv": 270, "process_vm_writev": 271, "memfd_create": 279, "ioctl": 29, "sendmsg": 211,
                "bpf": 280,
                "mount": 40, "setuid": 146, "unlinkat": 35, "seccomp": 277},
}  # fmt: skip


def judged(program: bytes, number: int, arch: int, arguments: tuple[int, ...] = ()) -> int:
    """What the kernel would answer: a cBPF interpreter for the few instructions used."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *(value & (1 << 64) - 1 for value in padded))
    at, accumulator = 0, 0
    while True:
        code, yes, no, operand = struct.unpack_from("<HBBI", program, at * 8)
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, operand)
            case 0x15:
                at += yes if accumulator == operand else no
            case 0x45:
                at += yes if accumulator & operand else no
            case 0x06:
                return operand
            case _:
                raise AssertionError(f"an instruction nobody wrote: {code:#x}")


@MACHINES
@pytest.mark.parametrize("rules", [CALLS, COMPILES], ids=["runs", "compiles"])
def test_only_what_is_listed_is_allowed(machine, rules):
    program = assemble(rules, machine)
    listed = {number(machine, rule.name) for rule in rules} - {None}

    for called in range(600):
        expected = RET_ALLOW if called in listed else RET_KILL_PROCESS
        assert judged(program, called, machine.audit_arch) == expected, called


@MACHINES
@pytest.mark.parametrize("rules", [CALLS, COMPILES], ids=["runs", "compiles"])
def test_nothing_an_escape_would_reach_for_is_allowed(machine, rules):
    name = "x86_64" if machine is syscalls._X86_64 else "aarch64"
    program = assemble(rules, machine)

    for called in DANGEROUS[name].values():
        assert judged(program, called, machine.audit_arch) == RET_KILL_PROCESS


@MACHINES
@given(called=st.integers(0, 2**32 - 1), arch=st.integers(0, 2**32 - 1))
def test_a_call_in_another_mode_kills(machine, called, arch):
    if arch != machine.audit_arch:
        assert judged(assemble(CALLS, machine), called, arch) == RET_KILL_PROCESS


def test_the_other_abi_of_the_same_processor_kills():
    x86 = syscalls._X86_64
    program = assemble(CALLS, x86)

    for name in ("read", "write", "mmap"):
        assert judged(program, x86.numbers[name] | 0x4000_0000, x86.audit_arch) == RET_KILL_PROCESS


@MACHINES
@pytest.mark.parametrize("name", ["mmap", "mprotect"])
@given(protection=st.integers(0, 2**64 - 1))
def test_a_worker_makes_nothing_executable(machine, name, protection):
    program = assemble(CALLS, machine)

    answer = judged(program, machine.numbers[name], machine.audit_arch, (0, 4096, protection))

    assert answer == (RET_KILL_PROCESS if protection & PROT_EXEC else RET_ALLOW)


def test_a_misspelt_rule_does_not_vanish():
    with pytest.raises(KeyError):
        assemble((Allow("raed", "typing"),), syscalls._X86_64)


def test_every_rule_says_why_and_stands_once():
    for rules in (CALLS, COMPILES):
        assert all(isinstance(rule, Allow | AllowUnless) and rule.why for rule in rules)
        assert len({rule.name for rule in rules}) == len(rules)


def test_this_machine_can_confine():
    found = support()

    assert found.missing is None
    assert found.landlock >= 1


def test_an_unconfined_process_is_seen_as_such():
    assert unconfined(os.getpid()) == "a thread has no seccomp filter"
    assert {state.seccomp for state in states(os.getpid())} == {0}


def test_a_process_that_is_gone_is_not_confined():
    assert unconfined(2**22 + 1) == "its threads cannot be read"


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({}, None),
        ({"seccomp": 0}, "no seccomp filter"),
        ({"seccomp": 1}, "no seccomp filter"),
        ({"no_new_privs": False}, "gain privileges"),
        ({"capabilities": 1}, "capabilities"),
        ({"uids": (65534, 65534, 0, 65534)}, "as root"),
    ],
)
def test_each_flaw_of_a_thread_is_named(change, flaw):
    sound = {"tid": 1, "name": "x", "seccomp": 2, "no_new_privs": True, "capabilities": 0, "uids": (1, 1, 1, 1)}

    found = ThreadState(**(sound | change)).flaw

    assert (found is None) if flaw is None else (flaw in found)
