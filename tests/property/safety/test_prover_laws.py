"""What is proved holds for every call, and what is found is so: by counting through small worlds, and by Cedar."""

from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import product
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.oracle import cedar_naive, policy_naive
from tests.oracle.cedar_expressions import ONE, TOOLS, calls, policy_sets
from tests.oracle.policy_world import request
from tests.oracle.unchecked import naive_rules, unchecked

from holdfast.safety.policy import PolicyRequest
from holdfast.safety.policy.proving import Found, Judge, Proved, Prover, can_apply, implies, no_wider
from holdfast.safety.policy.proving.judging import verdicts
from holdfast.safety.policy.proving.solver import Impossible, Possible
from holdfast.safety.policy.proving.symbols import Group, One, Slot
from holdfast.safety.policy.proving.world import Rule, World
from holdfast.safety.policy.rules import Policy, read_policies

LONG = 1_000
MANY = settings().max_examples
SLOW = settings(
    max_examples=MANY if MANY >= LONG else 15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    deadline=None,
)
"""Few where it runs every time: each example asks the solver a dozen times."""
SPECS = {str(spec.name): spec for spec in TOOLS}
ABSENT = object()
RANK = {"deny": 0, "ask": 1, "allow": 2}

SMALL: Mapping[tuple[str, ...], tuple[Any, ...]] = {
    ("principal", "tenant"): ("default", "other"),
    ("principal", "subject"): ("alice",),
    ("principal", "scopes"): ([], ["call"], ["call", "host"]),
    ("context", "input", "must"): ("a", "x*"),
    ("context", "input", "path"): (ABSENT, "", "ab"),
    ("context", "input", "limit"): (ABSENT, 0, 2**63 - 1),
    ("context", "input", "amount"): (ABSENT, 15_000, -1),
    ("context", "input", "tags"): (ABSENT, [], ["a"], ["a", "b"]),
    ("context", "input", "sizes"): (ABSENT, [0, 1]),
    ("context", "input", "flag"): (ABSENT, True, False),
    ("context", "input", "deep"): (ABSENT, {}),
    ("context", "input", "deep", "path"): (ABSENT, "a"),
    ("context", "input", "deep", "flag"): (ABSENT, True),
    ("context", "input", "free"): (ABSENT, {}),
    ("context", "effects"): (["read_private", "write"],),
    ("context", "flow", "sink"): ("change", "stage"),
    ("context", "flow", "repeated"): (True, False),
    ("context", "session", "private"): (True, False),
    ("context", "session", "labels"): ([], ["private"]),
    ("context", "facts", "leaks"): (0, 2),
    ("context", "facts", "pii"): (0, 3),
    ("context", "facts", "rules"): ([], ["a"]),
    ("context", "facts", "inexact"): (False,),
    ("context", "facts", "unseen"): (True, False),
    ("context", "paths", "text"): ("/a/",),
    ("context", "paths", "count"): (1,),
}
"""A small world: the values that each thing read may have. Decimals are written in ten-thousandths."""
MOST = 1_500


def small_terms(world: World, reads: frozenset[tuple[str, ...]]) -> list[Any]:
    """That everything read has one of the values above."""
    found = []
    for path in reads & SMALL.keys():
        slot, logic = world.slot(*path), world.logic
        assert isinstance(slot, Slot)
        choices = [logic.negated(slot.present)] if ABSENT in SMALL[path] else []
        present = [value for value in SMALL[path] if value is not ABSENT]
        choices += [logic.every(slot.present, _is(world, slot.value, value)) for value in present]
        found.append(logic.some(*choices))
    return found


def _is(world: World, symbol: Any, value: Any) -> Any:
    logic = world.logic

    def constant(one: Any) -> Any:
        if isinstance(one, bool):
            return logic.a_truth(value=one)
        return logic.a_text(one) if isinstance(one, str) else logic.a_number(one)

    match symbol:
        case One():
            return logic.same(symbol.term, constant(value))
        case Group():
            sort = logic.number if type(symbol.of).__name__ == "Whole" else logic.text
            return logic.same(symbol.term, logic.gathered([constant(one) for one in value], sort))
        case _:
            return logic.true


def small_calls(reads: frozenset[tuple[str, ...]]) -> Iterator[cedar_naive.Call]:
    """Every call of the tool `one` that differs in what is read."""
    asked, entities = policy_naive.whole_request(request(ONE, {"must": "a", "path": ""}))
    paths = sorted(reads & SMALL.keys())
    for values in product(*(SMALL[path] for path in paths)):
        chosen = dict(zip(paths, values, strict=True))
        tenant = chosen.get(("principal", "tenant"), "default")
        person = {
            "subject": "alice",
            "tenant": tenant,
            "scopes": chosen.get(("principal", "scopes"), ["call"]),
        }
        who = {"type": "Principal", "id": f"{tenant}/alice"}
        whole = {
            "uid": who,
            "attrs": person,
            "parents": [{"type": "Tenant", "id": tenant}],
        }
        context = reduce(_put, chosen.items(), asked["context"] | {"input": {"must": "a"}})
        yield cedar_naive.call_of({**asked, "principal": who, "context": context}, [whole, *entities[1:]])


