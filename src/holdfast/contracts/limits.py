"""What a call may use at most, and what it used. Every number has its unit in its name; none is infinite."""

from dataclasses import dataclass, fields, replace

from .errors import OperatorError

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Ceilings of one call (DESIGN section 5). Zero means the runtime has no such thing, never `unlimited`."""

    fuel: int
    """Wasm instructions, as wasmtime counts them."""
    memory_bytes: int
    """All linear memories together, or the child's address space."""
    wall_ms: int
    """Guest and host calls together."""
    output_bytes: int
    """What is kept for the model; the rest stays behind `output_read`."""
    host_calls: int
    """Calls out of the guest to host functions of ours."""
    total_output_bytes: int = 10 * MIB
    """What is kept at all; more than this stops the call."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 0:
                raise OperatorError(f"limit `{field.name}` is negative")
        if self.wall_ms == 0 or self.output_bytes == 0 or self.total_output_bytes == 0:
            raise OperatorError("limits `wall_ms` and `output_bytes` must be positive")

    def tightened(self, *, wall_ms: int) -> "Limits":
        """The same limits with a deadline that is no later than *wall_ms*."""
        return replace(self, wall_ms=max(1, min(self.wall_ms, wall_ms)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a call used, in the units of `Limits`."""

    wall_ms: float = 0.0
    fuel: int = 0
    memory_bytes: int = 0
    host_calls: int = 0
    output_bytes: int = 0


BUILTIN = Limits(fuel=0, memory_bytes=0, wall_ms=30_000, output_bytes=102_400, host_calls=0)
WASM = Limits(fuel=100_000_000, memory_bytes=32 * MIB, wall_ms=10_000, output_bytes=102_400, host_calls=50)
WASM_CEILING = Limits(fuel=10_000_000_000, memory_bytes=512 * MIB, wall_ms=60_000, output_bytes=MIB, host_calls=1000)
PYTHON = Limits(fuel=50_000_000_000, memory_bytes=128 * MIB, wall_ms=30_000, output_bytes=102_400, host_calls=50)
PYTHON_CEILING = Limits(
    fuel=500_000_000_000, memory_bytes=512 * MIB, wall_ms=300_000, output_bytes=MIB, host_calls=1000
)
JAVASCRIPT = PYTHON
JAVASCRIPT_CEILING = PYTHON_CEILING
SHELL = Limits(fuel=0, memory_bytes=512 * MIB, wall_ms=60_000, output_bytes=102_400, host_calls=0)
SHELL_CEILING = Limits(fuel=0, memory_bytes=2048 * MIB, wall_ms=1_800_000, output_bytes=MIB, host_calls=0)
UPSTREAM = Limits(fuel=0, memory_bytes=1024 * MIB, wall_ms=60_000, output_bytes=102_400, host_calls=0)
"""Node 24 does not start below 640 MiB: it reserves what it may never use, and all of it counts."""
UPSTREAM_CEILING = Limits(fuel=0, memory_bytes=2048 * MIB, wall_ms=1_800_000, output_bytes=MIB, host_calls=0)
