"""The policies that can cover one tool, ready for the engine. Leaves out only what could not match anyway.

Scopes are read as written: a policy scoped to another action or resource can neither match nor fail for this tool,
so a decision costs what the tool's own policies cost, however many the set holds. Of many policies about one tool,
those that the facts of a call rule out are left out too (`narrowing.py`).
"""

import json
from typing import Final

import cedarpy

from .context import Context
from .decisions import ApprovalLevel, Effect
from .engine import Asker
from .memory import Memory
from .mentions import Wanted, wanted
from .narrowing import Narrowing
from .rules import Policy, policy_set

_SUBSETS: Final = 64
_MANY: Final = 64
"""Policies that get a handle of their own only when asked about together twice: making one costs 20 evaluations."""
_WORTH: Final = 32
"""Policies that can be left out, from which on looking them up costs less than evaluating them (1 µs each)."""


class Slice:
    """Policies in order, by id, and the engine's handles for them and for what is left when some are lifted."""

    __slots__ = ("_all", "_met", "_narrowing", "_sets", "approvals", "context", "inputs", "policies", "wants")

    def __init__(self, policies: tuple[Policy, ...], unchecked: frozenset[str] = frozenset()) -> None:
        """Prepare *policies*, of which those *unchecked* were not held against the tools."""
        self.policies = policies
        self._all = frozenset(policy.id for policy in policies)
        self.approvals: dict[str, ApprovalLevel] = {
            policy.id: policy.approval for policy in policies if policy.approval is not None
        }
        self.wants: Wanted = wanted(policies)
        self.inputs = self.wants.of("input")
        self.context = Context(self.wants)
        self._sets: Memory[frozenset[str], cedarpy.PolicySet] = Memory(room=_SUBSETS)
        narrowing = Narrowing(policies, unchecked)
        self._met: Memory[frozenset[str], None] = Memory(room=_SUBSETS)
        self._narrowing = narrowing if len(policies) - len(narrowing.always) >= _WORTH else None

    def without(self, lifted: frozenset[str]) -> tuple[cedarpy.PolicySet, ...]:
        """Answer the handles for every policy but *lifted*."""
        return (self._set(self._all - lifted),)

    def narrowed(self, lifted: frozenset[str], who: Asker, context: str) -> tuple[cedarpy.PolicySet, ...]:
        """Answer the handles for every policy but *lifted* that can apply, or fail, in a call by *who*."""
        if self._narrowing is None:
            return self.without(lifted)
        hits = self._narrowing.hits({**who.facts, "context": json.loads(context)})
        if len(hits) > _MANY and not self._met.knows(hits, None):
            return self.without(lifted)
        always = self._set(self._narrowing.always - lifted)
        return (always, self._set(hits - lifted)) if hits else (always,)

    def _set(self, names: frozenset[str]) -> cedarpy.PolicySet:
        return self._sets.recall(
            names, lambda: policy_set(tuple(policy for policy in self.policies if policy.id in names))
        )

    @property
    def forbids(self) -> frozenset[str]:
        """The ids of the forbids."""
        return frozenset(policy.id for policy in self.policies if policy.effect is Effect.FORBID)

    def ordered(self, ids: tuple[str, ...]) -> tuple[Policy, ...]:
        """The policies named *ids*, in the order they are written in."""
        return tuple(policy for policy in self.policies if policy.id in ids)
