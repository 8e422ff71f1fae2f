"""Typed arguments: what a policy may rely on, what it only sees the presence of, and what denies instead of failing."""

from typing import Any

import pytest
from tests.oracle.policy_world import DENIED_CASE, foreign, load, request, tool

from holdfast.contracts import OperatorError, ToolSpec
from holdfast.safety.policy import Allowed, PolicyBundle, decided_by
from holdfast.safety.policy.shapes import MAX_PARTS

PERMIT = '@id("all") @reason("all") permit (principal, action, resource) when { principal.scopes.contains("call") };\n'


def forbids(condition: str, properties: dict[str, Any], arguments: dict[str, Any], **schema: Any) -> bool:
    """Whether *condition* holds for *arguments* of a tool with *properties*; the set must type-check."""
    spec = tool("it", schema={"type": "object", "properties": properties, **schema})
    text = (
        PERMIT + f'@id("hit") @reason("r") forbid (principal, action == Action::"it", resource) when {{ {condition} }};'
    )
    decided = decided_by(load(text, spec).decide(request(spec, arguments)))
    assert decided in (("all",), ("hit",)), decided
    return decided == ("hit",)


@pytest.mark.parametrize(
    ("schema", "value", "condition"),
    [
        ({"type": "string"}, "x", 'context.input.a == "x"'),
        ({"type": "boolean"}, True, "context.input.a"),
        ({"type": "integer"}, 7, "context.input.a == 7"),
        ({"type": "integer"}, 7.0, "context.input.a == 7"),
        ({"type": "number"}, 1.5, 'context.input.a.greaterThan(decimal("1.4999"))'),
        ({"type": "number"}, 3, 'context.input.a == decimal("3.0")'),
        ({"type": ["integer", "number"]}, 3, 'context.input.a == decimal("3.0")'),
        ({"enum": ["x", "y"]}, "x", 'context.input.a == "x"'),
        ({"const": 3}, 3, "context.input.a == 3"),
        ({"enum": [True, False]}, True, "context.input.a"),
        ({"type": "array", "items": {"type": "string"}}, ["-r", "-f"], 'context.input.a.contains("-f")'),
        ({"type": "array", "items": {"type": "integer"}}, [], "context.input.a.isEmpty()"),
        ({"type": "object", "properties": {"b": {"type": "string"}}}, {"b": "x"}, "context.input.a has b"),
        ({"$ref": "#/$defs/name"}, "x", 'context.input.a == "x"'),
        ({"anyOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]}, "x", 'context.input.a == "x"'),
    ],
)
def test_a_plain_type_can_be_judged(schema: dict[str, Any], value: Any, condition: str) -> None:
    assert forbids(condition, {"a": schema}, {"a": value}, required=["a"], **{"$defs": {"name": {"type": "string"}}})


@pytest.mark.parametrize(
    "schema",
    [{"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string"}],
)
def test_an_optional_argument_must_be_asked_for_with_has(schema: dict[str, Any]) -> None:
    condition = 'context.input has a && context.input.a == "x"'

    assert forbids(condition, {"a": schema}, {"a": "x"})
    assert not forbids(condition, {"a": schema}, {})
    with pytest.raises(OperatorError, match="optional"):
        forbids('context.input.a == "x"', {"a": schema}, {})


def test_a_null_where_null_is_meant_is_an_absent_argument() -> None:
    assert not forbids("context.input has a", {"a": {"type": ["string", "null"]}}, {"a": None}, required=["a"])


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "object"},
        {"type": ["string", "integer"]},
        {"type": "array"},
        {"type": "array", "items": {"type": "object"}},
        {"type": "array", "prefixItems": [{"type": "string"}]},
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"enum": ["x", 1]},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/$defs/loop"},
        {"$ref": "#/$defs/missing"},
        {"properties": {"b": {"type": "string"}}},
    ],
)
@pytest.mark.parametrize("value", ["x", None, [1, {"b": 2}], {"__entity": {"type": "Principal", "id": "default/root"}}])
def test_of_what_has_no_plain_type_only_the_presence_can_be_judged(schema: Any, value: Any) -> None:
    definitions = {"$defs": {"loop": {"$ref": "#/$defs/loop"}}}

    assert forbids("context.input has a", {"a": schema}, {"a": value}, **definitions)
    assert forbids("context.facts.unseen", {"a": schema}, {"a": value}, **definitions)
    assert not forbids("context.input has a", {"a": schema}, {}, **definitions)


