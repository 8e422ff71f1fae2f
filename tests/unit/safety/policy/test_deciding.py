"""Default deny, an error denies, forbids with an approval ask, and lifting removes exactly what it names."""

from typing import Any

import pytest
from tests.oracle.policy_world import READ, foreign, load, person, request, tool

from holdfast.contracts import Effect, Label, Scope
from holdfast.safety.policy import Allowed, ApprovalLevel, Asks, Denied, Facts, decided_by

PERMIT = '@id("all") @reason("all") permit (principal, action, resource) when { principal.scopes.contains("call") };\n'
ASK = (
    '@id("ask") @reason("an operator has to look") @approval("operator") forbid (principal, action, resource)'
    ' when { context.session.labels.contains("private") };\n'
)
ALWAYS = (
    '@id("always") @reason("each time anew") @approval("always") forbid (principal, action, resource)'
    ' when { context.session.labels.contains("untrusted") };\n'
)
FIRM = '@id("firm") @reason("never") forbid (principal, action, resource) when { context.facts.leaks > 0 };\n'
OVERFLOW = "when { context.facts.leaks + 9223372036854775807 < 0 };\n"
LEAK = Facts(leaks=1, credentials=0, injection=0, pii=0, rules=frozenset({"leaks/x"}))


def test_what_nothing_permits_is_denied() -> None:
    decision = load(PERMIT).decide(request(principal=person("alice", Scope.AUDIT)))

    assert isinstance(decision, Denied)
    assert decision.reason.code == "policy/no-permit"
    assert decision.forbids == ()


def test_a_forbid_wins_over_a_permit_and_gives_its_reason() -> None:
    decision = load(PERMIT + FIRM).decide(request(facts=LEAK))

    assert isinstance(decision, Denied)
    assert (decision.reason.code, decision.reason.layer, decision.reason.message) == ("policy/firm", "policy", "never")
    assert decision.reason.remedy == "`p/it.cedar` line 2: policy `firm` forbids this; change its condition there"
    assert decision.forbids == ("firm",)


def test_a_forbid_that_fails_to_evaluate_denies_though_cedar_would_allow() -> None:
    text = PERMIT + f'@id("broken") @reason("r") forbid (principal, action, resource) {OVERFLOW}'

    assert isinstance(load(text).decide(request()), Allowed)
    decision = load(text).decide(request(facts=LEAK))

    assert isinstance(decision, Denied)
    assert decision.reason.code == "policy/error"
    assert decision.reason.remedy == "make these total for every input: `broken` (integer overflow)"


def test_a_permit_that_fails_to_evaluate_denies_though_another_permits() -> None:
    text = PERMIT + f'@id("broken") @reason("r") permit (principal, action, resource) {OVERFLOW}'

    assert decided_by(load(text).decide(request(facts=LEAK))) == ("error",)


def test_a_forbid_with_an_approval_asks_where_the_rest_allows() -> None:
    decision = load(PERMIT + ASK).decide(request(labels=[Label.PRIVATE]))

    assert decision == Asks(reason=decision.reason, forbids=("ask",), level=ApprovalLevel.OPERATOR)  # type: ignore[union-attr]
    assert decision.reason.message == "an operator has to look"


def test_two_that_ask_are_asked_together_at_the_stricter_level() -> None:
    decision = load(PERMIT + ASK + ALWAYS).decide(request(labels=[Label.PRIVATE, Label.UNTRUSTED]))

    assert isinstance(decision, Asks)
    assert decision.forbids == ("ask", "always")
    assert decision.level is ApprovalLevel.ALWAYS


def test_nobody_is_asked_what_a_firm_forbid_denies_anyway() -> None:
    decision = load(PERMIT + ASK + FIRM).decide(request(labels=[Label.PRIVATE], facts=LEAK))

    assert isinstance(decision, Denied)
    assert decision.reason.code == "policy/firm"
    assert decision.forbids == ("ask", "firm")


def test_nobody_is_asked_what_nothing_permits() -> None:
    decision = load(PERMIT + ASK).decide(request(labels=[Label.PRIVATE], principal=person("alice", Scope.AUDIT)))

    assert decided_by(decision) == ("no-permit", "ask")
    assert isinstance(decision, Denied)


