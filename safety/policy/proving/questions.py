"""The questions that can be asked of policies. Each answers proved, a call, outside, or given up; none changes them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from holdfast.contracts import Json, OperatorError, Scope

from ..mentions import applies
from ..rules import Policy, read_policies
from .answers import Answer, Proved
from .confirming import Judge
from .judging import Sheet, Verdicts, verdicts
from .prover import Prover, Question, overall
from .solver import Term
from .world import Rule

_ASKED: Final = "question"
Way: TypeAlias = tuple[Term, Mapping[str, Json]]
"""What is looked for, and what a case of it says beside what the solver finds."""


def can_apply(prover: Prover, judge: Judge, policy: Policy, tools: Iterable[str] | None = None) -> Answer:
    """Whether *policy* ever applies. `Found`: to this call; `Proved`: to none.

    *judge* knows the set that *policy* is of; *tools* are those to look at, by default all.
    """

    def one(tool: str) -> Answer:
        (rule,) = prover.rules(tool, [policy])
        seen = _matched(judge, policy)
        return prover.look(tool, Question((rule.matches,), (rule,), seen))

    return overall(one(tool) for tool in _covered(prover, [policy], tools))


def implies(prover: Prover, judge: Judge, narrow: Policy, wide: Policy, tools: Iterable[str] | None = None) -> Answer:
    """Whether *wide* applies to each call that *narrow* applies to. `Proved`: yes; `Found`: not to this one."""

    def one(tool: str) -> Answer:
        rules = prover.rules(tool, [narrow, wide])
        apart = (rules[0].matches, prover.world(tool).logic.negated(rules[1].matches))

        def seen(case: Mapping[str, Json]) -> bool:
            return judge.matches(narrow, case) and not judge.matches(wide, case)

        return prover.look(tool, Question(apart, rules, seen))

    return overall(one(tool) for tool in _covered(prover, [narrow], tools))


def where(condition: str) -> Policy:
    """What to ask about: the calls for which *condition*, Cedar text, holds.

    Raises: OperatorError when it is not one Cedar expression.
    """
    found = read_policies(
        {"question": f'@id("{_ASKED}") @reason("r") permit (principal, action, resource) when {{\n{condition}\n}};'}
    )
    if len(found) != 1 or len(found[0].template.clauses) != 1:
        raise OperatorError("a question is one Cedar expression, as it stands after `when`")
    return found[0]


def without_scope(scope: Scope) -> Policy:
    """The calls of principals without *scope*."""
    return where(f'!principal.scopes.contains("{scope.value}")')


def unapproved() -> Policy:
    """The calls of tools that are not approved as they are now; an operator may try a pending one."""
    return where('!["approved", "trial"].contains(resource.state)')


def never(prover: Prover, judge: Judge, tools: Iterable[str], asked: Policy) -> Answer:
    """Whether no call of *tools* that *asked* applies to can run, whoever approves it and whatever is leased.

    The call that is found needs as little as there is: nobody, else an approval, else a lease.
    """
    return overall(_reach(prover, judge, tool, asked) for tool in tools)


def no_wider(prover: Prover, old: Judge, new: Judge, tools: Iterable[str]) -> Answer:
    """Whether *new* lets no call run, or be asked for, or be leased, that *old* does not. `Found`: this one it does."""
    return overall(_compared(prover, old, new, tool) for tool in tools)


def _compared(prover: Prover, old: Judge, new: Judge, tool: str) -> Answer:
    logic = prover.world(tool).logic
    sides = [(judge, _rules(prover, judge.sheet, tool)) for judge in (old, new)]
    rules = (*sides[0][1], *sides[1][1])
    ways: list[Way] = []
    for is_leased in (False, True):
        before, after = (
            _verdicts(prover, judge.sheet, tool, own, judge.sheet.leasable if is_leased else frozenset())
            for judge, own in sides
        )
        leases = sorted(new.sheet.leasable) if is_leased else []
        more: Mapping[str, Json] = {"lifted": [*leases]} if leases else {}
        ways += [
            (logic.every(after.allowed, logic.negated(before.allowed)), more),
            (logic.every(after.reaches, logic.negated(before.reaches)), more),
        ]

    def seen(case: Mapping[str, Json]) -> bool:
        return new.rank(case) > old.rank(case)

    return _least(prover, tool, ways, Question((), rules, seen))


def _reach(prover: Prover, judge: Judge, tool: str, asked: Policy) -> Answer:
    rules = _rules(prover, judge.sheet, tool)
    (condition,) = prover.rules(tool, [asked])
    leasable = judge.sheet.leasable
    plain = _verdicts(prover, judge.sheet, tool, rules, frozenset())
    leased = _verdicts(prover, judge.sheet, tool, rules, leasable)
    more: Mapping[str, Json] = {"lifted": [*sorted(leasable)]} if leasable else {}
    logic = prover.world(tool).logic
    ways: list[Way] = [
        (logic.every(condition.matches, plain.allowed), {}),
        (logic.every(condition.matches, plain.reaches), {}),
        (logic.every(condition.matches, leased.reaches), more),
    ]

    def seen(case: Mapping[str, Json]) -> bool:
        return judge.rank(case) > 0 and judge.matches(asked, case)

    return _least(prover, tool, ways, Question((), (condition, *rules), seen))


def _least(prover: Prover, tool: str, ways: list[Way], question: Question) -> Answer:
    """The first of *ways* that there is a call for; proved if there is none for any."""
    logic = prover.world(tool).logic
    any_way = logic.some(*(term for term, _ in ways))
    whole = prover.look(tool, replace(question, terms=(any_way,), confirm=_nothing))
    if isinstance(whole, Proved):
        return whole
    return overall(prover.look(tool, replace(question, terms=(term,), more=more, tidy=True)) for term, more in ways)


def _rules(prover: Prover, sheet: Sheet, tool: str) -> tuple[Rule, ...]:
    return prover.rules(tool, sheet.of(tool))


def _verdicts(prover: Prover, sheet: Sheet, tool: str, rules: tuple[Rule, ...], lifted: frozenset[str]) -> Verdicts:
    world = prover.world(tool)
    if sheet.is_blind(tool):
        nothing = world.logic.false
        return Verdicts(allowed=nothing, asked=nothing, reaches=nothing)
    return verdicts(world, rules, lifted)


def _matched(judge: Judge, policy: Policy) -> Callable[[Mapping[str, Json]], bool]:
    return lambda case: judge.matches(policy, case)


def _covered(prover: Prover, policies: list[Policy], tools: Iterable[str] | None) -> Iterator[str]:
    for tool in prover.tools if tools is None else tools:
        if all(applies(policy, tool) for policy in policies):
            yield tool


def _nothing(_case: Mapping[str, Json]) -> bool:
    return False
