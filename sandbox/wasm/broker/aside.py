"""What guests log, and the clock: they reach nothing."""

import time
from typing import Final

from holdfast.contracts import Json

from . import payloads
from .call import Brokered
from .refusals import not_granted

_LEVELS: Final = frozenset({"trace", "debug", "info", "warn", "error", "critical"})


async def log(brokered: Brokered, payload: bytes, /) -> dict[str, Json]:
    """Keep a line, if there is room; a guest that says too much goes on all the same."""
    said = payloads.read(payload, frozenset({"level", "message"}))
    level = payloads.text(said, "level").lower()
    line = payloads.text(said, "message").replace("\n", "\\n")
    brokered.log.write(f"{level if level in _LEVELS else 'info'}: {line}\n".encode())
    return {}


async def now(brokered: Brokered, payload: bytes, /) -> dict[str, Json]:
    """Milliseconds since the epoch."""
    payloads.read(payload, frozenset())
    if not brokered.call.spec.grants.clock:
        raise not_granted("`grants.clock` is false")
    return {"ms": time.time_ns() // 1_000_000}
