"""System call numbers by machine, and what each confined child may call with the reason. It loads nothing."""

import platform
from dataclasses import dataclass
from typing import Final, TypeAlias

PROT_EXEC: Final = 0x4


@dataclass(frozen=True, slots=True)
class Allow:
    """The call is allowed whatever its arguments are."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class AllowUnless:
    """The call is allowed unless argument number *argument* (from 0) has a bit of *mask* set."""

    name: str
    argument: int
    mask: int
    why: str


Rule: TypeAlias = Allow | AllowUnless


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a filter needs to know of a processor."""

    audit_arch: int
    """`AUDIT_ARCH_*` of linux/audit.h: a call made in another mode is not ours to judge, so it kills."""
    seccomp: int
    capset: int
    tgkill: int
    numbers: dict[str, int]


# Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux.
_X86_64: Final = Machine(
    audit_arch=0xC000_003E,
    seccomp=317,
    capset=126,
    tgkill=234,
    numbers={
        "read": 0,
        "write": 1,
        "close": 3,
        "fstat": 5,
        "pread64": 17,
        "mmap": 9,
        "mprotect": 10,
        "munmap": 11,
        "brk": 12,
        "rt_sigaction": 13,
        "rt_sigprocmask": 14,
        "rt_sigreturn": 15,
        "sched_yield": 24,
        "mremap": 25,
        "madvise": 28,
        "exit": 60,
        "gettid": 186,
        "futex": 202,
        "sigaltstack": 131,
        "restart_syscall": 219,
        "clock_gettime": 228,
        "clock_nanosleep": 230,
        "exit_group": 231,
        "epoll_wait": 232,
        "epoll_pwait": 281,
        "getrandom": 318,
    },
)
_AARCH64: Final = Machine(
    audit_arch=0xC000_00B7,
    seccomp=277,
    capset=91,
    tgkill=131,
    numbers={
        "read": 63,
        "write": 64,
        "close": 57,
        "fstat": 80,
        "pread64": 67,
        "mmap": 222,
        "mprotect": 226,
        "munmap": 215,
        "brk": 214,
        "rt_sigaction": 134,
        "rt_sigprocmask": 135,
        "rt_sigreturn": 139,
        "sched_yield": 124,
        "mremap": 216,
        "madvise": 233,
        "exit": 93,
        "gettid": 178,
        "futex": 98,
        "sigaltstack": 132,
        "restart_syscall": 128,
        "clock_gettime": 113,
        "clock_nanosleep": 115,
        "exit_group": 94,
        "epoll_pwait": 22,
        "getrandom": 278,
    },
)
_MACHINES: Final = {"x86_64": _X86_64, "aarch64": _AARCH64}
_ONLY_SOMEWHERE: Final = frozenset({"epoll_wait"})
"""Calls that not every machine has; a rule for one is left out where it does not exist."""


def machine() -> Machine | None:
    """The numbers of this processor, or None when we do not know them."""
    return _MACHINES.get(platform.machine())


def number(of: Machine, name: str) -> int | None:
    """The number of *name* on *of*, or None where that machine has no such call.

    Raises: KeyError for a name no machine has: a misspelt rule must not vanish.
    """
    if name in of.numbers:
        return of.numbers[name]
    if name in _ONLY_SOMEWHERE:
        return None
    raise KeyError(name)


_MEMORY: Final[tuple[Rule, ...]] = (
    Allow("munmap", "malloc, linear memories"),
    Allow("mremap", "malloc: large blocks that grow"),
    Allow("madvise", "wasmtime resets a linear memory with it; malloc gives pages back"),
    Allow("brk", "malloc"),
)
_THREADS: Final[tuple[Rule, ...]] = (
    Allow("futex", "locks, Python's GIL"),
    Allow("sched_yield", "spinning locks"),
    Allow("gettid", "Python's thread ids"),
    Allow("exit", "a thread that ends"),
    Allow("exit_group", "the only way to end"),
)
_SIGNALS: Final[tuple[Rule, ...]] = (
    Allow("rt_sigaction", "wasmtime turns SIGSEGV of a guest into a trap"),
    Allow("rt_sigprocmask", "the same handler"),
    Allow("rt_sigreturn", "the same handler"),
    Allow("sigaltstack", "the same handler, on its own stack"),
    Allow("restart_syscall", "the kernel's own, after a stop and a continue"),
)
_PIPES: Final[tuple[Rule, ...]] = (
    Allow("read", "requests on the inherited pipe"),
    Allow("write", "replies on the inherited pipe"),
    Allow("close", "descriptors that are done with"),
    Allow("fstat", "Python asks before it reads"),
)
_TIME: Final[tuple[Rule, ...]] = (
    Allow("clock_gettime", "where the vdso does not answer"),
    Allow("clock_nanosleep", "the epoch ticker's 10 ms"),
    Allow("getrandom", "WASI random_get; hash seeds"),
)

CALLS: Final[tuple[Rule, ...]] = (
    *_PIPES,
    Allow("pread64", "how much memory a component's call has, from a file that was opened before"),
    *_MEMORY,
    AllowUnless("mmap", 2, PROT_EXEC, "linear memories; nothing new may be executable"),
    AllowUnless("mprotect", 2, PROT_EXEC, "growing a linear memory; nothing may become executable"),
    *_THREADS,
    *_SIGNALS,
    *_TIME,
    Allow("epoll_wait", "tokio waits for WASI timers"),
    Allow("epoll_pwait", "the same, on machines without epoll_wait"),
)
"""What a worker that runs tools may call. No open, socket, clone, execve, ioctl, fcntl, kill, prctl or ptrace."""

COMPILES: Final[tuple[Rule, ...]] = (
    *_PIPES,
    *_MEMORY,
    Allow("mmap", "wasmtime's compiler and its code memory"),
    Allow("mprotect", "wasmtime makes what it compiled executable before it can write it out"),
    *_THREADS,
    *_SIGNALS,
    *_TIME,
)
"""What the compile worker may call. It has one thread and can start none."""

SCANS: Final[tuple[Rule, ...]] = (
    *_PIPES,
    *_MEMORY,
    AllowUnless("mmap", 2, PROT_EXEC, "malloc; nothing new may be executable"),
    AllowUnless("mprotect", 2, PROT_EXEC, "malloc; nothing may become executable"),
    *_THREADS,
    Allow("rt_sigreturn", "a signal's return, were there one"),
    Allow("restart_syscall", "the kernel's own, after a stop and a continue"),
    Allow("clock_gettime", "where the vdso does not answer"),
    Allow("getrandom", "hash seeds"),
)
"""What the process that reads hostile text may call. It has one thread and can start none."""
