"""Asks a solver about policy sets read from files: what may never happen, and whether one is wider than another.

It loads sets as the server does, for the built-in tools and those that the sets' own cases declare. It reaches no
server and no state.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

import yaml

from holdfast.contracts import InvalidRequest, Json, Scope, ToolSpec, Upstream
from holdfast.safety.policy import Allowed, Asks, Denied, PolicyBundle, PolicyDecision, decided_by
from holdfast.safety.policy.cases import read_cases, sample_tools
from holdfast.safety.policy.proving import (
    Answer,
    Found,
    GivenUp,
    Judge,
    Oddity,
    OutOfReach,
    Proved,
    Prover,
    never,
    no_wider,
    unapproved,
    where,
    without_scope,
)
from holdfast.safety.policy.rules import Policy

from .policies import PROFILES

Files: TypeAlias = tuple[Mapping[str, str], Mapping[str, str]]
"""Cedar files and case files, by relative name."""
PROVED, COUNTEREXAMPLE, UNKNOWN = 0, 1, 3
"""Exit codes; 2 is an error, as everywhere."""
_VERDICTS: Final[Mapping[type[PolicyDecision], str]] = {Allowed: "allow", Asks: "ask", Denied: "deny"}
_TEXT: Final = (
    "the policies are as written in these files, and their arguments as the tools' schemas type them;"
    " approvals and leases are given freely"
)
_REGISTRY: Final = (
    "whatever policy says, only approved tools are served, and the gate compares a tool with what was approved"
    " once more before it runs; the call with which an operator tries a pending tool (`trial`) is not counted"
)
_TOKENS: Final = "which scopes a principal has is settled by its token before policy is asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one question about one profile."""

    profile: str
    says: str
    """What was asked, as a statement."""
    tools: int
    policies: int
    answer: Answer
    elsewhere: tuple[str, ...]
    """What other layers see to."""
    decided: Mapping[str, str]
    """About the call that was found: the verdict and the policies behind it, by set."""
    spec: ToolSpec | None
    """The tool of the call that was found, where it is not built in."""

    @property
    def exit(self) -> int:
        """The exit code."""
        match self.answer:
            case Proved():
                return PROVED
            case Found():
                return COUNTEREXAMPLE
            case OutOfReach() | GivenUp():
                return UNKNOWN
            case _:
                assert_never(self.answer)


def read_sets(files: Sequence[Files], profile: str | None, tools: Sequence[ToolSpec]) -> dict[str, tuple[Judge, ...]]:
    """Load the sets of *files* for *tools* and those that their cases declare, by profile; None: every profile.

    Raises: OperatorError when one does not load.
    """
    found: dict[str, tuple[Judge, ...]] = {}
    for name in _profiles([sources for sources, _ in files]) if profile is None else (profile,):
        specs: dict[str, ToolSpec] = {}
        for _, cases in files:
            specs |= sample_tools(read_cases(cases, name))
        specs |= {str(spec.name): spec for spec in tools}
        found[name] = tuple(
            Judge(PolicyBundle.load(sources, cases, profile=name, specs=[*specs.values()])) for sources, cases in files
        )
    return found


