"""What a worker is born for, as it travels from the parent to the child before confinement. Trusted: ours to ours."""

import json
from dataclasses import asdict, dataclass
from typing import Final

READY: Final = b"ready"
REFUSED: Final = b"refused:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """One worker: one module under one set of grants."""

    abi: str
    wasi: tuple[str, ...]
    clock: bool
    random: bool
    tables: int
    table_elements: int
    declared_memory_bytes: int
    """What the module's memory starts with."""
    component: bool = False
    """As in its report; so are the next three."""
    instances: int = 1
    memories: tuple[int, ...] = ()
    table_limits: tuple[int, ...] = ()
    memory_bytes: int
    """The most a call to this worker may be allowed."""
    cpu_seconds: int
    unprivileged: int
    """The user and group a worker started by root becomes."""


def write_birth(birth: Birth) -> bytes:
    """*birth* as JSON."""
    return json.dumps(asdict(birth)).encode("ascii")


def read_birth(data: bytes) -> Birth:
    """The birth that `write_birth` wrote."""
    fields = json.loads(data)
    lists = {name: tuple(fields[name]) for name in ("wasi", "memories", "table_limits")}
    return Birth(**(fields | lists))
