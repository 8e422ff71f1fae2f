"""A policy set that is not fully labelled, does not fit its tools or fails its cases is not loaded, and says why."""

from dataclasses import replace

import pytest
from tests.oracle.policy_world import DENIED_CASE, READ, foreign, load, request, tool

from holdfast.contracts import Effect, OperatorError, Upstream
from holdfast.safety.policy import Allowed, ApprovalLevel, Denied, PolicyBundle

PERMIT = '@id("all") @reason("all") permit (principal, action, resource) when { principal.scopes.contains("call") };\n'


def refusal(text: str, *specs, **named) -> str:
    with pytest.raises(OperatorError) as refused:
        load(text, *specs, **named)
    assert "\n" not in refused.value.message
    return refused.value.message


def test_a_labelled_set_that_passes_its_cases_is_loaded() -> None:
    bundle = load(PERMIT)

    assert bundle.decide(request()) == Allowed(permits=("all",))
    assert [(match.id, match.file, match.line) for match in bundle.policies] == [("all", "p/it.cedar", 1)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no policies"),
        ("// nothing here\n", "no policies"),
        ('@reason("r") permit (principal, action, resource);', "`p/it.cedar` line 1: a policy needs an `@id`"),
        ('@id @reason("r") permit (principal, action, resource);', "needs an `@id`"),
        ('@id("Not Kebab") @reason("r") permit (principal, action, resource);', "needs an `@id`"),
        ('@id("no-permit") @reason("r") permit (principal, action, resource);', "`no-permit` is a code of ours"),
        ('@id("a") permit (principal, action, resource);', "needs a `@reason`"),
        ('@id("a") @reason(" ") permit (principal, action, resource);', "needs a `@reason`"),
        ('@id("a") @reason("two\\nlines") permit (principal, action, resource);', "needs a `@reason`"),
        (f'@id("a") @reason("{"x" * 301}") permit (principal, action, resource);', "needs a `@reason`"),
        ('@id("a") @reason("r") @approve("x") permit (principal, action, resource);', "`@approve` is not known"),
        ('@id("a") @reason("r") @approval("operator") permit (principal, action, resource);', "stands on a permit"),
        ('@id("a") @reason("r") @approval("boss") forbid (principal, action, resource);', '"operator" or "always"'),
        ('@id("a") @reason("r") @approval forbid (principal, action, resource);', '"operator" or "always"'),
        (PERMIT + "\n\n// more\npermit (principal,", "`p/it.cedar` line 5: not a Cedar policy"),
        (PERMIT + '@id("b") @reason("r") permit (principal, action, resource) when { x };', "line 2: not a Cedar"),
        ('@id("a") @reason("r") permit (principal == ?principal, action, resource);', "never linked"),
        (PERMIT + "\n" + PERMIT, "line 3: the id `all` is already taken at `p/it.cedar` line 1"),
    ],
)
def test_what_is_not_fully_labelled_is_refused_at_its_line(text: str, said: str) -> None:
    assert said in refusal(text)


def test_a_semicolon_in_a_text_or_comment_ends_no_policy() -> None:
    bundle = load(
        '// one; two\n@id("a") @reason("first; \\"second\\" // third")\npermit (principal, action, resource)\n'
        'when { principal.scopes.contains("call") };'
    )

    assert [(match.reason, match.line) for match in bundle.policies] == [('first; "second" // third', 2)]


def test_no_files_at_all_are_refused() -> None:
    with pytest.raises(OperatorError, match="there are no policies"):
        PolicyBundle.load({}, {"c.yaml": DENIED_CASE}, profile="p", specs=[READ])


def test_an_unknown_profile_falls_back_to_nothing() -> None:
    with pytest.raises(OperatorError, match="no policies for the profile `q`; there are: p"):
        PolicyBundle.load({"p/a.cedar": PERMIT, "top.cedar": PERMIT}, {}, profile="q", specs=[READ])


def test_files_at_the_top_alone_make_no_profile() -> None:
    with pytest.raises(OperatorError, match="no file is in a folder"):
        PolicyBundle.load({"a.cedar": PERMIT}, {}, profile="p", specs=[READ])


def test_a_file_that_is_no_policy_file_is_not_overlooked() -> None:
    with pytest.raises(OperatorError, match=r"`p/b\.txt` is not a policy file"):
        PolicyBundle.load({"p/a.cedar": PERMIT, "p/b.txt": PERMIT}, {}, profile="p", specs=[READ])


