"""Looking policies up instead of evaluating them changes no answer; nor does holding them against fewer tools."""

from functools import cache
from typing import Any

import cedarpy
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracle import policy_naive
from tests.oracle.policy_world import person, request, tool

from holdfast.contracts import Effect, Label, Scope
from holdfast.safety.policy import Allowed, Asks, Denied, Facts, PolicyBundle, decided_by
from holdfast.safety.policy.checking import survey_policies
from holdfast.safety.policy.mentions import wanted
from holdfast.safety.policy.rules import read_policies
from holdfast.safety.policy.schema import write_schema
from holdfast.safety.policy.shapes import input_shape

VERDICTS = {Allowed: "allow", Denied: "deny", Asks: "ask"}
PROPERTIES: dict[str, Any] = {
    "path": {"type": "string"},
    "limit": {"type": "integer"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "deep": {"type": "object", "properties": {"path": {"type": "string"}, "flag": {"type": "boolean"}}},
}
TOOLS = (
    tool("one", PROPERTIES, Effect.READ_PRIVATE),
    tool("two", PROPERTIES, Effect.EGRESS, Effect.WRITE),
    tool("three", {"other": {"type": "string"}}),
)
PIECES = ("abab", "ba.a", "/a/b", "bbbb", "a\u00fcab")
ATOMS = (
    *(f'(context.input has path && context.input.path like "*{piece}*")' for piece in PIECES),
    '(context.input has path && context.input.path like "*/a/b*bbbb")',
    '(context.input has path && context.input.path == "abab")',
    '(context.input has tags && context.input.tags.contains("abab"))',
    '(context.input has tags && context.input.tags.containsAny(["abab", "b"]))',
    '(context.input has tags && context.input.tags.containsAll(["abab", "b"]))',
    "context.input has limit",
    "(context.input has limit && context.input.limit + 1 > 5)",
    "(context.input has deep.flag && context.input.deep.flag)",
    '(context has input.path && ["abab", "b"].contains(context.input.path))',
    'context.paths.text like "*/b/*"',
    'context.paths.text like "*/abab/*"',
    "context.session.private",
    "context.facts.leaks == 1",
    "context.facts.leaks + 9223372036854775806 > 0",
    'context.facts.rules.contains("x")',
    'context.flow.sink == "send"',
    '["none", "query"].contains(context.flow.sink)',
    'resource.effects.contains("egress")',
    'resource.name == "one"',
    'principal.subject == "bob"',
    'principal.scopes.contains("call")',
    'principal in Tenant::"other"',
    'action == Action::"two"',
    "(if context.session.private then context.facts.leaks == 1 else context.session.untrusted)",
    "false",
)
SCOPES = (
    *("principal, action, resource",) * 4,
    'principal == Principal::"default/bob", action, resource',
    'principal in Tenant::"other", action, resource',
)
CONDITIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: (
        st.builds("({} && {})".format, inner, inner)
        | st.builds("({} || {})".format, inner, inner)
        | st.builds("!({})".format, inner)
    ),
    max_leaves=5,
)
POLICIES = st.builds(
    lambda scope, effect, word, condition: (effect, f"({scope}) {word} {{ {condition} }};"),
    st.sampled_from(SCOPES),
    st.sampled_from(["permit", "forbid", "ask"]),
    st.sampled_from(["when", "when", "unless"]),
    CONDITIONS,
)
FILLER = "".join(
    f'@id("fill-{number}") @reason("r") forbid (principal, action, resource)'
    f' when {{ context.input has path && context.input.path like "*/secret-{number}/*" }};\n'
    for number in range(40)
)
"""Enough of what can be left out for looking it up to be worth it."""


def written(policies: list[tuple[str, str]]) -> str:
    heads = {"permit": "permit ", "forbid": "forbid ", "ask": '@approval("operator") forbid '}
    own = "".join(
        f'@id("p-{place}") @reason("r") {heads[effect]}{rest}\n' for place, (effect, rest) in enumerate(policies)
    )
    return f'{own}@id("all") @reason("r") permit (principal, action, resource);\n'


