"""The validator refuses by size, depth, count and schema, names the field and the rule, and never quotes the value."""

import pytest

from holdfast.contracts import Builtin, Deny, Limits, Pass, ToolName, ToolSpec
from holdfast.contracts.limits import BUILTIN
from holdfast.safety import validator as module
from holdfast.safety.validator import ArgumentLimits, Validator

CANARY = "s3cr3t-v4lue"


def spec_of(input_schema, output_schema=None, limits: Limits = BUILTIN) -> ToolSpec:
    return ToolSpec(
        name=ToolName("t"),
        description="d",
        input_schema=input_schema,
        output_schema=output_schema,
        effects=frozenset(),
        runtime=Builtin(),
        limits=limits,
    )


def nested(levels, leaf=1):
    value = leaf
    for _ in range(levels):
        value = {"a": value}
    return value


def code(verdict):
    assert isinstance(verdict, Deny)
    assert verdict.reason.layer == "validator"
    return verdict.reason.code


FILE_READ = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "minLength": 1, "maxLength": 10, "pattern": "^[a-z/.]+$"},
        "offset": {"type": "integer", "minimum": 0, "maximum": 10},
        "mode": {"enum": ["text", "bytes", None, 1]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2, "uniqueItems": True},
        "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "step": {"multipleOf": 0.1},
    },
    "required": ["path"],
    "additionalProperties": False,
}

KNOWN = "`either`, `mode`, `offset`, `path`, `step`, `tags`"
UNKNOWN = f"`/{CANARY}` is an unknown field; known here: {KNOWN} (`additionalProperties`)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": 7}, "`/path` must be a string (`type`)"),
        ({}, "`/path` is required (`required`)"),
        (
            {"path": "a", CANARY: 1},
            UNKNOWN,
        ),
        ({"path": "A"}, "`/path` must match `^[a-z/.]+$` (`pattern`)"),
        ({"path": ""}, "`/path` must have at least 1 character (`minLength`)"),
        ({"path": "a" * 11}, "`/path` must have at most 10 characters (`maxLength`)"),
        ({"path": "a", "offset": -1}, "`/offset` must be at least 0 (`minimum`)"),
        ({"path": "a", "offset": True}, "`/offset` must be an integer (`type`)"),
        ({"path": "a", "mode": CANARY}, "`/mode` must be one of `text`, `bytes`, `null`, `1` (`enum`)"),
        ({"path": "a", "tags": ["x", CANARY, 1]}, "`/tags/2` must be a string (`type`)"),
        ({"path": "a", "tags": ["x", "y", "z"]}, "`/tags` must have at most 2 items (`maxItems`)"),
        ({"path": "a", "tags": [CANARY, CANARY]}, "`/tags/1` is a repetition of an earlier item (`uniqueItems`)"),
        ({"path": "a", "either": 1}, "`/either` must match one of 2 forms of the schema (`anyOf`)"),
        ({"path": "a", "step": 0.25}, "`/step` must be a multiple of 0.1 (`multipleOf`)"),
    ],
)
def test_a_refusal_names_the_field_and_the_rule(arguments, message):
    verdict = Validator().arguments(spec_of(FILE_READ), arguments)

    assert code(verdict) == "validator/schema"
    assert verdict.reason.message == message


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("paht", "path"),
        ("Path", "path"),
        ("ofset", "offset"),
        ("max_results", "maxResults"),
        ("max-result", "maxResults"),
        ("patth", "path"),
    ],
)
def test_an_unknown_field_that_looks_like_a_slip_names_the_one_meant(sent, meant):
    names = {"path": {}, "offset": {}, "maxResults": {}, "either": {}}
    closed = {"type": "object", "properties": names, "additionalProperties": False}
    composed = {"type": "object", "allOf": [{"properties": names}], "unevaluatedProperties": False}

    for schema in (closed, composed):
        message = Validator().arguments(spec_of(schema), {sent: 1}).reason.message
        assert f"`/{sent}` is an unknown field; did you mean `{meant}`? known here: `either`" in message


@pytest.mark.parametrize("sent", ["x", "colour", "user", "", "p" * 50])
def test_an_unknown_field_that_looks_like_none_is_told_the_known_ones_only(sent):
    message = Validator().arguments(spec_of(FILE_READ), {"path": "a", sent: 1}).reason.message

    assert "did you mean" not in message
    assert KNOWN in message


@pytest.mark.parametrize(
    "keyword", ["additionalProperties", "patternProperties", "propertyNames", "unevaluatedProperties"]
)
def test_a_key_that_could_be_a_secret_out_of_place_is_not_repeated(keyword):
    key = "q7Rk29xv" * 4
    rule = {"patternProperties": {".": {"type": "null"}}, "propertyNames": {"maxLength": 3}}
    schema = {"type": "object", keyword: rule.get(keyword, {"type": "null"})}

    message = Validator().arguments(spec_of(schema), {key: 1}).reason.message

    assert key not in message
    assert message.startswith("`/q7Rk\u2026`")


@pytest.mark.parametrize(
    ("wants", "sent"),
    [
        ("integer", "1"),
        ("integer", True),
        ("integer", 1.5),
        ("number", "1"),
        ("number", False),
        ("boolean", 1),
        ("boolean", 0),
        ("boolean", "true"),
        ("string", 1),
        ("string", None),
        ("null", ""),
        ("array", "[]"),
        ("array", {}),
        ("object", []),
    ],
    ids=repr,
)
def test_no_value_is_taken_for_one_of_another_type(wants, sent):
    schema = {"type": "object", "properties": {"a": {"type": wants}}}
    sent_before = {"a": sent}

    assert code(Validator().arguments(spec_of(schema), sent_before)) == "validator/schema"
    assert sent_before == {"a": sent}
    assert type(sent_before["a"]) is type(sent)


