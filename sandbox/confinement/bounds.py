"""Resource limits of a confined child. Lowers them for this process, for good; it never raises one."""

import resource
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Hard limits, each soft and hard at once."""

    data_bytes: int
    """Private writable memory. Not address space: wasmtime reserves gigabytes of that without using it."""
    cpu_seconds: int
    """Processor time of the whole life; the kernel kills beyond it, even when our parent is gone."""
    descriptors: int
    """One more than the highest descriptor that may be opened from now on; 0 opens none."""


def bind(bounds: Bounds) -> None:
    """Apply *bounds*, and: no file may grow, no core is dumped."""
    for what, value in (
        (resource.RLIMIT_DATA, bounds.data_bytes),
        (resource.RLIMIT_CPU, bounds.cpu_seconds),
        (resource.RLIMIT_NOFILE, bounds.descriptors),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _soft, hard = resource.getrlimit(what)
        lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (lowered, lowered))


def data_bytes_in_use() -> int:
    """Private writable memory of ours now, in bytes; what RLIMIT_DATA counts."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), 0)
