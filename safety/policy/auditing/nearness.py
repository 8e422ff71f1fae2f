"""Finds the permits whose limit no case shows: nothing that is kept out stands right next to them.

A case shows the limit of a permit if it does not expect `allow`, is about a tool that the permit's scope covers, and
either the permit applies to it and a forbid keeps it out, or no forbid applies and the permit would, were one of its
conditions left out. What is far away, like a call that misses three of its conditions, shows nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from cedarpy import pst

from ..bundle import Rehearsal
from ..cases import Case, asked
from ..decisions import Effect
from ..mentions import applies
from ..narrowing import Part, parts
from ..rules import Policy
from .remarks import Remark, about

_SEPARATOR: Final = "#"
"""In no id of a policy."""


def untested(rehearsal: Rehearsal) -> tuple[Remark, ...]:
    """Say which permits no case comes near that is kept out."""
    permits = tuple(policy for policy in rehearsal.judge.statements if policy.effect is Effect.PERMIT)
    left = {policy.id: policy for policy in permits}
    for tool, cases in _kept_out(rehearsal).items():
        near = _Near(rehearsal, tuple(policy for policy in left.values() if applies(policy, tool)))
        for case in cases:
            for name in near.names(case):
                left.pop(name, None)
    return tuple(
        about(policy, "no-negative-test", "permits, and no case shows what it keeps out") for policy in left.values()
    )


class _Near:
    """Some permits, each as it is and with one condition left out at a time."""

    def __init__(self, rehearsal: Rehearsal, permits: tuple[Policy, ...]) -> None:
        variants = tuple(variant for policy in permits for variant in _variants(policy))
        self._judge = rehearsal.judge
        self._specs = rehearsal.judge.specs
        self._forbids = frozenset(one.id for one in rehearsal.judge.statements if one.effect is Effect.FORBID)
        self._bundle = rehearsal.judge.judging_by(variants) if variants else None

    def names(self, case: Case) -> Iterable[str]:
        if self._bundle is None:
            return ()
        call = asked(case, self._specs[case.tool])
        near = self._bundle.matching(call)
        if self._forbids.isdisjoint(self._judge.matching(call)):
            return {name.partition(_SEPARATOR)[0] for name in near}
        return [name for name in near if _SEPARATOR not in name]


def _kept_out(rehearsal: Rehearsal) -> Mapping[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in (case for file in rehearsal.files for case in file.cases):
        if case.expect != "allow" and case.tool in rehearsal.judge.specs:
            found.setdefault(case.tool, []).append(case)
    return found


def _variants(policy: Policy) -> Iterator[Policy]:
    yield policy
    conditions = tuple(parts(policy.template.clauses))
    for place in range(len(conditions)):
        rest = tuple(_clause(part) for other, part in enumerate(conditions) if other != place)
        name = f"{policy.id}{_SEPARATOR}{place}"
        yield replace(policy, id=name, template=replace(policy.template, id=name, clauses=rest))


def _clause(part: Part) -> pst.Clause:
    return pst.When(part.node) if part.wanted else pst.Unless(part.node)