def test_a_profile_takes_the_top_and_replaces_what_it_names_anew() -> None:
    top = '@id("top") @reason("r") forbid (principal, action, resource);'
    own = '@id("own") @reason("r") permit (principal, action, resource);'
    other = '@id("other") @reason("r") permit (principal, action, resource);'
    files = {"kept.cedar": PERMIT, "changed.cedar": top, "p/changed.cedar": own, "q/x.cedar": other}

    case = "profiles: [p]\ncases: [{name: d, call: read, with: {}, expect: deny}]"
    with pytest.raises(OperatorError) as refused:
        PolicyBundle.load(files, {"c.yaml": case}, profile="p", specs=[tool("read")])

    assert "decided `allow` by `all`, `own`" in refused.value.message


@pytest.mark.parametrize(
    "condition",
    [
        'context.input.pth like "x"',
        'context.input has pth && context.input.pth like "x"',
        "context.input.limit > 3",
        "context.input.path > 3",
        "context.facts.leak > 0",
        "resource.efects.isEmpty()",
        "principal.scopes > 3",
        'context.session.label.contains("private")',
    ],
)
def test_a_misspelt_or_mistyped_attribute_refuses_the_set(condition: str) -> None:
    said = refusal(
        PERMIT + f'@id("b") @reason("r") forbid (principal, action == Action::"read", resource) when {{ {condition} }};'
    )

    assert "`p/it.cedar` line 2" in said
    assert "`b`" in said


@pytest.mark.parametrize(
    "condition",
    [
        'resource.effects.contains("egres")',
        'resource.effects.containsAny(["egress", "exceute"])',
        '["read_privat"].containsAll(resource.effects)',
        'context.session.labels.contains("Private")',
        'principal.scopes.contains("cal")',
        'resource.runtime == "upstraem"',
    ],
)
def test_a_word_that_could_never_match_refuses_the_set(condition: str) -> None:
    said = refusal(PERMIT + f'@id("b") @reason("r") forbid (principal, action, resource) when {{ {condition} }};')

    assert "line 2: policy `b` compares with" in said


@pytest.mark.parametrize("scope", ['action == Action::"raed", resource', 'action, resource == Tool::"raed"'])
def test_a_tool_that_does_not_exist_refuses_the_set(scope: str) -> None:
    said = refusal(PERMIT + f'@id("b") @reason("r") forbid (principal, {scope});')

    assert "policy `b` names the tool `raed`, which is neither registered nor declared" in said


def test_a_tool_declared_in_a_case_file_may_be_named() -> None:
    cases = DENIED_CASE + "tools: [{name: later, effects: [], input: {type: object}}]\n"

    bundle = load(
        PERMIT + '@id("b") @reason("r") forbid (principal, action == Action::"later", resource);', cases=cases
    )

    assert bundle.dormant == {}


def test_a_tool_of_an_upstream_that_is_not_connected_may_be_named_and_is_reported() -> None:
    text = (
        PERMIT + '@id("b") @reason("r") forbid (principal, action == Action::"gh__push", resource)\n'
        "when { context.input.x > 1 };"
    )

    bundle = load(text)

    assert bundle.dormant == {"b": ("gh__push",)}


def test_a_policy_about_all_tools_must_hold_for_one_without_arguments() -> None:
    said = refusal(
        PERMIT + '@id("b") @reason("r") forbid (principal, action, resource) when { context.input.path == "x" };'
    )

    assert "policy `b` does not fit the tools" in said


def test_an_argument_no_tool_has_is_a_warning_where_no_tool_is_named() -> None:
    bundle = load(
        PERMIT + '@id("b") @reason("r") forbid (principal, action, resource)\nwhen { context.input has repo };'
    )

    assert bundle.warnings == (
        "`p/it.cedar` line 2: policy `b` asks for `context.input.repo`, which no tool it covers takes",
    )


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ("profiles: [p]\ncases: []\n", "no case of the profile `p` expects `deny`"),
        (DENIED_CASE.replace("[p]", "[q]"), "no case of the profile `p` expects `deny`"),
        (DENIED_CASE.replace("[p]", "[]"), "`profiles` must name"),
        (DENIED_CASE.replace("scopes: []", "scopes: [call]"), "`no scope`: expected `deny`, decided `allow` by `all`"),
        (DENIED_CASE.replace("expect: deny", "expect: deny, by: all"), "by `all`, decided `deny` by `no-permit`"),
        (DENIED_CASE.replace("expect: deny", "expect: maybe"), "`expect` is allow, deny or ask"),
        (DENIED_CASE.replace("expect: deny", "expekt: deny"), "`expect` must be a text"),
        (DENIED_CASE.replace("expect: deny", "expect: deny, wiht: {}"), "the field `wiht` is not known"),
        (DENIED_CASE.replace("call: read", "call: raed"), "there is no tool `raed`"),
        (DENIED_CASE.replace("scopes: []", "scopes: [root]"), "`scopes` must be a list of: call"),
        (DENIED_CASE.replace("expect: deny", "expect: deny, facts: {leaks: -1}"), "`leaks` must be a count"),
        (DENIED_CASE.replace("expect: deny", "expect: deny, name: twice"), "the same key twice"),
        (DENIED_CASE + "profiles: [p]\n", "the same key twice"),
        ("profiles: [p\n", "not YAML"),
        ("- a\n", "a case file is a mapping"),
        ("profiles: [p]\ncases: [1]\n", "`cases` must be a list of mappings"),
        (DENIED_CASE.replace("path: a", "path: 2020-01-01"), "`with` must be plain JSON"),
        (DENIED_CASE.replace("path: a", "path: .inf"), "`with` must be plain JSON"),
        (DENIED_CASE.replace("path: a", "path: 2026-02-30"), "a date or a number in it is none"),
        (DENIED_CASE.replace("path: a", "path: " + "9" * 5000), "a date or a number in it is none"),
        (DENIED_CASE + "tools: [{name: a b, input: {}}]\n", "`name` is not a tool name"),
        (DENIED_CASE + "tools: [{name: a, input: {x: 2020-01-01}}]\n", "`input` must be plain JSON"),
        (DENIED_CASE + "tools: [{name: a, input: {}}, {name: a, input: {type: object}}]\n", "`a` is declared twice"),
    ],
)  # fmt: skip
def test_a_case_that_fails_or_is_misspelt_refuses_the_set(cases: str, said: str) -> None:
    assert said in refusal(PERMIT, cases=cases)


