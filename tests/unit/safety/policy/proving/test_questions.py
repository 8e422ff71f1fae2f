"""Whether policies can apply, imply each other, reach a tool or widen: proved, or a call that the engine confirms."""

from typing import Any

import pytest
from tests.oracle.policy_world import READ, load, shipped, tool

from holdfast.contracts import Digest, Effect, Scope
from holdfast.safety.policy import PolicyBundle
from holdfast.safety.policy.checking import Checked
from holdfast.safety.policy.proving import (
    Answer,
    Found,
    GivenUp,
    Judge,
    OutOfReach,
    Proved,
    Prover,
    can_apply,
    implies,
    never,
    no_wider,
    where,
    without_scope,
)
from holdfast.safety.policy.rules import read_policies
from holdfast.safety.policy.shapes import input_shape

FETCH = tool(
    "http_fetch",
    {"url": {"type": "string"}, "method": {"type": "string"}, "amount": {"type": "number"}},
    Effect.EGRESS,
    Effect.READ_UNTRUSTED,
)
TOOLS = (FETCH, READ, tool("save", {"path": {"type": "string"}}, Effect.WRITE, required=["path"]))
BLOB = 'principal, action == Action::"blob", resource'
CALL = '@id("all") @reason("r") permit (principal, action, resource) when { principal.scopes.contains("call") };\n'


def rule(name: str, effect: str, condition: str, *, scope: str = "principal, action, resource", asks: str = "") -> str:
    approval = f'@approval("{asks}") ' if asks else ""
    return f'@id("{name}") @reason("r") {approval}{effect} ({scope}) when {{ {condition} }};\n'


def set_of(*rules: str) -> PolicyBundle:
    return load(CALL + "".join(rules), FETCH)


def applying(condition: str) -> Answer:
    bundle = set_of(rule("it", "forbid", condition))
    return can_apply(Prover(bundle.specs), Judge(bundle), bundle.statements[-1])


@pytest.mark.parametrize(
    "condition",
    [
        "context.facts.leaks > 3 && context.facts.leaks < 3",
        'context.session.labels.contains("private") && !context.session.private',
        "context.facts.pii < 0",
        "context.facts.leaks + 9223372036854775807 < 0",
        'context.paths.text like "*/a/*" && context.paths.count == 0',
        'context.effects.contains("spend")',
        'context.flow.sink == "spend"',
        "context.input has limit && context.input.limit > 5 && context.input.limit * 2 < 8",
        'context.input has amount && context.input.amount == decimal("0.1") && context.input.amount != decimal("0.10")',
        'principal == Principal::"default/bob" && principal.tenant == "other"',
        "principal is Tool",
        '["a", "b"].contains(context.session.id) && context.session.id like "*c*"',
        'principal.scopes.containsAll(["call", "host"]) && !principal.scopes.containsAny(["host", "audit"])',
        "(if context.facts.inexact then 1 else 2) == 3",
        '{"a": context.facts.leaks}.a > 1 && context.facts.leaks == 1',
        'resource.name == "elsewhere"',
        'context.input has amount && context.input.amount == decimal("-0.5") && context.input.amount == decimal("0.5")',
        "context.facts.leaks > 9223372036854775807",
        'context.flow.sink == "send" && !(context.flow.sink like "s**d")',
        'context.flow.sink == "send" && context.flow.sink like "s*e"',
    ],
)
def test_what_can_never_apply_is_proved_so(condition: str) -> None:
    assert isinstance(applying(condition), Proved)


@pytest.mark.parametrize(
    "condition",
    [
        "context.facts.leaks > 3 && context.facts.leaks < 5",
        "context.input has limit && context.input.limit == -9223372036854775808",
        'context.input has amount && context.input.amount == decimal("0.0999")',
        'context.input has path && context.input.path like "/w*k/\\\\*.p*m"',
        'principal == Principal::"a%2Fb/c/d"',
        'principal in Tenant::"other" && !(principal in Tenant::"default")',
        'principal.scopes == ["call", "host"]',
        'context.facts.rules.containsAll(["pii/card", "x"]) && !context.facts.rules.contains("y")',
        'context.flow.sink == "send" && !context.session.private',
        'context.paths.count == 1 && context.paths.text like "*/.env/*" && !(context.paths.text like "*b*")',
        "context.flow has sink && !(context.input has nothing)",
        'action in [Action::"read", Action::"http_fetch"] && resource is Tool',
        "(if context.facts.inexact then 1 else 2) == 2",
        'context.effects.isEmpty() || resource.effects.contains("egress")',
        "context.facts.pii == 2 && (if context.facts.pii > 0 then true else 9223372036854775807 + 1 > 0)",
        'context.input has amount && context.input.amount.lessThan(decimal("-0.5"))',
    ],
)
def test_what_can_apply_is_shown_by_a_call_that_the_engine_confirms(condition: str) -> None:
    assert isinstance(applying(condition), Found)