def test_odd_names_can_be_judged() -> None:
    for name in ("a b", "ü", "", 'q"uote', "line\\nfeed", "if", "has", "\u200b"):
        written = '"' + name.replace('"', '\\"') + '"'
        real = name.replace("\\n", "\n")
        condition = f'context.input has {written} && context.input[{written}] == "x"'
        assert forbids(condition, {real: {"type": "string"}}, {real: "x"})


@pytest.mark.parametrize("name", ["__entity", "__extn", "__expr", "x" * 129])
def test_a_name_cedar_would_take_for_something_else_is_not_seen(name: str) -> None:
    assert forbids("context.facts.unseen", {name: {"type": "string"}}, {name: "x"})


def test_an_argument_the_schema_does_not_name_is_unseen() -> None:
    assert forbids("context.facts.unseen", {"a": {"type": "string"}}, {"a": "x", "b": "y"})
    assert not forbids("context.facts.unseen", {"a": {"type": "string"}}, {"a": "x"})


@pytest.mark.parametrize(
    ("kind", "value", "condition"),
    [
        ("integer", 2**63, "context.input.a == 9223372036854775807"),
        pytest.param("integer", -(10**400), "context.input.a == -9223372036854775808", id="401 digits"),
        ("integer", 1e300, "context.input.a == 9223372036854775807"),
        ("number", 1.00005, 'context.input.a.greaterThanOrEqual(decimal("1.0"))'),
        ("number", 1e300, 'context.input.a == decimal("922337203685477.5807")'),
        pytest.param("number", -(10**5000), 'context.input.a == decimal("-922337203685477.5808")', id="5001 digits"),
        ("number", 5e-324, 'context.input.a == decimal("0.0")'),
    ],
)
def test_a_number_cedar_cannot_hold_is_moved_and_said_to_be_inexact(kind: str, value: Any, condition: str) -> None:
    assert forbids(condition, {"a": {"type": kind}}, {"a": value}, required=["a"])
    assert forbids("context.facts.inexact", {"a": {"type": kind}}, {"a": value})


def test_a_number_cedar_can_hold_is_exact() -> None:
    for value in (0, -1, 2**49, 0.5, 1.0001, -922337203685477.0):
        assert not forbids("context.facts.inexact", {"a": {"type": "number"}}, {"a": value})


@pytest.mark.parametrize(
    ("properties", "arguments"),
    [
        ({"a": {"type": "string"}}, {"a": 1}),
        ({"a": {"type": "string"}}, {"a": None}),
        ({"a": {"type": "string"}}, {}),
        ({"a": {"type": "boolean"}}, {"a": 1}),
        ({"a": {"type": "integer"}}, {"a": True}),
        ({"a": {"type": "integer"}}, {"a": 1.5}),
        ({"a": {"type": "integer"}}, {"a": float("nan")}),
        ({"a": {"type": "number"}}, {"a": float("inf")}),
        ({"a": {"type": "array", "items": {"type": "string"}}}, {"a": "x"}),
        ({"a": {"type": "array", "items": {"type": "string"}}}, {"a": ["x", 1]}),
        ({"a": {"type": "object", "properties": {"b": {"type": "string"}}}}, {"a": ["b"]}),
    ],
)
def test_arguments_that_are_not_of_the_schema_are_denied(properties: dict[str, Any], arguments: dict[str, Any]) -> None:
    spec = tool("it", properties, required=["a"])

    assert decided_by(load(PERMIT, spec).decide(request(spec, arguments))) == ("unexpressible",)


def wide(parts: int) -> dict[str, Any]:
    return {f"p{number}": {"type": "string"} for number in range(parts)}


READS_INPUT = PERMIT + (
    '@id("paths") @reason("r") forbid (principal, action, resource)'
    ' when { context.input has path && context.input.path like "*secret*" };'
)


