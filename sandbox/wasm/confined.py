"""How a worker becomes confined. The order is the point; it is the same for every worker and for the probes.

1. Import, engine, deserialise the sealed artifact; assert that this is still the only thread.
2. Landlock with no rules, and no privileges: threads begun from here on inherit both.
3. Run a guest of ours, never the tool's: WASI's threads begin now. Begin the epoch ticker.
4. Resource limits.
5. Seccomp over all threads. Only after it does anything of the tool's run.
"""

import gc
import os
import threading
from dataclasses import dataclass
from typing import Final

from ..confinement.bounds import Bounds, bind, data_bytes_in_use
from ..confinement.kernel_unsafe import (
    ConfinementError,
    allow_only,
    clear_capabilities,
    drop_privileges,
    forbid_new_privileges,
    keep_one_heap,
    landlock_nothing,
)
from ..confinement.syscalls import CALLS, Machine, machine
from ..confinement.threads import own_thread_count
from .birth import Birth
from .engine import Engine, engine, warm
from .guests import Guest, make_guest
from .hostcalls import HostCalls
from .settings import MIB
from .ticker import Ticker

_HEADROOM_BYTES: Final = 96 * MIB
"""Beyond the guest's memory: an answer of 10 MiB and its copies, thread stacks, malloc's arenas."""
_VALUES_BYTES: Final = 512 * MIB
"""And for a component: the engine takes each byte of a list as a value of 32 bytes, and copies it to one of 48."""
_STACK_BYTES: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class Confined:
    """A worker that may now meet its tool."""

    guest: Guest
    ticker: Ticker


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A worker after step 3: bound by Landlock and without privileges, not yet filtered. Only the probes stop here."""

    running: Engine
    confined: Confined
    bounds: Bounds
    machine: Machine


def become_confined(birth: Birth, module_descriptor: int, host: HostCalls) -> Confined:
    """Load the artifact in *module_descriptor* and confine this process for good. *host* is the guest's way out.

    Raises: ConfinementError, ModuleRejected, OSError. The process must then end.
    """
    unsealed = become_unsealed(birth, module_descriptor, host)
    bind(unsealed.bounds)
    gc.collect()
    gc.freeze()
    allow_only(CALLS, unsealed.machine)
    return unsealed.confined


def become_unsealed(birth: Birth, module_descriptor: int, host: HostCalls) -> Unsealed:
    """Steps 1 to 3. Raises as `become_confined` does."""
    here = machine()
    if here is None:
        raise ConfinementError("there is no system call table for this processor")
    running = engine()
    guest = make_guest(running, module_descriptor, birth, host)
    os.close(module_descriptor)
    if own_thread_count() != 1:
        raise ConfinementError("a thread began before confinement")
    used = data_bytes_in_use()

    keep_one_heap()
    forbid_new_privileges()
    landlock_nothing()
    drop_privileges(birth.unprivileged)
    clear_capabilities(here)

    os.environ["TOKIO_WORKER_THREADS"] = "1"  # one by default per processor: more to confine, and nothing to do
    warm(running)
    os.environ.clear()
    threading.stack_size(_STACK_BYTES)
    ticker = Ticker(running.increment_epoch)
    values = _VALUES_BYTES if birth.memories else 0
    data_bytes = used + birth.memory_bytes + _HEADROOM_BYTES + values
    return Unsealed(
        running=running,
        confined=Confined(guest, ticker),
        bounds=Bounds(data_bytes=data_bytes, cpu_seconds=birth.cpu_seconds, descriptors=0),
        machine=here,
    )
