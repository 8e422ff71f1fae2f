"""An explanation names rules and facts, the smallest change that matters, and a line that was tried before."""

from typing import Any

import pytest
from tests.oracle.policy_world import DENIED_CASE, READ, load, person, request, shipped_cases, shipped_sources, tool

from holdfast.contracts import Effect, Label, Scope, ToolSpec
from holdfast.safety.policy import Allowed, PolicyBundle, PolicyInput, PolicyRequest, verdict_of
from holdfast.safety.policy.explaining import Account, Files, account_of, sentence, smallest

PERMIT = '@id("all") @reason("all") permit (principal, action, resource) when { principal.scopes.contains("call") };\n'
PAY = tool("pay", {"amount": {"type": "number"}, "to": {"type": "string"}}, Effect.SPEND, required=["amount", "to"])


def files(text: str) -> Files:
    return Files(sources={"p/it.cedar": text}, cases={"tests/it.yaml": DENIED_CASE})


def explained(text: str, asked: PolicyRequest, *specs: ToolSpec) -> Account:
    bundle = load(text, *specs)
    given = bundle.written(asked)
    assert isinstance(given, PolicyInput)
    said = account_of(bundle, given, files(text))
    assert isinstance(said, Account)
    return said


def with_line(said: Account, text: str) -> str:
    """*text* with the line where it says, by hand as an operator would."""
    assert said.line is not None
    if said.line.text.startswith("unless"):
        return text.rstrip().removesuffix(";") + "\n" + said.line.text + ";\n"
    return text + said.line.text


LIMIT = (
    PERMIT + '@id("limit") @reason("not above 100") forbid (principal, action == Action::"pay", resource)\n'
    'when { context.input.amount.greaterThan(decimal("100.0")) };\n'
)


def test_the_smallest_change_of_one_fact_is_found_at_the_boundary() -> None:
    said = explained(LIMIT, request(PAY, {"amount": 500, "to": "bob"}), PAY)

    assert verdict_of(said.decision) == "deny"
    (change,) = said.search.found
    assert [option.value for option in change.options] == [{"__extn": {"fn": "decimal", "arg": "100.0000"}}]
    assert isinstance(change.decision, Allowed)
    assert "if the argument `amount` is 100.0000, it would be allowed (by `all`)" in list(said.sentences())


@pytest.mark.parametrize("count", [2, 3])
def test_where_one_fact_is_not_enough_two_and_three_are_tried(count: int) -> None:
    names = ["private", "untrusted"][: count - 1]
    rules = "".join(
        f'@id("no-{one}") @reason("r") forbid (principal, action, resource) when {{ context.session.{one} }};\n'
        for one in names
    )
    asked = request(PAY, {"amount": 500, "to": "bob"}, labels=[Label(one) for one in names])

    said = explained(LIMIT + rules, asked, PAY)

    assert (said.search.facts, said.search.whole) == (count, True)
    assert {len(change.options) for change in said.search.found} == {count}
    assert f"no change of fewer than {count} facts does" in list(said.sentences())


def test_it_says_when_none_was_found_and_how_far_it_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    never = PERMIT + '@id("never") @reason("never") forbid (principal, action == Action::"pay", resource);\n'
    said = explained(never, request(PAY, {"amount": 1, "to": "bob"}), PAY)
    assert said.search.found == ()
    assert said.search.whole
    assert any("no change of at most 3 facts was found" in one for one in said.sentences())

    monkeypatch.setattr(smallest, "MOST", 1)
    assert not explained(never, request(PAY, {"amount": 1, "to": "bob"}), PAY).search.whole


NOBODY = '@id("some") @reason("r") permit (principal == Principal::"default/root", action, resource);\n'
ASKS = LIMIT.replace("forbid (principal, action ==", '@approval("operator") forbid (principal, action ==')


@pytest.mark.parametrize(
    ("text", "arguments", "becomes"),
    [
        (NOBODY, {"amount": 1, "to": "bob"}, "allow"),
        (LIMIT, {"amount": 500, "to": 'b"o\\b\n\u202e'}, "allow"),
        (ASKS, {"amount": 500.5, "to": "bob"}, "allow"),
        (LIMIT, {"amount": 5, "to": "bob"}, "deny"),
    ],
)
def test_the_line_decides_exactly_that_call_otherwise(text: str, arguments: dict[str, Any], becomes: str) -> None:
    said = explained(text, request(PAY, arguments), PAY)
    assert said.line is not None
    assert (said.line.becomes, said.line.problem) == (becomes, "")

    amended = load(with_line(said, text), PAY)

    assert verdict_of(amended.decide(request(PAY, arguments))) == becomes
    for other in ({**arguments, "to": "eve"}, {**arguments, "amount": arguments["amount"] + 1}):
        asked = request(PAY, other)
        assert verdict_of(amended.decide(asked)) == verdict_of(load(text, PAY).decide(asked))
    stranger = request(PAY, arguments, principal=person("eve"))
    assert verdict_of(amended.decide(stranger)) == verdict_of(load(text, PAY).decide(stranger))


def test_a_line_that_would_break_a_case_is_said_not_to_load() -> None:
    said = explained(PERMIT, request(READ, {"path": "a"}, principal=person("agent", Scope.AUDIT)))
    assert said.line is not None

    assert "does not load" in said.line.problem
    assert "no scope" in said.line.problem