def test_a_registered_tool_stands_in_for_the_sample_of_its_name() -> None:
    cases = (
        "profiles: [p]\ntools: [{name: read, effects: [], input: {}}]\n"
        "cases:\n  - {name: one, call: read, with: {path: a}, expect: deny, by: quiet}\n"
    )

    load(
        '@id("quiet") @reason("r") forbid (principal, action, resource) unless { resource.effects.isEmpty() };',
        cases=cases,
    )


def test_a_servers_own_name_for_a_tool_is_no_sample_by_chance() -> None:
    """A wrapped server is served under its own names: its `read` is not the one that the cases are about."""
    cases = (
        "profiles: [p]\ntools: [{name: read, effects: [], input: {type: object, properties: {path: {type: string}}}}]\n"
        "cases:\n  - {name: one, call: read, with: {path: a}, expect: allow, by: all}\n"
        "  - {name: two, call: read, with: {path: a}, as: {scopes: [audit]}, expect: deny}\n"
    )
    permit = (
        '@id("all") @reason("all") permit (principal, action, resource)'
        ' when { resource.effects.isEmpty() && principal.scopes.contains("call") };'
    )
    theirs = replace(READ, runtime=Upstream("wrapped", "read"))
    assert theirs.effects

    bundle = load(permit, theirs, cases=cases)

    assert isinstance(bundle.decide(request(theirs, {"path": "a"})), Denied)
    with pytest.raises(OperatorError):
        load(permit, READ, cases=cases)


def test_a_sample_without_declared_effects_has_all_of_them() -> None:
    cases = (
        "profiles: [p]\ntools: [{name: any, input: {}}]\n"
        "cases:\n  - {name: one, call: any, with: {}, expect: deny, by: no-spending}\n"
    )

    load(
        '@id("no-spending") @reason("r") forbid (principal, action, resource)'
        ' when { resource.effects.containsAll(["spend", "execute", "egress", "write", "read_private"]) };',
        cases=cases,
    )


def test_the_digest_is_of_the_profile_and_its_files() -> None:
    same, again = load(PERMIT), load(PERMIT)

    assert same.digest == again.digest
    assert same.digest != load(PERMIT + "// more\n").digest
    assert (
        same.digest
        != load(
            PERMIT, **{"top.cedar": '@id("t") @reason("r") permit (principal, action, resource) when { false };'}
        ).digest
    )
    assert same.digest == load(PERMIT, **{"q/other.cedar": PERMIT}).digest


def test_the_digest_does_not_depend_on_the_tools() -> None:
    assert load(PERMIT).digest == load(PERMIT, foreign("gh__push", {}, Effect.EGRESS)).digest


def test_a_lease_may_lift_what_asks_an_operator_and_nothing_else() -> None:
    bundle = load(
        PERMIT
        + '@id("a") @reason("r") @approval("operator") forbid (principal, action, resource) when { false };'
        + '@id("b") @reason("r") @approval("always") forbid (principal, action, resource) when { false };'
        + '@id("c") @reason("r") forbid (principal, action, resource) when { false };'
    )

    assert bundle.leasable(frozenset({"a", "b", "c", "all", "unknown"})) == {"a"}
    assert {match.id: match.approval for match in bundle.policies} == {
        "all": None,
        "a": ApprovalLevel.OPERATOR,
        "b": ApprovalLevel.ALWAYS,
        "c": None,
    }
