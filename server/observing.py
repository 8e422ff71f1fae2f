"""What the operator wants to look at before it counts: `[policy] mode` and `observe`. It knows what may never wait.

1. Observed is what policy decides, and what the detectors take out of results. Everything else counts at once.
2. A secret that Holdfast holds, and what was too much to look at, are never observed; neither is the floor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Action, Finding, OperatorError
from holdfast.safety.policy import NOTHING_OBSERVED, Observes

DETECTORS: Final = frozenset({"leaks", "credentials", "pii"})
_ALWAYS: Final = frozenset({"held-secret", "flood", "unread"})
"""Rules of the detectors that count whatever is observed."""
_NEVER: Final[Mapping[str, str]] = {
    "gate": "it is what makes a decision count at all: nothing runs but through it",
    "validator": "arguments that do not fit a tool's schema are not what was judged",
    "sanitizer": "it denies nothing, and hidden text that a model reads cannot be taken back",
    "envelope": "without it nobody can tell a tool's words from instructions",
    "floor": "a secret that has left cannot be called back: looking at it would be the leak",
    "admit": "whoever is not let in is nobody, and limits protect everybody else",
    "auth": "whoever is not known cannot be observed",
    "authentication": "whoever is not known cannot be observed",
    "sandbox": "what escapes cannot be put back",
    "wasm": "what escapes cannot be put back",
    "egress": "what was sent cannot be called back",
    "workspace": "what was overwritten cannot be had back",
    "tools": "a tool that nobody approved is nobody's tool",
    "approvals": "an approval binds one call; one that is not there cannot be looked at",
    "injection": "its signals are notes and deny nothing; a policy that reads their score can be observed",
    "flow": "it decides nothing; its rules are policies, `policy/<id>`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observing:
    """What is observed."""

    policy: Observes = NOTHING_OBSERVED
    layers: frozenset[str] = frozenset()
    """Of the detectors."""
    rules: frozenset[str] = frozenset()
    """Of the detectors, with their layer: `leaks/github-pat`."""
    names: tuple[str, ...] = ()
    """As the operator wrote them."""

    def lets(self, finding: Finding) -> bool:
        """Whether *finding*, which would be taken out of a text, is only looked at."""
        if finding.action not in (Action.REDACT, Action.DENY) or finding.rule.rpartition("/")[2] in _ALWAYS:
            return False
        return finding.layer in self.layers or finding.rule in self.rules


def observing_of(mode: str, names: Sequence[str]) -> Observing:
    """What `[policy] mode` and `observe` say.

    Raises: OperatorError naming what may not be observed, and why.
    """
    forbids, layers, rules = set[str](), set[str](), set[str]()
    everything = mode == "observe"
    for name in names:
        layer, slash, rule = name.partition("/")
        if layer in _NEVER:
            raise OperatorError(
                f"`[policy] observe` names `{name}`, which cannot be observed: {_NEVER[layer]}",
                remedy="observe `policy`, `policy/<id>`, `leaks`, `credentials`, `pii`, or a rule of these",
            )
        if layer != "policy" and layer not in DETECTORS:
            raise OperatorError(
                f"`[policy] observe` names `{name}`, which is no layer of ours",
                remedy="observe `policy`, `policy/<id>`, `leaks`, `credentials`, `pii`, or a rule of these",
            )
        if layer != "policy" and rule in _ALWAYS:
            raise OperatorError(
                f"`[policy] observe` names `{name}`, which cannot be observed: it is of secrets that are held,"
                " or of what was not looked at",
                remedy=f"remove `{name}`",
            )
        match layer, bool(slash):
            case "policy", False:
                everything = True
            case "policy", True:
                forbids.add(rule)
            case _, False:
                layers.add(layer)
            case _:
                rules.add(name)
    written = ("policy", *names) if mode == "observe" and "policy" not in names else tuple(names)
    return Observing(
        policy=Observes(everything=everything, forbids=frozenset(forbids)),
        layers=frozenset(layers),
        rules=frozenset(rules),
        names=written,
    )
