"""Checks one profile of a policy set and says everything that is wrong with it, or looks it. It changes nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from holdfast.contracts import Digest, OperatorError, ToolSpec

from ..bundle import PolicyBundle, Rehearsal
from ..cases import read_cases, sample_tools
from ..checking import survey_policies
from ..complaints import Complaint
from ..mentions import applies
from ..missing import missing_tools
from ..profiles import select
from ..rules import Policy, read_each
from ..trials import Trial, try_cases
from .applying import contradictions, covered
from .asking import QUESTIONS, Unjudged, ask_solver
from .habits import habits
from .nearness import untested
from .remarks import Remark, Severity, about, from_complaint, of_set

_NEEDS_TOOLS: Final = frozenset({"no-negative-test", "reads-nothing"})
_FILE: Final = re.compile(r"`([^`]*\.ya?ml)`(?: line (\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What there is to say of one profile."""

    profile: str
    digest: Digest | None
    """Of the set; None when it cannot be loaded."""
    policies: tuple[str, ...]
    remarks: tuple[Remark, ...]
    """In the order of file and line."""
    unjudged: tuple[Unjudged, ...] = field(default=())

    @property
    def worst(self) -> Severity | None:
        """The gravest of the remarks."""
        return next((one for one in Severity if any(remark.severity is one for remark in self.remarks)), None)


def audit(
    sources: Mapping[str, str],
    cases: Mapping[str, str],
    *,
    profile: str,
    specs: Sequence[ToolSpec],
    questions: int = QUESTIONS,
) -> Audit:
    """Check *profile* of *sources* with *cases*, for the tools *specs*, asking the solver at most *questions* times."""
    try:
        chosen = select(sources, profile)
    except OperatorError as error:
        return Audit(profile=profile, digest=None, policies=(), remarks=(of_set("files", error.message),))
    policies, complaints = read_each(chosen)
    remarks = [from_complaint(one) for one in complaints]
    if not policies and not remarks:
        remarks.append(of_set("files", "there are no policies; without one every call would be denied"))
    remarks += [*_fitting(policies, cases, profile, specs), *habits(policies)]
    plain = (*contradictions(policies), *covered(policies))
    remarks += plain
    unjudged: tuple[Unjudged, ...] = ()
    digest = None
    if not any(one.severity is Severity.ERROR for one in remarks):
        rehearsal = PolicyBundle.rehearse(sources, cases, profile=profile, specs=specs)
        settled = frozenset((one.rule, one.policy) for one in plain)
        asked = ask_solver(rehearsal, settled, questions)
        remarks += [*_failing(rehearsal), *untested(rehearsal), *_warnings(rehearsal.bundle), *asked.remarks]
        remarks = _while_dormant(remarks, rehearsal)
        unjudged, digest = asked.unjudged, rehearsal.bundle.digest
    else:
        why = "the set has errors; mend them first"
        names = tuple(policy.id for policy in policies)
        rules = ("case-fails", "no-negative-test", "never-applies", "shadowed")
        unjudged = tuple(Unjudged(rule=rule, policies=names, why=why) for rule in rules)
    if len({name.partition("/")[0] for name in sources if "/" in name}) > 1:
        remarks = [_of_one_profile(one) for one in remarks]
    return Audit(
        profile=profile,
        digest=digest,
        policies=tuple(policy.id for policy in policies),
        remarks=tuple(sorted(remarks, key=lambda one: (one.file, one.line, one.rule, one.message))),
        unjudged=unjudged,
    )


def _fitting(
    policies: tuple[Policy, ...], cases: Mapping[str, str], profile: str, specs: Sequence[ToolSpec]
) -> list[Remark]:
    """What keeps the set from being loaded, beside how it is written."""
    found: list[Remark] = []
    samples: dict[str, ToolSpec] = {}
    try:
        samples = sample_tools(read_cases(cases, profile))
    except OperatorError as error:
        found.append(_unread(error.message))
    _, complaints = survey_policies(policies, {**samples, **{str(spec.name): spec for spec in specs}})
    if found:
        # Without the case files there are no sample tools, so a name that only they have is no error of the policy.
        complaints = tuple(one for one in complaints if one.rule == "words")
    return [*found, *(from_complaint(one) for one in complaints)]


def _of_one_profile(remark: Remark) -> Remark:
    """A policy in every profile may well be idle in one of them: that is worth a note, and no warning."""
    idle = remark.rule in {"never-applies", "shadowed"} and "/" not in remark.file
    return replace(remark, severity=Severity.NOTE) if idle else remark


def _while_dormant(remarks: Sequence[Remark], rehearsal: Rehearsal) -> list[Remark]:
    """What can only be mended with the tools at hand is a note while a policy has none."""
    judge = rehearsal.judge
    named = {one.id for one in judge.statements if not any(applies(one, tool) for tool in judge.specs)}
    waiting = {one.policy for one in remarks if one.rule == "dormant"} - (judge.dormant.keys() - named)
    return [
        replace(one, severity=Severity.NOTE) if one.rule in _NEEDS_TOOLS and one.policy in waiting else one
        for one in remarks
    ]


def _unread(message: str) -> Remark:
    """Say that a case file cannot be read, at its place if the message begins with one."""
    named = _FILE.match(message)
    file, line = ("", "0") if named is None else (named[1], named[2] or "1")
    return from_complaint(Complaint(rule="cases", file=file, line=int(line), policy="", message=message))


def _head(policy: Policy) -> str:
    return f"{policy.source.place}: policy `{policy.id}` "


def _failing(rehearsal: Rehearsal) -> list[Remark]:
    trials = try_cases(rehearsal.files, rehearsal.judge.specs, rehearsal.judge.decide)
    return [_failed(trial) for trial in trials if trial.problem]


def _failed(trial: Trial) -> Remark:
    case = trial.case
    said = Complaint(
        rule="case-fails", file=case.file, line=case.line, policy="", message=f"{case.place}: {trial.problem}"
    )
    return from_complaint(said)


def _warnings(bundle: PolicyBundle) -> list[Remark]:
    by_id = {policy.id: policy for policy in bundle.statements}
    found = [
        about(policy, "reads-nothing", warning.removeprefix(_head(policy)))
        for policy in bundle.statements
        for warning in bundle.warnings
        if warning.startswith(_head(policy))
    ]
    missing = missing_tools(bundle.statements, bundle.specs)
    found += [about(by_id[one.policy], "missing-tool", one.words()) for one in missing]
    gone = frozenset((one.policy, one.tool) for one in missing)
    for name, tools in bundle.dormant.items():
        waits = next((tool for tool in tools if (name, tool) not in gone), None)
        if waits is not None:
            what = f"names `{waits}`, of an upstream that is not connected, and was not type-checked"
            found.append(about(by_id[name], "dormant", what))
    found += [of_set("quarantined", f"tool `{name}`: {why}") for name, why in bundle.quarantined.items()]
    return found