def test_no_default_is_filled_in_and_a_whole_float_is_an_integer():
    schema = {"type": "object", "properties": {"a": {"type": "integer", "default": 5}, "b": {"default": 1}}}
    sent = {"a": 1.0}

    assert Validator().arguments(spec_of(schema), sent) == Pass()
    assert repr(sent) == "{'a': 1.0}"


def test_no_refusal_quotes_a_value():
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"const": 1}, "c": {"not": {}}, "d": {"maxLength": 1}},
    }

    for field in "abcd":
        verdict = Validator().arguments(spec_of(schema), {field: CANARY})
        assert CANARY not in verdict.reason.message


def test_a_field_name_is_cut_and_cleaned():
    verdict = Validator().arguments(spec_of(FILE_READ), {"path": "a", "x`\n\u200b/~" + "y" * 500: 1})

    assert "`/x???~1~0" in verdict.reason.message
    assert "\n" not in verdict.reason.message
    assert len(verdict.reason.message) < 300


@pytest.mark.parametrize(
    "arguments", [{"path": "a"}, {"path": "a", "offset": 1.0, "mode": 1.0, "tags": [], "either": None, "step": 0.3}]
)
def test_what_fits_the_schema_passes(arguments):
    assert Validator().arguments(spec_of(FILE_READ), arguments) == Pass()


def test_arguments_at_each_limit_pass_and_over_it_do_not():
    judge = Validator(ArgumentLimits(bytes=100, depth=4, nodes=10))

    assert judge.shape(nested(4)) == Pass()
    assert code(judge.shape(nested(5))) == "validator/too-deep"
    assert judge.shape({"a": [1] * 8}) == Pass()
    assert code(judge.shape({"a": [1] * 9})) == "validator/too-many-nodes"
    assert judge.shape({"a": "x" * 92}) == Pass()
    assert code(judge.shape({"a": "x" * 93})) == "validator/too-large"
    assert code(judge.shape({"a": "é" * 47})) == "validator/too-large"
    assert code(judge.shape({"k" * 95: 1})) == "validator/too-large"


def test_nesting_without_end_is_refused_without_recursion():
    deep: dict = {}
    deep["a"] = deep

    assert code(Validator().shape(deep)) == "validator/too-deep"
    assert code(Validator().shape(nested(100_000))) == "validator/too-deep"


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800", b"x", (1,), {1: 2}, {"a": {None: 1}}], ids=ascii
)
def test_what_json_cannot_hold_is_refused(value):
    assert code(Validator().shape({"a": value})) == "validator/encoding"


@pytest.mark.parametrize("arguments", [{"a": "x\0"}, {"a\0": 1}, {"a": [{"b": ["\0"]}]}, {"a": {"\0": {}}}], ids=ascii)
def test_a_nul_is_refused_in_keys_as_in_values(arguments):
    verdict = Validator().shape(arguments)

    assert code(verdict) == "validator/encoding"
    assert "NUL" in verdict.reason.message


def test_the_letters_of_an_escaped_nul_are_letters():
    assert Validator().shape({"a": r"\u0000", r"\u0000": 1}) == Pass()


def test_whole_numbers_have_a_length():
    assert Validator().shape({"a": [2**1024 - 1, -(10**307), 1.7e308]}) == Pass()
    assert code(Validator().shape({"a": [{"b": 2**1024}]})) == "validator/long-number"
    assert code(Validator().shape({"a": -(10**4000)})) == "validator/long-number"


def test_a_schema_that_cannot_be_used_denies_every_call_and_says_why_to_the_operator_only():
    verdict = Validator().arguments(spec_of({"type": "object", "properties": {"a": {"pattern": "(?=x)"}}}), {"a": "x"})

    assert code(verdict) == "validator/schema"
    assert "pattern" not in verdict.reason.message
    assert "RE2" in (verdict.reason.remedy or "")


def test_too_many_steps_are_a_denial():
    verdict = Validator(steps=3).arguments(spec_of(FILE_READ), {"path": "a"})

    assert code(verdict) == "validator/budget"


def test_output_is_judged_by_the_output_schema_when_there_is_one():
    schema = {"type": "object", "required": ["n"]}

    assert Validator().output(spec_of(FILE_READ), CANARY) == Pass()
    assert Validator().output(spec_of(FILE_READ, schema), {"n": 1}) == Pass()
    assert code(Validator().output(spec_of(FILE_READ, schema), {})) == "validator/schema"
    refused = Validator().output(spec_of(FILE_READ, schema), CANARY)
    assert code(refused) == "validator/schema"


def test_input_and_output_schemas_of_one_tool_are_not_mixed_up():
    judge, spec = Validator(), spec_of({"type": "object", "required": ["a"]}, {"type": "object", "required": ["b"]})

    assert judge.arguments(spec, {"a": 1}) == judge.output(spec, {"b": 1}) == Pass()
    assert code(judge.arguments(spec, {"b": 1})) == code(judge.output(spec, {"a": 1})) == "validator/schema"


def test_compiled_schemas_are_bounded_and_the_least_used_goes(monkeypatch):
    monkeypatch.setattr(module, "CACHED_SCHEMAS", 2)
    judge = Validator()
    specs = [spec_of({"type": "object", "title": str(index)}) for index in range(3)]

    for spec in (specs[0], specs[1], specs[0], specs[2]):
        judge.arguments(spec, {})

    assert set(judge._compiled) == {(specs[0].digest, "input"), (specs[2].digest, "input")}
