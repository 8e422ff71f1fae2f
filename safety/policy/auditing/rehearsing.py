"""Runs every case of a profile and counts which policies they make apply. A case that fails stops no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.contracts import Digest, ToolSpec

from ..bundle import PolicyBundle
from ..cases import asked
from ..decisions import Match
from ..trials import Trial, try_cases
from .asking import waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One case, what was decided, and which policies applied, whether or not they decided."""

    trial: Trial
    applied: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All cases of one profile."""

    profile: str
    digest: Digest
    policies: tuple[Match, ...]
    tried: tuple[Tried, ...]
    dormant: tuple[Match, ...] = ()
    """Those for tools that are neither there nor declared as samples: no case could make them apply."""

    @property
    def failed(self) -> tuple[Trial, ...]:
        """Those decided otherwise than expected."""
        return tuple(one.trial for one in self.tried if one.trial.problem)

    @property
    def uncovered(self) -> tuple[Match, ...]:
        """The policies that no case makes apply, although one could."""
        applied = {name for one in self.tried for name in one.applied} | {policy.id for policy in self.dormant}
        return tuple(policy for policy in self.policies if policy.id not in applied)

    @property
    def awake(self) -> int:
        """How many policies a case could make apply."""
        return len(self.policies) - len(self.dormant)

    @property
    def coverage(self) -> float:
        """How many of the policies that one could some case makes apply, in per cent."""
        return 100 * (self.awake - len(self.uncovered)) / self.awake if self.awake else 100.0


def rehearse(
    sources: Mapping[str, str],
    cases: Mapping[str, str],
    *,
    profile: str,
    specs: Sequence[ToolSpec],
    only: str = "",
) -> Run:
    """Run the cases of *profile* whose name holds *only*, for the tools *specs*.

    Raises: OperatorError when the set does not fit its tools, or a case file cannot be read.
    """
    rehearsal = PolicyBundle.rehearse(sources, cases, profile=profile, specs=specs)
    judge = rehearsal.judge
    tried = tuple(
        Tried(trial=trial, applied=_applied(judge, trial))
        for trial in try_cases(rehearsal.files, judge.specs, judge.decide)
        if only.casefold() in trial.case.name.casefold()
    )
    run = Run(profile=profile, digest=rehearsal.bundle.digest, policies=judge.policies, tried=tried)
    if not run.uncovered or only:
        return run
    waits = waiting(rehearsal)
    return replace(run, dormant=tuple(policy for policy in run.uncovered if policy.id in waits))


def _applied(judge: PolicyBundle, trial: Trial) -> tuple[str, ...]:
    spec = judge.specs.get(trial.case.tool)
    return () if spec is None else judge.matching(asked(trial.case, spec))