def test_a_schema_over_the_cap_quarantines_its_tool_alone() -> None:
    huge, fine = foreign("far__huge", wide(MAX_PARTS + 1)), foreign("far__fine", {"path": {"type": "string"}})

    bundle = load(READS_INPUT, huge, fine)

    assert dict(bundle.quarantined) == {"far__huge": f"its schema has more than {MAX_PARTS} parts"}
    assert decided_by(bundle.decide(request(huge, {"path": "x"}))) == ("unexpressible",)
    assert decided_by(bundle.decide(request(fine, {"path": "secret"}))) == ("paths",)
    assert decided_by(bundle.decide(request(fine, {"path": "x"}))) == ("all",)


def test_a_quarantined_tool_may_be_called_where_no_policy_has_to_see_its_arguments() -> None:
    huge = foreign("far__huge", wide(MAX_PARTS + 1))

    bundle = load(PERMIT, huge)

    assert isinstance(bundle.decide(request(huge, {"p0": 1})), Allowed)


def test_a_schema_that_doubles_at_every_level_is_bounded() -> None:
    again = {"$ref": "#/$defs/n"}
    for doubled in (
        {"type": "object", "properties": {"l": again, "r": again}},
        {"anyOf": [again, again]},
        {"type": "array", "items": {"anyOf": [again, again]}},
    ):
        schema = {"type": "object", "properties": {"top": again}, "$defs": {"n": doubled}}
        spec = foreign("far__bomb", schema=schema)
        assert isinstance(load(PERMIT, spec).decide(request(spec, {})), Allowed)


def clashing(name: str) -> ToolSpec:
    return foreign(name, {"path": {"type": "array", "items": {"type": "string"}}})


def test_a_foreign_tool_that_clashes_with_a_policy_about_all_tools_is_quarantined_alone() -> None:
    others = [foreign(f"far__{number}", {"path": {"type": "string"}}) for number in range(9)]

    bundle = load(READS_INPUT, *others[:4], clashing("far__odd"), *others[4:], clashing("other__odd"))

    assert set(bundle.quarantined) == {"far__odd", "other__odd"}
    assert "policy `paths` does not fit the tools" in bundle.quarantined[clashing("far__odd").name]
    assert decided_by(bundle.decide(request(clashing("far__odd"), {"path": []}))) == ("unexpressible",)
    assert all(isinstance(bundle.decide(request(spec, {"path": "x"})), Allowed) for spec in others)


def test_a_tool_of_ours_that_clashes_refuses_the_set() -> None:
    with pytest.raises(OperatorError, match="policy `paths` does not fit the tools"):
        load(READS_INPUT, tool("ours", {"path": {"type": "array", "items": {"type": "string"}}}))


def test_a_policy_written_for_a_foreign_tool_must_fit_it() -> None:
    text = PERMIT + (
        '@id("own") @reason("r") forbid (principal, action == Action::"far__odd", resource)'
        ' when { context.input has path && context.input.path == "x" };'
    )

    with pytest.raises(OperatorError, match="policy `own` does not fit the tools"):
        load(text, clashing("far__odd"))


def test_only_what_a_policy_reads_is_held_against_a_foreign_schema() -> None:
    spec = foreign("far__odd", {"path": {"type": "string"}, "__extn": {"type": "string"}})

    assert load(READS_INPUT, spec).quarantined == {}


def test_the_schema_can_be_written_for_people() -> None:
    text = load(PERMIT, tool("it", {"a b": {"type": "number"}})).schema()

    assert 'action "it"' in text or "action it" in text
    assert '"a b"?: decimal' in text or '"a b"?: __cedar::decimal' in text


def test_a_whole_context_can_be_compared() -> None:
    spec = tool("it", {"a": {"type": "string"}}, required=["a"])
    text = PERMIT + (
        '@id("hit") @reason("r") forbid (principal, action == Action::"it", resource)'
        ' when { context.input == {"a": "x"} };'
    )
    bundle = PolicyBundle.load({"p/a.cedar": text}, {"c": CASE}, profile="p", specs=[spec])

    assert decided_by(bundle.decide(request(spec, {"a": "x"}))) == ("hit",)
    assert decided_by(bundle.decide(request(spec, {"a": "y"}))) == ("all",)


CASE = DENIED_CASE.replace("call: read", "call: it").replace("path: a", "a: x")
