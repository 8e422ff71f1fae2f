"""Finds the smallest change of facts that would change a decision, by trying: one fact, then two, then three.

Tried are the facts that the policies covering the tool read, each with the values of `varying`. So it says what would
have been decided, not what somebody could bring about; and where it found nothing, how far it looked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from ..bundle import PolicyBundle
from ..decisions import PolicyDecision, verdict_of
from ..inputs import PolicyInput, Unclear
from ..rules import Policy
from ..varying import About, Option, constants_of, options_of, ways_read

MOST: Final = 4000
"""Decisions tried: under a second, even where nothing is found."""
FACTS: Final = 3
SHOWN: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Facts that would be different, and what would then be decided."""

    options: tuple[Option, ...]
    decision: PolicyDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What was found, and how far it was looked."""

    found: tuple[Change, ...]
    """All of one size, the smallest; for each other answer the first few."""
    tried: int
    facts: int
    """How many facts at once; 3 where nothing was found and everything was tried."""
    whole: bool
    """Whether every combination of at most that many was tried."""


def smallest_change(bundle: PolicyBundle, given: PolicyInput, now: PolicyDecision, *, hidden: frozenset[str]) -> Search:
    """Search the facts around *given*, about which *bundle* says *now*; those *hidden* may not be shown, so stay."""
    policies = bundle.covering(given.tool)
    options = tuple(option for option in _options(bundle, given, policies) if ".".join(option.way[1:3]) not in hidden)
    verdict, tried = verdict_of(now), 0
    for size in range(1, FACTS + 1):
        found: list[Change] = []
        for chosen in _of_different_facts(options, size):
            if tried == MOST:
                return Search(found=_shown(found), tried=tried, facts=size, whole=False)
            tried += 1
            decision = bundle.judge(_changed(given, chosen))
            if not isinstance(decision, Unclear) and verdict_of(decision) != verdict:
                found.append(Change(options=chosen, decision=decision))
        if found:
            return Search(found=_shown(found), tried=tried, facts=size, whole=True)
    return Search(found=(), tried=tried, facts=FACTS, whole=True)


def _options(bundle: PolicyBundle, given: PolicyInput, policies: tuple[Policy, ...]) -> tuple[Option, ...]:
    spec = bundle.specs.get(given.tool)
    if spec is None:
        return ()
    about = About(spec=spec, shape=bundle.shape(given.tool), constants=constants_of(policies))
    return tuple(option for way in ways_read(policies) for option in options_of(given, way, about))


def _of_different_facts(options: tuple[Option, ...], size: int) -> Iterator[tuple[Option, ...]]:
    for chosen in combinations(options, size):
        if len({option.way for option in chosen}) == size:
            yield chosen


def _changed(given: PolicyInput, chosen: tuple[Option, ...]) -> PolicyInput:
    for option in chosen:
        given = given.put(option.changes())
    return given


def _shown(found: list[Change]) -> tuple[Change, ...]:
    """The first few, one for the same facts and answer: what would allow it before what would ask."""
    order = {"allow": 0, "ask": 1, "deny": 2}
    first: dict[object, Change] = {}
    for one in found:
        first.setdefault((tuple(option.way for option in one.options), verdict_of(one.decision)), one)
    return tuple(sorted(first.values(), key=lambda one: order[verdict_of(one.decision)])[:SHOWN])