def _put(context: dict[str, Any], item: tuple[tuple[str, ...], Any]) -> dict[str, Any]:
    (root, *way), value = item
    if root != "context":
        return context
    if isinstance(value, int) and not isinstance(value, bool) and way[-1] == "amount":
        value = {"__extn": {"fn": "decimal", "arg": f"{value / 10_000:.4f}"}}
    return _with(context, way, value)


def _with(record: dict[str, Any], way: list[str], value: Any) -> dict[str, Any]:
    name, *rest = way
    if not rest:
        return {key: one for key, one in record.items() if key != name} | ({} if value is ABSENT else {name: value})
    return record if name not in record else {**record, name: _with(record[name], rest, value)}


def small(world: World, rules: tuple[Rule, ...]) -> tuple[list[Any], list[cedar_naive.Call]]:
    """The small world of *rules*, as terms and as calls; too large ones are left out."""
    reads = frozenset[tuple[str, ...]]().union(*(rule.reads for rule in rules))
    reads |= {("principal", "tenant"), ("principal", "subject")}
    assume(not any(rule.odd for rule in rules))
    size = reduce(lambda left, path: left * len(SMALL[path]), reads & SMALL.keys(), 1)
    assume(size <= MOST)
    known = {("context", "input"), ("context", "flow"), ("context", "session"), ("context", "facts")}
    strange = {path for path in reads - SMALL.keys() - known if path[-1] not in ("paths", "none", "a", "b", "name")}
    assert not {path for path in strange if path[0] != "resource"}, strange
    return small_terms(world, reads), list(small_calls(reads))


@SLOW
@given(policy_sets())
def test_the_solver_answers_what_counting_through_a_small_world_answers(text: str) -> None:
    policies = read_policies({"p/it.cedar": text})
    prover = Prover(SPECS)
    world, rules = prover.world("one"), prover.rules("one", policies)
    terms, every = small(world, rules)
    naive = naive_rules(policies)
    leasable = frozenset(one.id for one in policies if one.approval in ("operator", "lease"))

    for lifted in (frozenset[str](), leasable):
        verdict = verdicts(world, rules, lifted)
        counted = {cedar_naive.decide(naive, call, lifted)[0] for call in every}
        for term, word in ((verdict.allowed, "allow"), (verdict.asked, "ask")):
            answer = world.logic.ask([term, *terms], {})
            assert isinstance(answer, Possible if word in counted else Impossible)
    for rule, one in zip(rules, naive, strict=True):
        counted_fails = any(_fails(one, call) for call in every)
        assert isinstance(world.logic.ask([rule.fails, *terms], {}), Possible if counted_fails else Impossible)


def _fails(rule: cedar_naive.Rule, call: cedar_naive.Call) -> bool:
    try:
        cedar_naive.applies(rule, call)
    except cedar_naive.Failure:
        return True
    return False


def applies(policy: Policy, asked: PolicyRequest) -> bool:
    try:
        (rule,) = naive_rules((policy,))
        return cedar_naive.applies(rule, cedar_naive.call_of(*policy_naive.whole_request(asked)))
    except cedar_naive.Failure:
        return False


@SLOW
@given(policy_sets(), st.lists(calls(), min_size=8, max_size=12))
def test_no_call_contradicts_a_proof_about_a_policy(text: str, asked: list[PolicyRequest]) -> None:
    policies = read_policies({"p/it.cedar": text})
    judge, prover = Judge(unchecked(policies)), Prover(SPECS)
    first, last = policies[0], policies[-1]

    ever, implied = can_apply(prover, judge, last), implies(prover, judge, first, last)

    for one in asked:
        if applies(last, one):
            assert not isinstance(ever, Proved)
        elif applies(first, one):
            assert not isinstance(implied, Proved)


@SLOW
@given(policy_sets(), policy_sets(), st.lists(calls(), min_size=8, max_size=12))
def test_no_call_contradicts_a_proof_that_a_set_is_no_wider(old: str, new: str, asked: list[PolicyRequest]) -> None:
    before, after = (Judge(unchecked(read_policies({"p/it.cedar": text}))) for text in (old, new))

    answer = no_wider(Prover(SPECS), before, after, SPECS)

    if isinstance(answer, Found):
        assert after.rank(answer.case) > before.rank(answer.case)
    if isinstance(answer, Proved):
        for one in asked:
            for is_leased in (False, True):
                ranks = [_rank(judge, one, is_leased=is_leased) for judge in (before, after)]
                assert ranks[1] <= ranks[0]


def _rank(judge: Judge, asked: PolicyRequest, *, is_leased: bool) -> int:
    lifted = judge.sheet.leasable if is_leased else frozenset[str]()
    call = cedar_naive.call_of(*policy_naive.whole_request(asked))
    return RANK[cedar_naive.decide(naive_rules(judge.sheet.policies), call, lifted)[0]]
