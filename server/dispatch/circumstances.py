"""What the server knows around a call, for policy: how its tool stands, the time, what went before. It judges nothing.

Nothing is looked up until a policy reads it; each judgement of a call has its own, so the gate sees what is now.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Digest, Json, Principal, Standing, ToolName, ToolSpec, Upstream
from holdfast.contracts.json_values import canonical
from holdfast.safety.policy import Approved, Around, Locations, Tooling, settled

from .counting import Counters

_MOST_PATHS: Final = 256
"""Paths of one call that are looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """The same for every call of one dispatcher."""

    standing: Callable[[ToolName], Standing]
    counters: Counters
    leads: Callable[[str], str | None] | None
    """Where a path leads in the workspace; None: there is none."""
    isolation: Callable[[ToolSpec], frozenset[str]]
    key: bytes
    """Keys the digests of arguments that have no type."""
    keeps: bool
    """Whether what is looked up has to stay as it was, because it is kept beside the decision."""

    def around(self, spec: ToolSpec, principal: Principal) -> Around:
        """Around one judgement of a call of *spec*."""
        found = Around(
            tooling=Tooling(
                standing=self.standing(spec.name),
                isolation=self.isolation(spec),
                hints=spec.runtime.hints if isinstance(spec.runtime, Upstream) else frozenset(),
            ),
            approved=Approved.NONE,
            now=time.time,
            counts=lambda: self.counters.counts(principal, spec.name),
            located=lambda paths: self._located(spec, paths),
            seal=self.seal,
        )
        return settled(found) if self.keeps else found

    def _located(self, spec: ToolSpec, paths: tuple[str, ...]) -> Locations:
        leads = self.leads
        if isinstance(spec.runtime, Upstream) or leads is None or len(paths) > _MOST_PATHS:
            return Locations(real=(), outside=bool(paths))
        found = [leads(path) for path in paths]
        return Locations(real=tuple(one for one in found if one is not None), outside=None in found)

    def seal(self, value: Json) -> Digest:
        """The keyed digest of *value*."""
        return sealed(self.key, value)


def sealed(key: bytes, value: Json) -> Digest:
    """What policy sees of a *value* without a type. The key keeps whoever reads policies from guessing values."""
    return Digest.keyed(key, canonical(value))