def _profiles(sets: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The profiles that all of *sets* have; what is in only one has nothing to be compared with."""
    own = [{name.partition("/")[0] for name in sources if "/" in name} for sources in sets]
    shared = frozenset[str].intersection(*map(frozenset, own))
    only = sorted(frozenset[str]().union(*own) - shared)
    if only:
        raise InvalidRequest(f"the profile `{only[0]}` is in one of the sets only; name another with `--profile`")
    return (*(name for name in PROFILES if name in shared), *sorted(shared - set(PROFILES)))


def prove_unapproved(judge: Judge, profile: str, tools: Sequence[str], limit_ms: int) -> Result:
    """Whether policy by itself lets a tool be called that is not approved as it is now."""
    says = "policy lets no unapproved tool be called"
    return _never(judge, profile, tools, unapproved(), limit_ms, says=says, elsewhere=(_REGISTRY,))


def prove_scope(judge: Judge, profile: str, tools: Sequence[str], scope: Scope, limit_ms: int) -> Result:
    """Whether a principal without *scope* can reach one of *tools*."""
    says = f"nobody without the scope `{scope.value}` reaches {_listed(tools)}"
    return _never(judge, profile, tools, without_scope(scope), limit_ms, says=says, elsewhere=(_TOKENS,))


def prove_never(judge: Judge, profile: str, tools: Sequence[str], condition: str, limit_ms: int) -> Result:
    """Whether no call of *tools* for which *condition*, Cedar text, holds can run.

    Raises: OperatorError when it is no Cedar expression.
    """
    says = f"no call of {_listed(tools)} runs when {condition}"
    return _never(judge, profile, tools, where(condition), limit_ms, says=says, elsewhere=())


def prove_no_wider(old: Judge, new: Judge, profile: str, tools: Sequence[str], limit_ms: int) -> Result:
    """Whether *new* lets nothing run, be asked for or be leased that *old* does not."""
    asked = _tools(new, tools)
    answer = no_wider(Prover(new.sheet.specs, profile=profile, limit_ms=limit_ms), old, new, asked)
    says = "the new set is no wider than the old"
    return _result(profile, says, {"old": old, "new": new}, asked, answer, elsewhere=())


def _never(
    judge: Judge,
    profile: str,
    tools: Sequence[str],
    asked: Policy,
    limit_ms: int,
    *,
    says: str,
    elsewhere: tuple[str, ...],
) -> Result:
    chosen = _tools(judge, tools)
    answer = never(Prover(judge.sheet.specs, profile=profile, limit_ms=limit_ms), judge, chosen, asked)
    return _result(profile, says, {"now": judge}, chosen, answer, elsewhere=elsewhere)


def _result(
    profile: str,
    says: str,
    judges: Mapping[str, Judge],
    tools: Sequence[str],
    answer: Answer,
    *,
    elsewhere: tuple[str, ...],
) -> Result:
    judge = [*judges.values()][-1]
    decided: dict[str, str] = {}
    spec = None
    if isinstance(answer, Found):
        spec = judge.sheet.specs[answer.tool]
        decided = {name: _decided(one, answer) for name, one in judges.items()}
    return Result(
        profile=profile,
        says=says,
        tools=len(tools),
        policies=len(judge.sheet.policies),
        answer=answer,
        elsewhere=elsewhere,
        decided=decided,
        spec=spec,
    )


def _decided(judge: Judge, found: Found) -> str:
    decision = judge.decide(found.case)
    if decision is None:
        return "unreadable"
    return f"{_VERDICTS[type(decision)]} by {', '.join(decided_by(decision))}"


def _tools(judge: Judge, tools: Sequence[str]) -> tuple[str, ...]:
    unknown = [tool for tool in tools if tool not in judge.sheet.specs]
    if unknown:
        raise InvalidRequest(f"there is no tool `{unknown[0]}`: it is neither built in nor declared in a case file")
    return tuple(tools) or tuple(judge.sheet.specs)


def _listed(tools: Sequence[str]) -> str:
    return ", ".join(f"`{tool}`" for tool in tools) or "any tool"


def case_file(result: Result, found: Found) -> str:
    """The call that was found as a case file, which `policy test` and `explain` read."""
    decided, _, by = [*result.decided.values()][-1].partition(" by ")
    case: dict[str, Json] = {"name": f"not so: {result.says}", **found.case, "expect": decided}
    policies = [name for name in by.split(", ") if name not in ("no-permit", "error")]
    document: dict[str, Json] = {"profiles": [result.profile]}
    if result.spec is not None and isinstance(result.spec.runtime, Upstream):
        document["tools"] = [_sample(result.spec)]
    document["cases"] = [{**case, "by": [*policies]}]
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)


def _sample(spec: ToolSpec) -> Json:
    server: dict[str, Json] = {"upstream": spec.runtime.server} if isinstance(spec.runtime, Upstream) else {}
    effects: list[Json] = [effect.value for effect in sorted(spec.effects)]
    return {"name": spec.name, **server, "effects": effects, "input": dict(spec.input_schema)}


def record(result: Result) -> Json:
    """*result* for programs."""
    row: dict[str, Json] = {
        "profile": result.profile,
        "says": result.says,
        "tools": result.tools,
        "policies": result.policies,
        "assuming": [_TEXT],
        "elsewhere": [*result.elsewhere],
    }
    match result.answer:
        case Proved(assumptions=assumptions, loosely=loosely):
            return {
                **row,
                "answer": "proved",
                "assuming": [_TEXT, *assumptions],
                "taken_for_anything": [*_odd(loosely)],
            }
        case Found() as found:
            more: dict[str, Json] = {"case": dict(found.case), "decided": dict(result.decided)}
            return {**row, "answer": "counterexample", **more, "file": case_file(result, found)}
        case OutOfReach(tool=tool, oddities=oddities):
            return {**row, "answer": "outside", "tool": tool, "cannot_encode": [*_odd(oddities)]}
        case GivenUp(tool=tool, why=why):
            return {**row, "answer": "unknown", "tool": tool, "why": why}
        case _:
            assert_never(result.answer)


def _odd(oddities: Iterable[Oddity]) -> list[Json]:
    return [{"policy": odd.policy, "file": odd.file, "line": odd.line, "construct": odd.construct} for odd in oddities]