def test_nobody_is_asked_where_another_policy_fails() -> None:
    text = PERMIT + ASK + f'@id("broken") @reason("r") forbid (principal, action, resource) {OVERFLOW}'

    assert decided_by(load(text).decide(request(labels=[Label.PRIVATE], facts=LEAK))) == ("error",)


def test_lifting_removes_exactly_what_it_names() -> None:
    bundle = load(PERMIT + ASK + ALWAYS)
    both = request(labels=[Label.PRIVATE, Label.UNTRUSTED])

    assert decided_by(bundle.decide(both, lifted=frozenset({"ask"}))) == ("always",)
    assert decided_by(bundle.decide(both, lifted=frozenset({"always"}))) == ("ask",)
    assert isinstance(bundle.decide(both, lifted=frozenset({"ask", "always"})), Allowed)
    assert isinstance(bundle.decide(both), Asks)


def test_lifting_does_not_touch_a_forbid_without_an_approval() -> None:
    decision = load(PERMIT + FIRM).decide(request(facts=LEAK), lifted=frozenset({"firm", "all", "unknown"}))

    assert decided_by(decision) == ("firm",)


def test_a_tool_the_set_was_not_checked_against_is_denied() -> None:
    assert decided_by(load(PERMIT).decide(request(tool("stranger"), {}))) == ("unknown-tool",)


def test_a_tool_that_changed_since_the_check_is_denied() -> None:
    newer = tool(READ.name, {"path": {"type": "string"}}, Effect.READ_PRIVATE, required=["path"], version="2")

    assert decided_by(load(PERMIT).decide(request(newer))) == ("unknown-tool",)


def test_an_answer_is_remembered_for_the_same_question_only() -> None:
    bundle = load(
        PERMIT
        + ASK
        + FIRM
        + '@id("x") @reason("x") forbid (principal, action, resource)'
        + ' when { context.input has path && context.input.path == "x" };'
        + '@id("bob") @reason("x") forbid (principal == Principal::"default/bob", action, resource);'
    )

    def verdicts() -> list[tuple[str, ...]]:
        return [
            decided_by(bundle.decide(one))
            for one in (
                request(),
                request(labels=[Label.PRIVATE]),
                request(facts=LEAK),
                request(arguments={"path": "x"}),
                request(principal=person("bob")),
                request(principal=person("bob", tenant="other")),
                request(principal=person("alice", Scope.AUDIT)),
            )
        ]

    first = verdicts()

    assert first == [("all",), ("ask",), ("firm",), ("x",), ("bob",), ("all",), ("no-permit",)]
    assert verdicts() == first


def test_one_subject_in_two_tenants_is_two_principals() -> None:
    bundle = load(PERMIT + '@id("x") @reason("x") forbid (principal == Principal::"a%2Fb/c", action, resource);'
                  '@id("y") @reason("x") forbid (principal in Tenant::"a", action, resource);')  # fmt: skip

    assert decided_by(bundle.decide(request(principal=person("c", tenant="a/b")))) == ("x",)
    assert decided_by(bundle.decide(request(principal=person("b/c", tenant="a")))) == ("y",)


def test_a_policy_can_be_about_one_tool_or_one_server() -> None:
    text = (
        PERMIT
        + '@id("one") @reason("r") forbid (principal, action in [Action::"read", Action::"other"], resource);'
        + '@id("two") @reason("r") forbid (principal, action, resource == Tool::"third");'
        + '@id("far") @reason("r") forbid (principal, action, resource)'
        + ' when { resource.runtime == "upstream" && resource.server == "gh" };'
    )
    other, third, push = tool("other"), tool("third"), foreign("gh__push")
    bundle = load(text, other, third, push, cases=CASE_FOR_THIRD)

    assert [decided_by(bundle.decide(request(spec, {}))) for spec in (other, third, push)] == [
        ("one",),
        ("two",),
        ("far",),
    ]


CASE_FOR_THIRD = "profiles: [p]\ncases: [{name: d, call: third, expect: deny}]\n"


@pytest.mark.parametrize(
    ("principal", "name"),
    [(person("lone \ud800"), "s"), (person("a", tenant="lone \ud800"), "s"), (person(), "\udc00")],
)
def test_a_name_that_is_no_text_is_denied(principal: Any, name: str) -> None:
    bundle = load(
        PERMIT + '@id("s") @reason("r") forbid (principal, action, resource) when { context.session.id == "x" };'
    )

    assert isinstance(bundle.decide(request(principal=principal, name=name)), Denied)