def test_a_rule_without_effect_is_implied_by_a_wider_one_and_not_the_other_way_round() -> None:
    bundle = set_of(
        rule("wide", "forbid", 'context.facts.rules.contains("a") || context.facts.leaks > 0'),
        rule("narrow", "forbid", "context.facts.leaks > 2"),
    )
    prover, judge, (_, wide, narrow) = Prover(bundle.specs), Judge(bundle), bundle.statements

    assert isinstance(implies(prover, judge, narrow, wide), Proved)
    found = implies(prover, judge, wide, narrow)
    assert isinstance(found, Found)
    assert judge.matches(wide, found.case)
    assert not judge.matches(narrow, found.case)


def test_a_wider_rule_that_may_fail_implies_nothing() -> None:
    bundle = set_of(
        rule("wide", "forbid", "context.facts.leaks + 9223372036854775800 > 0"),
        rule("narrow", "forbid", "context.facts.leaks > 2"),
    )

    answer = implies(Prover(bundle.specs), Judge(bundle), bundle.statements[2], bundle.statements[1])

    assert isinstance(answer, Found)
    assert isinstance(answer.case["facts"], dict)
    assert answer.case["facts"]["leaks"] > 7


def test_what_cannot_be_encoded_is_named_with_its_place_where_it_matters() -> None:
    answer = applying('context.facts.leaks > 2 && ip("10.0.0.1").isLoopback()')

    assert isinstance(answer, OutOfReach)
    assert [(odd.policy, odd.file, odd.line) for odd in answer.oddities] == [("it", "p/it.cedar", 2)]
    assert answer.oddities[0].construct == "the extension function `is_loopback`"


def test_what_cannot_be_encoded_and_does_not_matter_stops_no_proof() -> None:
    answer = applying('context.facts.leaks < 0 && ip("10.0.0.1").isLoopback()')

    assert isinstance(answer, Proved)
    assert [odd.policy for odd in answer.loosely] == ["it"]


@pytest.mark.parametrize("profile", ["readonly", "supervised", "autonomous"])
def test_nobody_without_the_scope_call_reaches_a_tool_under_the_shipped_profiles(profile: str) -> None:
    bundle = shipped(profile, *TOOLS)
    prover, judge = Prover(bundle.specs), Judge(bundle)

    assert isinstance(never(prover, judge, prover.tools, without_scope(Scope.CALL)), Proved)
    reached = never(prover, judge, prover.tools, without_scope(Scope.HOST))
    assert isinstance(reached, Found)
    assert judge.rank(reached.case) > 0


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        ("supervised", "supervised", False),
        ("supervised", "readonly", False),
        ("readonly", "supervised", True),
        ("supervised", "autonomous", True),
    ],
)
def test_the_shipped_profiles_widen_one_way(old: str, new: str, *, wider: bool) -> None:
    before, after = Judge(shipped(old, *TOOLS)), Judge(shipped(new, *TOOLS))

    answer = no_wider(Prover(before.sheet.specs), before, after, before.sheet.specs)

    assert isinstance(answer, Found if wider else Proved)
    if isinstance(answer, Found):
        assert after.rank(answer.case) > before.rank(answer.case)


FIRM, ASKS, LEASED, EACH = ({"asks": asks} for asks in ("", "operator", "lease", "always"))


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        (FIRM, FIRM, False),
        (FIRM, ASKS, True),
        (ASKS, FIRM, False),
        (FIRM, LEASED, True),
        (LEASED, FIRM, False),
        (LEASED, ASKS, True),
        (ASKS, LEASED, False),
        (EACH, ASKS, True),
        (ASKS, EACH, False),
        (FIRM, EACH, True),
    ],
)
def test_a_forbid_that_asks_is_wider_than_a_firm_one_and_a_lease_is_between(
    before: dict[str, Any], after: dict[str, Any], *, wider: bool
) -> None:
    old, new = (Judge(set_of(rule("it", "forbid", "context.facts.leaks > 0", **asks))) for asks in (before, after))

    assert isinstance(no_wider(Prover(old.sheet.specs), old, new, ["read"]), Found if wider else Proved)