def test_an_argument_too_long_for_a_line_is_said_to_be_left_out() -> None:
    said = explained(LIMIT, request(PAY, {"amount": 5, "to": "x" * 1000}), PAY)

    assert said.line is not None
    assert said.line.left_out == ("to",)
    assert "xxxx" not in said.line.text


@pytest.mark.parametrize(
    ("text", "arguments", "left_out"),
    [
        (LIMIT, {"amount": 500, "to": "x" * 1000}, "to"),
        (NOBODY, {"amount": 1, "to": "x" * 1000}, "to"),
        (LIMIT, {"amount": 500.000_01, "to": "bob"}, "context.facts.inexact"),
        (ASKS, {"amount": 500, "to": "bob", "also": ["more"]}, "context.facts.unseen"),
    ],
)
def test_a_line_that_would_let_other_calls_through_too_is_not_shown(
    text: str, arguments: dict[str, Any], left_out: str
) -> None:
    said = explained(text, request(PAY, arguments), PAY)

    assert said.line is not None
    assert (said.line.text, said.line.becomes) == ("", "")
    assert left_out in said.line.left_out
    assert any("without it it would let other calls through" in one for one in said.sentences()), [*said.sentences()]


def test_a_line_that_lets_through_stops_at_what_it_does_not_name() -> None:
    said = explained(LIMIT, request(PAY, {"amount": 500, "to": "bob"}), PAY)
    amended = load(with_line(said, LIMIT), PAY)

    for other in ({"amount": 500.000_01, "to": "bob"}, {"amount": 500, "to": "bob", "also": "eve"}):
        assert verdict_of(amended.decide(request(PAY, other))) == "deny", other


def test_every_shipped_profile_is_explained_for_every_decision() -> None:
    specs = (tool("fetch", {"url": {"type": "string"}}, Effect.READ_UNTRUSTED, Effect.EGRESS, required=["url"]),)
    sources, cases = shipped_sources(), shipped_cases()
    for profile in ("readonly", "supervised", "autonomous"):
        bundle = PolicyBundle.load(sources, cases, profile=profile, specs=specs)
        for labels in ((), (Label.PRIVATE,), (Label.PRIVATE, Label.UNTRUSTED)):
            given = bundle.written(request(specs[0], {"url": "u"}, labels=labels))
            assert isinstance(given, PolicyInput)
            said = account_of(bundle, given, Files(sources=sources, cases=cases))
            assert isinstance(said, Account)
            assert said.decision == bundle.decide(request(specs[0], {"url": "u"}, labels=labels))
            assert said.to_json()["says"]


PEOPLE = (
    '@id("team") @reason("r") permit (principal in Tenant::"ours", action in [Action::"pay", Action::"read"],'
    " resource);\n"
    '@id("root") @reason("r") permit (principal == Principal::"default/root", action == Action::"pay", resource);\n'
)
SCOPED = (
    '@id("all") @reason("r") permit (principal, action, resource == Tool::"pay");\n'
    '@id("scoped") @reason("r") forbid (principal, action, resource)'
    ' unless { principal.scopes.contains("call") && principal.scopes.contains("audit") };\n'
)


def test_whom_and_what_a_rule_names_is_said_and_who_else_would_be_let() -> None:
    said = list(explained(PEOPLE, request(PAY, {"amount": 1, "to": "bob"}), PAY).sentences())

    assert "if the caller is `root` of the tenant `default`, it would be allowed (by `root`)" in said
    assert 'if the caller\'s tenant is "ours", it would be allowed (by `team`)' in said

    asked = request(PAY, {"amount": 1, "to": "bob"}, principal=person("root"))
    told = explained(PEOPLE, asked, PAY)
    assert any(
        one.endswith("permits it: r; it is about the caller `default/root`, and the tool `pay`")
        for one in told.sentences()
    )
    assert [one["about"] for one in told.to_json()["rules"]] == ["the caller `default/root`, and the tool `pay`"]  # type: ignore[union-attr,index,call-overload] -- JSON


@pytest.mark.parametrize(
    ("scopes", "now", "change"),
    [
        ([Scope.CALL], "the scope `call`", "has the scope `audit`"),
        ([Scope.CALL, Scope.AUDIT], "the scopes `audit`, `call`", "does not have the scope `audit`"),
    ],
)
def test_the_scopes_of_a_token_are_said_as_what_it_has_and_what_it_would_need(
    scopes: list[Scope], now: str, change: str
) -> None:
    asked = request(PAY, {"amount": 1, "to": "bob"}, principal=person("agent", *scopes))
    said = list(explained(SCOPED, asked, PAY).sentences())

    if len(scopes) < 2:  # the forbid looked at them
        assert f"what those rules looked at: the caller's token has {now}" in said
    assert any(one.startswith(f"if the caller's token {change}, it would be ") for one in said)
    assert any("it is about the tool `pay`" in one for one in said)


def test_sets_of_words_are_said_in_the_number_they_have() -> None:
    assert sentence(("principal", "scopes"), []) == "the caller's token has no scope"
    said = [
        sentence(("context", "session", "labels"), value) for value in ([], ["private"], ["private", "untrusted"])
    ] + [sentence(("context", "paths", "text"), text) for text in ("", "/a/", "/a/\n/b/")]

    assert said == [
        "the session has no label",
        "the session has the label `private`",
        "the session has the labels `private`, `untrusted`",
        "the arguments name no path",
        "the arguments name the path `/a/`",
        "the arguments name the paths `/a/`, `/b/`",
    ]
