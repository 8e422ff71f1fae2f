"""What the server knows around a call, for policy: how its tool stands, the time, what went before. It judges nothing.

Nothing is looked up until a policy reads it; each judgement of a call has its own, so the gate sees what is now.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.contracts import Digest, Json, Principal, Standing, ToolName, ToolSpec
from holdfast.contracts.json_values import canonical
from holdfast.safety.policy import Approved, Around, Tooling

from .counting import Counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """The same for every call of one dispatcher."""

    standing: Callable[[ToolName], Standing]
    counters: Counters
    key: bytes
    """Keys the digests of arguments that have no type."""

    def around(self, spec: ToolSpec, principal: Principal) -> Around:
        """Around one judgement of a call of *spec*."""
        return Around(
            tooling=Tooling(standing=self.standing(spec.name)),
            approved=Approved.NONE,
            now=time.time,
            counts=lambda: self.counters.counts(principal, spec.name),
            seal=self.seal,
        )

    def seal(self, value: Json) -> Digest:
        """The keyed digest of *value*."""
        return sealed(self.key, value)


def sealed(key: bytes, value: Json) -> Digest:
    """What policy sees of a *value* without a type. The key keeps whoever reads policies from guessing values."""
    return Digest.keyed(key, canonical(value))