@pytest.mark.parametrize(
    ("failing", "asked"),
    [
        ("context.facts.leaks + 9223372036854775807 > 0", "context.facts.leaks > 0"),
        ('context.input.method == "GET"', "!(context.input has method)"),
        ("context.input.nothing == 1", "context.facts.leaks > 0"),
        ('decimal("1.00000") == context.input.amount', "true"),
    ],
)
def test_a_rule_that_fails_lets_nothing_run(failing: str, asked: str) -> None:
    scope = 'principal, action == Action::"http_fetch", resource'
    policies = read_policies({"p/it.cedar": CALL + rule("it", "permit", failing, scope=scope)})
    bundle = PolicyBundle(
        policies,
        Checked(shapes={"http_fetch": input_shape(FETCH.input_schema)}, quarantined={}, dormant={}, warnings=()),
        {"http_fetch": FETCH},
        "p",
        Digest.of(b""),
    )

    assert isinstance(never(Prover(bundle.specs), Judge(bundle), ["http_fetch"], where(asked)), Proved)


def test_what_is_not_looked_at_does_not_fail() -> None:
    open_ = "context.facts.leaks == 0 || context.facts.leaks + 9223372036854775807 < 0"
    bundle = set_of(rule("it", "permit", f'principal.scopes.contains("call") && ({open_})'))
    asked = where("context.facts.leaks == 0")

    assert isinstance(never(Prover(bundle.specs), Judge(bundle), ["read"], asked), Found)
    assert isinstance(never(Prover(bundle.specs), Judge(bundle), ["read"], where("context.facts.leaks > 0")), Proved)


def test_a_digest_that_only_the_server_can_make_is_supposed_in_the_case() -> None:
    blob = tool("blob", {"data": {}}, Effect.READ_PRIVATE)
    bundle = load(
        CALL + rule("it", "forbid", 'context.input has data && context.input.data.digest == "b3:0"', scope=BLOB), blob
    )

    found = can_apply(Prover(bundle.specs), Judge(bundle), bundle.statements[-1])

    assert isinstance(found, Found)
    assert found.case["facts"] == {"context.input.data.digest": "b3:0"}


@pytest.mark.parametrize(
    "condition",
    [
        "context.time.hour > 23",
        "context.rate.tool_minute < 0",
        'context.autonomy == "q"',
        'context.time.weekday like "*z*"',
        'resource.state == "sleeping"',
    ],
)
def test_what_the_facts_are_is_taken_from_their_declarations(condition: str) -> None:
    policies = read_policies({"p/it.cedar": CALL + rule("it", "forbid", condition)})
    judge = Judge(set_of())

    assert isinstance(can_apply(Prover({"read": READ}, profile="p"), judge, policies[-1]), Proved)


@pytest.mark.parametrize(
    ("schema", "may"),
    [
        ({"type": "object", "properties": {"text": {"type": "string"}}, "additionalProperties": False}, False),
        ({"type": "object", "properties": {"text": {"type": "string"}}}, True),
        ({"type": "object", "properties": {"file": {"type": "string"}}, "additionalProperties": False}, True),
        ({"type": "object", "properties": {"deep": {"type": "object"}}, "additionalProperties": False}, True),
        ({"type": "object", "properties": {"any": {}}, "additionalProperties": False}, True),
        ({"type": "object", "properties": {}, "patternProperties": {".": {}}, "additionalProperties": False}, True),
    ],
)
def test_a_tool_whose_schema_names_no_path_has_none(schema: dict[str, Any], *, may: bool) -> None:
    one = tool("one", schema=schema)
    policies = read_policies({"p/it.cedar": CALL + rule("it", "forbid", 'context.paths.text like "*/.env/*"')})
    bundle = load(CALL + rule("it", "forbid", 'context.paths.text like "*/.env/*"'), one)

    answer = can_apply(Prover({"one": one}), Judge(bundle), policies[-1])

    assert isinstance(answer, Found if may else Proved)


def test_a_question_too_hard_is_given_up_in_time_and_is_no_proof() -> None:
    cube = "context.facts.{0} * context.facts.{0} * context.facts.{0}"
    some = " && ".join(f"context.facts.{name} > 0" for name in ("leaks", "pii", "credentials"))
    bundle = set_of()
    hard = where(f"{some} && {cube.format('leaks')} + {cube.format('pii')} == {cube.format('credentials')}")

    answer = never(Prover(bundle.specs, limit_ms=100), Judge(bundle), ["read"], hard)

    assert answer == GivenUp(tool="read", why="the solver found no answer within 100 ms")
