"""Asks the kernel whether a process can be confined here, and answers why not. It changes nothing."""

import sys
from dataclasses import dataclass

from .syscalls import machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What this machine offers."""

    landlock: int
    """Landlock ABI; 0 when there is none."""
    missing: str | None
    """Why nothing can be confined here, in one sentence without a full stop; None when it can."""


def support() -> Support:
    """What this kernel can do for us now. Landlock 1 and a seccomp that kills processes are the least."""
    if sys.platform != "linux":
        return Support(landlock=0, missing="only Linux has Landlock and seccomp")
    here = machine()
    if here is None:
        return Support(landlock=0, missing="there is no system call table for this processor")
    from .kernel_unsafe import landlock_abi, seccomp_can_kill  # noqa: PLC0415 -- loads libc by its Linux name

    abi = landlock_abi()
    if abi < 1:
        return Support(landlock=0, missing="this kernel has no Landlock, or it is switched off")
    if not seccomp_can_kill(here):
        return Support(landlock=abi, missing="this kernel has no seccomp filter that kills a process")
    return Support(landlock=abi, missing=None)
