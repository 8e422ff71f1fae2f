"""Runs every case of a profile and counts which policies they make apply. A case that fails stops no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.contracts import Digest, ToolSpec

from ..bundle import PolicyBundle
from ..cases import asked
from ..decisions import Match
from ..trials import Trial, try_cases


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

    @property
    def failed(self) -> tuple[Trial, ...]:
        """Those decided otherwise than expected."""
        return tuple(one.trial for one in self.tried if one.trial.problem)

    @property
    def uncovered(self) -> tuple[Match, ...]:
        """The policies that no case makes apply."""
        applied = {name for one in self.tried for name in one.applied}
        return tuple(policy for policy in self.policies if policy.id not in applied)

    @property
    def coverage(self) -> float:
        """How many of the policies some case makes apply, in per cent."""
        return 100 * (len(self.policies) - len(self.uncovered)) / len(self.policies)


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
    return Run(profile=profile, digest=rehearsal.bundle.digest, policies=judge.policies, tried=tried)


def _applied(judge: PolicyBundle, trial: Trial) -> tuple[str, ...]:
    spec = judge.specs.get(trial.case.tool)
    return () if spec is None else judge.matching(asked(trial.case, spec))
