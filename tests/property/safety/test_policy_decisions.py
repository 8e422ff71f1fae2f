"""Slicing, pruning and remembering make decisions fast and change none of them; no arguments make one fail."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import cedarpy
from hypothesis import given
from hypothesis import strategies as st
from tests.oracle import policy_naive
from tests.oracle.policy_world import DENIED_CASE, person, request, tool

from holdfast.contracts import Digest, Effect, Label, Scope, ToolSpec
from holdfast.safety.policy import Allowed, Asks, Denied, Facts, PolicyBundle, PolicyRequest, decided_by
from holdfast.safety.policy.context import Context, Sight
from holdfast.safety.policy.facts import Judging
from holdfast.safety.policy.schema import ALL, write_schema
from holdfast.safety.policy.shapes import Unexpressible, input_shape
from holdfast.safety.policy.values import Unfit, write_arguments

VERDICTS = {Allowed: "allow", Denied: "deny", Asks: "ask"}

PROPERTIES: dict[str, Any] = {
    "path": {"type": "string"},
    "limit": {"type": "integer"},
    "amount": {"type": "number"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "deep": {"type": "object", "properties": {"path": {"type": "string"}, "flag": {"type": "boolean"}}},
    "free": {},
}
TOOLS = (
    tool("one", PROPERTIES, Effect.READ_PRIVATE),
    tool("two", PROPERTIES, Effect.EGRESS, Effect.READ_UNTRUSTED),
    tool("three", {"other": {"type": "string"}}),
)
ALWAYS = 'principal, action, resource) when { principal.scopes.contains("call") }'
ONE, TWO, THREE = (f'forbid (principal, action == Action::"{name}", resource)' for name in ("one", "two", "three"))
CONDITIONS = (
    "permit (" + ALWAYS,
    "permit (principal, action, resource) when { resource.effects.isEmpty() }",
    'permit (principal, action == Action::"one", resource)',
    'permit (principal, action, resource == Tool::"two")',
    'permit (principal == Principal::"default/bob", action, resource)',
    'forbid (principal, action in [Action::"one", Action::"three"], resource) when { context.facts.leaks > 0 }',
    'forbid (principal, action, resource) when { context.input has path && context.input.path like "*b*" }',
    "forbid (principal, action, resource) when { context has input.path }",
    "forbid (principal, action, resource) when { context.input has deep.flag && context.input.deep.flag }",
    ONE + " when { context.input has limit && context.input.limit + 1 > 5 }",
    TWO + ' when { context.input has amount && context.input.amount.greaterThan(decimal("1.5")) }',
    'forbid (principal, action, resource) when { context.input has tags && context.input.tags.contains("a") }',
    "forbid (principal, action, resource) when { context.facts.inexact }",
    "forbid (principal, action, resource) unless { !context.facts.unseen }",
    'forbid (principal, action, resource) when { context.session.labels.contains("private") }',
    'forbid (principal, action, resource) when { context.session.labels.containsAll(["private", "untrusted"]) }',
    "forbid (principal, action, resource) when { context.session == context.session && context.facts.leaks > 1 }",
    ONE + " when { context.input == context.input && context.facts.leaks > 1 }",
    THREE + " when { (if context.facts.leaks > 0 then context.input else context.input) has other }",
    'forbid (principal, action, resource) when { context.paths.text like "*/b/*" && context.paths.count < 2 }',
    "forbid (principal, action, resource) when { context.facts.leaks + 9223372036854775806 < 0 }",
    'forbid (principal in Tenant::"other", action, resource)',
    'forbid (principal is Principal, action, resource is Tool) when { context.facts.rules.contains("x") }',
)


def written(number: int, *, asks: bool) -> str:
    approval = '@approval("operator") ' if asks and CONDITIONS[number].startswith("forbid") else ""
    return f'@id("p-{number}") @reason("r") {approval}{CONDITIONS[number]};'


@cache
def bundle_of(policies: tuple[str, ...]) -> PolicyBundle:
    case = DENIED_CASE.replace("call: read", "call: sample") + "tools: [{name: sample, input: {}}]\n"
    guard = '@id("p-sample") @reason("r") forbid (principal, action == Action::"sample", resource);'
    sources = {"p/it.cedar": "\n".join((*policies, guard))}
    return PolicyBundle.load(sources, {"c.yaml": case}, profile="p", specs=TOOLS)


TEXT = st.text(alphabet="ab/.\u00fc", max_size=4)
ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "path": TEXT,
        "limit": st.integers() | st.sampled_from([2**63 - 1, 5, 4]),
        "amount": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
        "tags": st.lists(TEXT, max_size=3),
        "deep": st.fixed_dictionaries({}, optional={"path": TEXT, "flag": st.booleans()}),
        "free": st.none() | TEXT | st.lists(st.integers(), max_size=2),
        "extra": st.integers(),
        "other": TEXT,
    },
)
REQUESTS = st.builds(
    lambda spec, arguments, labels, leaks, rules, principal: request(
        spec,
        {
            name: value
            for name, value in arguments.items()
            if name in PROPERTIES or spec.name == "three" or name == "extra"
        },
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
SETS = st.lists(
    st.builds(lambda number, asks: written(number, asks=asks), st.integers(0, len(CONDITIONS) - 1), st.booleans()),
    min_size=1,
    max_size=8,
    unique_by=lambda text: text.partition('"')[2].partition('"')[0],
).map(tuple)
NAMES = st.frozensets(st.integers(0, len(CONDITIONS) - 1).map(lambda number: f"p-{number}"), max_size=4)


@given(SETS, st.lists(st.tuples(REQUESTS, NAMES), min_size=1, max_size=6))
def test_a_decision_is_what_the_whole_set_says_of_the_whole_request(
    policies: tuple[str, ...], calls: list[Any]
) -> None:
    bundle = bundle_of(policies)

    for asked, lifted in calls + calls:
        decision = bundle.decide(asked, lifted=lifted)
        verdict, ids = policy_naive.decide(policies, asked, lifted)
        assert (VERDICTS[type(decision)], frozenset(decided_by(decision))) == (verdict, ids)


def seen(asked: PolicyRequest) -> Sight:
    shape = input_shape(asked.spec.input_schema)
    written = write_arguments(shape, asked.arguments, lambda value: Digest.of(repr(value).encode()))
    assert not isinstance(written, Unfit)
    return Context(ALL).seen(Judging(asked, written, "p"))


@given(REQUESTS, REQUESTS)
def test_what_is_remembered_is_told_apart_by_all_that_policies_see_and_keeps_no_argument(
    one: PolicyRequest, other: PolicyRequest
) -> None:
    marked = replace(one, arguments={**one.arguments, "path": "kept/by/nobody"})

    assert (seen(one).key == seen(other).key) == (seen(one).write() == seen(other).write())
    assert hash(seen(one).key) == hash(seen(replace(one, arguments=dict(one.arguments))).key)
    assert "kept/by/nobody" in seen(marked).write() or one.spec.name == "three"
    assert "kept" not in repr(seen(marked).key)


@given(SETS, REQUESTS)
def test_an_explanation_agrees_with_the_decision(policies: tuple[str, ...], asked: Any) -> None:
    bundle = bundle_of(policies)

    said, decision = bundle.explain(asked), bundle.decide(asked)

    assert said.decision == decision
    matched = {match.id for match in said.matches}
    assert set(decided_by(decision)) - {"no-permit", "error"} <= matched


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "path", "__entity", "__extn", "", "\u00fc"]), inner, max_size=3)
    ),
    max_leaves=8,
)
NAME = st.sampled_from(["a", "b", "path", "odd name", "__entity", "", "if"])
SCHEMA = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "integer"},
            {"type": "number"},
            {"type": "boolean"},
            {"type": ["string", "null"]},
            {"enum": ["a", "b"]},
            {"const": 1},
            {"$ref": "#/$defs/d"},
            {"$ref": 3},
            {"type": 7},
            {"anyOf": "x"},
            {"enum": []},
            True,
            {},
        ]
    ),
    lambda inner: (
        st.builds(lambda item: {"type": "array", "items": item}, inner)
        | st.builds(lambda some: {"anyOf": some}, st.lists(inner, max_size=3))
        | st.builds(
            lambda parts, needed: {"type": "object", "properties": parts, "required": needed},
            st.dictionaries(NAME, inner, max_size=3),
            st.lists(NAME | st.integers(), max_size=2),
        )
    ),
    max_leaves=6,
)
SCHEMAS = st.builds(
    lambda parts, needed, definition: {
        "type": "object",
        "properties": parts,
        "required": needed,
        "$defs": {"d": definition},
    },
    st.dictionaries(NAME, SCHEMA, max_size=4) | JSON,
    st.lists(NAME, max_size=2) | JSON,
    SCHEMA,
)
READS_ALL = (
    '@id("all") @reason("r") permit (principal, action, resource) when { principal.scopes.contains("call") };'
    '@id("it") @reason("r") forbid (principal, action, resource) when { context.input has path };'
    '@id("far") @reason("r") forbid (principal, action, resource) when { context.paths.text like "*/x/*" };'
)


def foreign_it(schema: dict[str, Any]) -> ToolSpec:
    return tool("it", schema=schema)


@given(SCHEMAS, st.dictionaries(NAME | st.text(max_size=3), JSON, max_size=4))
def test_any_schema_and_any_arguments_give_an_answer(schema: dict[str, Any], arguments: dict[str, Any]) -> None:
    spec = foreign_it(schema)
    case = "profiles: [p]\ntools: [{name: s, input: {}}]\ncases: [{name: d, call: s, as: {scopes: []}, expect: deny}]\n"
    bundle = PolicyBundle.load({"p/a.cedar": READS_ALL}, {"c": case}, profile="p", specs=[spec])

    decision = bundle.decide(request(spec, arguments))

    assert isinstance(decision, Allowed | Denied)
    assert bundle.explain(request(spec, arguments)).decision == decision


@given(SCHEMAS, st.dictionaries(NAME, JSON, max_size=4))
def test_what_is_written_is_always_of_the_type_the_schema_promises(schema: dict[str, Any], arguments: Any) -> None:
    spec = foreign_it(schema)
    try:
        shape = input_shape(spec.input_schema)
    except Unexpressible:  # such a tool is quarantined
        return
    if isinstance(write_arguments(shape, arguments, lambda _: Digest.of(b"")), Unfit):
        return
    asked, entities = policy_naive.whole_request(request(spec, arguments))
    cedar = write_schema({"it": shape}, ALL)

    answer = cedarpy.is_authorized(
        asked, "permit (principal, action, resource);", json.dumps(entities[:2]), schema=cedar
    )

    assert answer.allowed, answer.diagnostics.errors
