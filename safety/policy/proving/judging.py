"""What one policy set decides about one tool's calls, as terms; the same rules as the bundle's, said once more."""

from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.contracts import ToolSpec

from ..checking import Checked
from ..decisions import ApprovalLevel, Effect
from ..mentions import applies, wanted
from ..rules import Policy
from .answers import Oddity
from .solver import Term
from .world import Rule, World

_LEASED = (ApprovalLevel.OPERATOR, ApprovalLevel.LEASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One profile's policies, checked against a set of tools."""

    policies: tuple[Policy, ...]
    checked: Checked
    specs: Mapping[str, ToolSpec]

    def of(self, tool: str) -> tuple[Policy, ...]:
        """Those that can cover *tool*."""
        return tuple(policy for policy in self.policies if applies(policy, tool))

    def is_blind(self, tool: str) -> bool:
        """Whether every call of *tool* is denied, because policies read arguments that they cannot see."""
        hidden = any(str(name) == tool for name in self.checked.quarantined)
        return hidden and wanted(self.of(tool)).reads_input

    @property
    def leasable(self) -> frozenset[str]:
        """The forbids that a lease may lift."""
        return frozenset(policy.id for policy in self.policies if policy.approval in _LEASED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """When the calls of a tool are allowed, and when somebody is asked."""

    allowed: Term
    asked: Term
    reaches: Term
    """One or the other."""


def verdicts(world: World, rules: tuple[Rule, ...], lifted: frozenset[str] = frozenset()) -> Verdicts:
    """What *rules* come to, those of *lifted* that ask being lifted.

    A rule that fails denies. A forbid that asks does so where the rest would allow, unless one of those that matched
    is for a lease alone.
    """
    logic = world.logic
    left = [rule for rule in rules if rule.policy.approval is None or rule.policy.id not in lifted]
    forbids = [rule for rule in left if rule.policy.effect is Effect.FORBID]
    sound = logic.negated(logic.some(*(rule.fails for rule in left)))
    permitted = logic.some(*(rule.matches for rule in left if rule.policy.effect is Effect.PERMIT))
    forbidden = logic.some(*(rule.matches for rule in forbids))
    final = (None, ApprovalLevel.LEASE)
    refused = logic.some(*(rule.matches for rule in forbids if rule.policy.approval in final))
    granted = logic.every(sound, permitted)
    return Verdicts(
        allowed=logic.every(granted, logic.negated(forbidden)),
        asked=logic.every(granted, forbidden, logic.negated(refused)),
        reaches=logic.every(granted, logic.negated(refused)),
    )


def oddities(rules: tuple[Rule, ...]) -> tuple[Oddity, ...]:
    """What of *rules* could not be encoded."""
    return tuple(
        Oddity(
            policy=rule.policy.id,
            file=rule.policy.source.file,
            line=rule.policy.source.line,
            construct=construct,
        )
        for rule in rules
        for construct in rule.odd
    )
