"""How a process of one thread that works on what it was handed, and on nothing else, gives everything up.

The order is the point: what was loaded stays, no thread begins any more, and the system calls go last.
"""

import os

from .bounds import Bounds, bind, data_bytes_in_use
from .kernel_unsafe import (
    ConfinementError,
    allow_only,
    clear_capabilities,
    drop_privileges,
    forbid_new_privileges,
    keep_one_heap,
    landlock_nothing,
)
from .syscalls import Rule, machine
from .threads import own_thread_count


def confine_alone(unprivileged: int, memory_bytes: int, cpu_seconds: int, allowed: tuple[Rule, ...]) -> None:
    """Keep *memory_bytes* more than now, *cpu_seconds* and the system calls *allowed*; no file, socket or process.

    *unprivileged*: the user to become when started by root.

    Raises: ConfinementError.
    """
    here = machine()
    if here is None:
        raise ConfinementError("there is no system call table for this processor")
    if own_thread_count() != 1:
        raise ConfinementError("a thread began before confinement")
    used = data_bytes_in_use()
    keep_one_heap()
    forbid_new_privileges()
    landlock_nothing()
    drop_privileges(unprivileged)
    clear_capabilities(here)
    os.environ.clear()
    bind(Bounds(data_bytes=used + memory_bytes, cpu_seconds=cpu_seconds, descriptors=0))
    allow_only(allowed, here)
