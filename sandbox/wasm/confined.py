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
from .abi import CORE_JSON
from .birth import Birth
from .engine import CoreJson, Engine, Module, Needs, WasiCommand, engine, load, warm
from .settings import MIB
from .ticker import Ticker

_HEADROOM_BYTES: Final = 96 * MIB
"""Beyond the guest's memory: an answer of 10 MiB and its copies, thread stacks, malloc's arenas."""
_STACK_BYTES: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class Confined:
    """A worker that may now meet its tool."""

    guest: CoreJson | WasiCommand
    ticker: Ticker


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A worker after step 3: bound by Landlock and without privileges, not yet filtered. Only the probes stop here."""

    running: Engine
    confined: Confined
    bounds: Bounds
    machine: Machine


def become_confined(birth: Birth, module_descriptor: int) -> Confined:
    """Load the artifact in *module_descriptor* and confine this process for good.

    Raises: ConfinementError, ModuleRejected, OSError. The process must then end.
    """
    unsealed = become_unsealed(birth, module_descriptor)
    bind(unsealed.bounds)
    gc.collect()
    gc.freeze()
    allow_only(CALLS, unsealed.machine)
    return unsealed.confined


def become_unsealed(birth: Birth, module_descriptor: int) -> Unsealed:
    """Steps 1 to 3. Raises as `become_confined` does."""
    here = machine()
    if here is None:
        raise ConfinementError("there is no system call table for this processor")
    running = engine()
    guest = _guest(running, load(running, module_descriptor), birth)
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
    data_bytes = used + birth.memory_bytes + _HEADROOM_BYTES
    return Unsealed(
        running=running,
        confined=Confined(guest, ticker),
        bounds=Bounds(data_bytes=data_bytes, cpu_seconds=birth.cpu_seconds, descriptors=0),
        machine=here,
    )


def _guest(running: Engine, module: Module, birth: Birth) -> CoreJson | WasiCommand:
    needs = Needs(
        wasi=birth.wasi,
        clock=birth.clock,
        random=birth.random,
        tables=birth.tables,
        table_elements=birth.table_elements,
        memory_bytes=birth.declared_memory_bytes,
    )
    return CoreJson(running, module, needs) if birth.abi == CORE_JSON else WasiCommand(running, module, needs)
