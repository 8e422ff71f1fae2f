"""The policies that can cover one tool, ready for the engine. Leaves out only what could not match anyway.

Scopes are read as written: a policy scoped to another action or resource can neither match nor fail for this tool,
so a decision costs what the tool's own policies cost, however many the set holds.
"""

import cedarpy

from .context import Context
from .decisions import ApprovalLevel, Effect
from .memory import Memory
from .mentions import Wanted, wanted
from .rules import Policy, policy_set

_SUBSETS = 32


class Slice:
    """Policies in order, by id, and the engine's handles for them and for what is left when some are lifted."""

    __slots__ = ("_sets", "approvals", "context", "policies", "wants")

    def __init__(self, policies: tuple[Policy, ...]) -> None:
        self.policies = policies
        self.approvals: dict[str, ApprovalLevel] = {
            policy.id: policy.approval for policy in policies if policy.approval is not None
        }
        self.wants: Wanted = wanted(policies)
        self.context = Context(self.wants)
        self._sets: Memory[frozenset[str], cedarpy.PolicySet] = Memory(room=_SUBSETS)

    def without(self, lifted: frozenset[str]) -> cedarpy.PolicySet:
        """Answer the handle for every policy but *lifted*."""
        return self._sets.recall(
            lifted, lambda: policy_set(tuple(policy for policy in self.policies if policy.id not in lifted))
        )

    @property
    def forbids(self) -> frozenset[str]:
        """The ids of the forbids."""
        return frozenset(policy.id for policy in self.policies if policy.effect is Effect.FORBID)

    def ordered(self, ids: tuple[str, ...]) -> tuple[Policy, ...]:
        """The policies named *ids*, in the order they are written in."""
        return tuple(policy for policy in self.policies if policy.id in ids)