@cache
def bundle_of(text: str) -> PolicyBundle:
    case = "profiles: [p]\ntools: [{name: sample, input: {}}]\ncases: [{name: n, call: sample, expect: deny}]\n"
    guard = '@id("g") @reason("r") forbid (principal, action == Action::"sample", resource);\n'
    return PolicyBundle.load({"p/it.cedar": guard + text + FILLER}, {"c.yaml": case}, profile="p", specs=TOOLS)


TEXT = st.lists(st.sampled_from([*PIECES, "a", "/b/", "secret-7/", "/"]), max_size=4).map("".join)
ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "path": TEXT,
        "limit": st.integers(3, 6) | st.just(2**63 - 1),
        "tags": st.lists(st.sampled_from(["abab", "b", "c"]), max_size=3),
        "deep": st.fixed_dictionaries({}, optional={"path": TEXT, "flag": st.booleans()}),
    },
)
REQUESTS = st.builds(
    lambda spec, arguments, labels, leaks, rules, principal: request(
        spec,
        {} if spec.name == "three" else arguments,
        labels=labels,
        facts=Facts(leaks=leaks, credentials=0, injection=0, pii=0, rules=rules),
        principal=principal,
    ),
    st.sampled_from(TOOLS),
    ARGUMENTS,
    st.frozensets(st.sampled_from(Label)),
    st.integers(0, 2),
    st.frozensets(st.sampled_from(["x", "y"])),
    st.sampled_from([person(), person("bob"), person("bob", tenant="other"), person("alice", Scope.AUDIT)]),
)
LIFTED = st.frozensets(st.integers(0, 5).map(lambda number: f"p-{number}"), max_size=3)


@settings(deadline=None)
@given(st.lists(POLICIES, min_size=1, max_size=6), st.lists(st.tuples(REQUESTS, LIFTED), min_size=1, max_size=6))
def test_a_decision_over_many_policies_is_what_the_whole_set_says(
    policies: list[tuple[str, str]], calls: list[Any]
) -> None:
    text = written(policies)
    bundle = bundle_of(text)
    lines = tuple((text + FILLER).splitlines())

    for asked, lifted in calls:
        decision = bundle.decide(asked, lifted=lifted)
        verdict, ids = policy_naive.decide(lines, asked, lifted)
        assert (VERDICTS[type(decision)], frozenset(decided_by(decision))) == (verdict, ids)


UNGUARDED = (
    'context.input.path like "*a*"',
    "context.input.limit > 3",
    'context.input has other && context.input.other == "a"',
    'context.input.tags.contains("a")',
    "context.input has path && context.input.path > 3",
    'action == Action::"one" && context.input.path like "*a*"',
    'action != Action::"one" || context.input.path like "*a*"',
    "context.session.private",
)
SHAPES = st.fixed_dictionaries(
    {},
    optional={
        "path": st.sampled_from([{"type": "string"}, {"type": "integer"}]),
        "limit": st.just({"type": "integer"}),
        "tags": st.just(PROPERTIES["tags"]),
    },
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["action", 'action == Action::"two"']), st.sampled_from(UNGUARDED)), max_size=5),
    st.lists(st.tuples(SHAPES, st.booleans()), min_size=2, max_size=6),
)
def test_holding_policies_against_one_tool_of_each_type_finds_what_holding_them_against_all_would(
    policies: list[tuple[str, str]], shapes: list[tuple[dict[str, Any], bool]]
) -> None:
    names = ["one", "two", *(f"more_{place}" for place in range(len(shapes) - 2))]
    specs = {
        name: tool(name, properties, required=properties if needed else ())
        for name, (properties, needed) in zip(names, shapes, strict=True)
    }
    texts = [
        f'@id("p-{place}") @reason("r") permit (principal, {scope}, resource) when {{ {condition} }};'
        for place, (scope, condition) in enumerate(policies)
    ]
    if not texts:
        return
    read = read_policies({"a.cedar": "\n".join(texts)})

    _, complaints = survey_policies(read, specs)

    tools = {name: input_shape(spec.input_schema) for name, spec in specs.items()}
    schema = write_schema({"*": input_shape({}), **tools}, wanted(read))
    wrong = {
        f"p-{each.policy_id.removeprefix('policy')}"
        for each in cedarpy.validate_policies("\n".join(texts), schema).errors
    }
    unasked = {each.policy for each in complaints if "no tool it covers takes" in each.message}
    assert {each.policy for each in complaints} - unasked <= wrong <= {each.policy for each in complaints}
