"""Holds a policy set to its own cases: each is decided, and what differs is said. It changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from holdfast.contracts import OperatorError, ToolSpec

from .cases import Case, CaseFile, asked
from .decisions import Allowed, PolicyDecision, PolicyRequest, decided_by, verdict_of


class Judge(Protocol):
    """What decides a call."""

    def __call__(self, request: PolicyRequest, *, lifted: frozenset[str]) -> PolicyDecision:
        """Judge *request* as if the forbids named in *lifted* were not there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One case and what was decided."""

    case: Case
    verdict: str
    """`allow`, `deny`, `ask`, or `none` when there was nothing to judge."""
    by: tuple[str, ...]
    """The policies that decided, or a code of ours."""
    message: str
    """What the agent is told; empty for an allowed call."""
    problem: str
    """What is not as the case expects, after its place; empty when all is."""


def try_cases(files: tuple[CaseFile, ...], specs: Mapping[str, ToolSpec], judge: Judge) -> Iterator[Trial]:
    """Try every case, in the order written, one at each step."""
    for case in (case for one in files for case in one.cases):
        spec = specs.get(case.tool)
        if spec is None:
            problem = f"there is no tool `{case.tool}`; declare it under `tools`"
            yield Trial(case=case, verdict="none", by=(), message="", problem=problem)
        else:
            yield _trial(case, judge(asked(case, spec), lifted=case.lifted))


def check_cases(files: tuple[CaseFile, ...], specs: Mapping[str, ToolSpec], judge: Judge) -> None:
    """Try the cases up to the first that fails.

    Raises: OperatorError for that one, naming case, expectation, decision and policies.
    """
    for trial in try_cases(files, specs, judge):
        if trial.problem:
            raise OperatorError(f"{trial.case.place}: {trial.problem}")


def _trial(case: Case, decision: PolicyDecision) -> Trial:
    message = "" if isinstance(decision, Allowed) else decision.reason.message
    verdict, ids = verdict_of(decision), decided_by(decision)
    return Trial(case=case, verdict=verdict, by=ids, message=message, problem=_problem(case, verdict, ids, message))


def _problem(case: Case, verdict: str, ids: tuple[str, ...], message: str) -> str:
    said = f"decided `{verdict}` by {', '.join(f'`{one}`' for one in ids)}"
    if verdict != case.expect:
        return f"expected `{case.expect}`, {said}"
    missing = sorted(set(case.by) - set(ids))
    if missing:
        return f"expected `{case.expect}` by `{missing[0]}`, {said}"
    if case.message is not None and case.message != message:
        return f"expected the message `{case.message}`, but the agent is told `{message}`"
    return ""
