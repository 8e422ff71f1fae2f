"""Asks the solver what reading cannot tell: which policies never apply, which change nothing. Says what it did not ask.

Cases come first: a policy that applies to one does apply, and what does not apply there too does not cover it. So the
solver is asked only about policies that no case makes match, and about pairs that no known call tells apart.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Json, OperatorError

from .. import proving
from ..bundle import Rehearsal
from ..cases import asked, read_case
from ..decisions import PolicyRequest
from ..mentions import applies
from ..rules import Policy
from .applying import changes_nothing, shadow
from .remarks import Remark, about

QUESTIONS: Final = 60
"""Asked of the solver about one profile unless more are allowed; each takes milliseconds, one on its limit 0.3 s."""
_LIMIT_MS: Final = 300
_WITNESSES: Final = 4
"""Calls kept for a policy; more of them tell more pairs apart, and cost a decision each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """A rule that some policies were not held to."""

    rule: str
    policies: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of it."""

    remarks: tuple[Remark, ...]
    unjudged: tuple[Unjudged, ...]


def ask_solver(rehearsal: Rehearsal, settled: frozenset[tuple[str, str]], questions: int) -> Asked:
    """Judge every policy of *rehearsal* by `never-applies` and `shadowed`, but for those *settled* (rule and id)."""
    session = _Session(rehearsal, questions)
    remarks = [*session.dead(settled)]
    dead = {("shadowed", one.policy) for one in remarks}
    silent = {("shadowed", name) for rule, name in settled if rule == "never-applies"}
    remarks += session.idle(settled | dead | silent)
    return Asked(remarks=tuple(remarks), unjudged=session.unjudged())


def waiting(rehearsal: Rehearsal) -> frozenset[str]:
    """The policies of *rehearsal* that apply to no tool that is here, and could to one that is not; as far as told."""
    judge = rehearsal.judge
    named = {one.id for one in judge.statements if not any(applies(one, tool) for tool in judge.specs)}
    dead = _Session(rehearsal, QUESTIONS).dead(frozenset())
    return frozenset(named & judge.dormant.keys()) | {one.policy for one in dead if one.rule == "dormant"}


class _Session:
    """One profile and what is known of its policies."""

    def __init__(self, rehearsal: Rehearsal, questions: int) -> None:
        self._judge = rehearsal.judge
        self._left = questions
        self._calls = _witnesses(rehearsal)
        self._not: dict[tuple[str, str], list[str]] = {}
        self._solver: tuple[proving.Prover, proving.Judge] | None = None
        if proving.is_installed():
            self._solver = (proving.Prover(rehearsal.judge.specs, limit_ms=_LIMIT_MS), proving.Judge(rehearsal.judge))

    def dead(self, settled: frozenset[tuple[str, str]]) -> Iterator[Remark]:
        """Yield the policies that no call makes apply."""
        for policy in self._judge.statements:
            if policy.id in self._calls or ("never-applies", policy.id) in settled:
                continue
            solver = self._asking("never-applies", policy)
            if solver is None:
                continue
            match proving.can_apply(*solver, policy):
                case proving.Found(case=case):
                    self._learn(policy, case)
                case proving.Proved():
                    yield from self._idle_for_now(policy)
                case answer:
                    self._skip("never-applies", policy, _why(answer))

    def _idle_for_now(self, policy: Policy) -> Iterator[Remark]:
        """Tell whether *policy*, which applies to no tool that is here, could to one that is not."""
        if self._asking("never-applies", policy) is None:
            return
        match proving.waits(policy, self._judge.specs, limit_ms=_LIMIT_MS):
            case True if policy.id not in self._judge.dormant:
                yield about(policy, "dormant", "applies to no call of the tools that are known here")
            case False:
                yield about(policy, "never-applies", "never applies: no call of any tool meets all its conditions")
            case str(why):
                self._skip("never-applies", policy, why)
            case _:
                pass  # what it names is said of it already

    def idle(self, settled: frozenset[tuple[str, str]]) -> Iterator[Remark]:
        """Yield the policies that apply only where another makes them idle."""
        by_id = {policy.id: policy for policy in self._judge.statements}
        done = {name for rule, name in settled if rule == "shadowed"}
        for policy in self._judge.statements:
            if ("shadowed", policy.id) in settled:
                continue
            if policy.id not in self._calls:
                self._skip("shadowed", policy, "no call is known that it applies to")
                continue
            for name in sorted(self._beside(policy) - done - {policy.id}):
                if changes_nothing(policy, by_id[name]) and self._is_idle(policy, by_id[name]):
                    done.add(policy.id)
                    yield about(policy, "shadowed", shadow(policy, by_id[name]))
                    break

    def unjudged(self) -> tuple[Unjudged, ...]:
        """What could not be told."""
        return tuple(
            Unjudged(rule=rule, policies=tuple(dict.fromkeys(names)), why=why)
            for (rule, why), names in self._not.items()
        )

    def _beside(self, policy: Policy) -> frozenset[str]:
        """The policies that apply to every known call that *policy* applies to."""
        first, *others = (frozenset(self._judge.matching(call)) for call in self._calls[policy.id])
        return first.intersection(*others)

    def _is_idle(self, narrow: Policy, wide: Policy) -> bool:
        solver = self._asking("shadowed", narrow)
        if solver is None:
            return False
        match proving.implies(*solver, narrow, wide):
            case proving.Proved():
                return True
            case proving.Found(case=case):
                self._learn(narrow, case)
            case answer:
                self._skip("shadowed", narrow, _why(answer))
        return False

    def _asking(self, rule: str, policy: Policy) -> tuple[proving.Prover, proving.Judge] | None:
        if self._solver is None:
            self._skip(rule, policy, "the solver is not installed; `pip install 'holdfast[prove]'`")
        elif self._left == 0:
            self._skip(rule, policy, "the questions for one check are used up; `--thorough` asks all")
        else:
            self._left -= 1
            return self._solver
        return None

    def _skip(self, rule: str, policy: Policy, why: str) -> None:
        self._not.setdefault((rule, why), []).append(policy.id)

    def _learn(self, policy: Policy, case: Mapping[str, Json]) -> None:
        try:
            read = read_case("a call", {"name": "found", "expect": "deny", **case})
        except OperatorError:
            return
        calls = self._calls.setdefault(policy.id, [])
        if len(calls) < _WITNESSES and read.tool in self._judge.specs:
            calls.append(asked(read, self._judge.specs[read.tool]))


def _witnesses(rehearsal: Rehearsal) -> dict[str, list[PolicyRequest]]:
    """Calls of the cases, by the policies that apply to them."""
    found: dict[str, list[PolicyRequest]] = {}
    for case in (case for file in rehearsal.files for case in file.cases):
        spec = rehearsal.judge.specs.get(case.tool)
        if spec is not None:
            call = asked(case, spec)
            for name in rehearsal.judge.matching(call):
                calls = found.setdefault(name, [])
                if len(calls) < _WITNESSES:
                    calls.append(call)
    return found


def _why(answer: proving.OutOfReach | proving.GivenUp) -> str:
    match answer:
        case proving.OutOfReach(oddities=oddities):
            return f"outside what can be encoded: {', '.join(sorted({one.construct for one in oddities}))}"
        case proving.GivenUp(why=why):
            return why
