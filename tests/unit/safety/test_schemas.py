"""Schemas nobody vouches for: what cannot be bounded is refused at registration, what never ends is stopped."""

import re
import socket
import threading

import pytest

from holdfast.contracts import OperatorError
from holdfast.safety.schemas import DEFAULT_STEPS, OutOfSteps, Valid, Violation, check_schema, compile_schema


def nested(levels, key="a"):
    value = 1
    for _ in range(levels):
        value = {key: value}
    return value


DOUBLING = {
    "$defs": {**{f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(40)}, "a40": {}},
    "$ref": "#/$defs/a0",
}
NEVER_ENDING = {
    "references doubling at each step": (DOUBLING, {}),
    "recursion three times at each level": ({"properties": {"a": {"allOf": [{"$ref": "#"}] * 3}}}, nested(20)),
    "unions that all fail last": ({"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["z"]}] * 4}, nested(20)),
    "oneOf that tries every branch": (
        {"oneOf": [{"properties": {"a": {"$ref": "#"}}}] * 3, "$comment": "x"},
        nested(25),
    ),
    "not inside not": ({"properties": {"a": {"not": {"anyOf": [{"not": {"$ref": "#"}}] * 2}}}}, nested(30)),
    "unevaluated looking again": (
        {
            "$defs": {
                **{
                    f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2, "unevaluatedProperties": True}
                    for i in range(40)
                },
                "a40": {},
            },
            "$ref": "#/$defs/a0",
        },
        {"a": 1},
    ),
    "conditions of conditions": ({"properties": {"a": {"if": {"$ref": "#"}, "then": {"$ref": "#"}}}}, nested(30)),
    "a long chain in place": (
        {"$defs": {**{f"a{i}": {"$ref": f"#/$defs/a{i + 1}"} for i in range(400)}, "a400": {}}, "$ref": "#/$defs/a0"},
        {},
    ),
    "a slow pattern on long text": ({"items": {"pattern": "[a-z]{1,900}x|[b-y]{1,900}z"}}, ["a" * 90_000] * 5),
    "items again and again": ({"allOf": [{"items": {"allOf": [{"minimum": 0}] * 20}}] * 20}, [1] * 1_000),
    "items that may be anything, again and again": ({"allOf": [{"items": True}] * 450}, [1] * 9_000),
    "unique items again and again": ({"allOf": [{"uniqueItems": True}] * 50}, [[index] for index in range(3_000)]),
    "constants again and again": ({"allOf": [{"not": {"enum": [[1]]}}] * 50}, [1] * 5_000),
    "what may be anything, in front, again and again": (
        {"$defs": {"a": {"prefixItems": [True] * 400}}, "allOf": [{"$ref": "#/$defs/a"}] * 400},
        [1] * 9_000,
    ),
    "yes again and again": ({"$defs": {"a": {"allOf": [True] * 400}}, "allOf": [{"$ref": "#/$defs/a"}] * 400}, 1),
    "no again and again": (
        {"$defs": {"a": {"not": {"anyOf": [False] * 400}}}, "allOf": [{"$ref": "#/$defs/a"}] * 400},
        1,
    ),
    "nothing again and again": ({"$defs": {"a": {"allOf": [{}] * 400}}, "allOf": [{"$ref": "#/$defs/a"}] * 400}, 1),
    "multiples in many digits": ({"allOf": [{"items": {"multipleOf": 5e-324}}] * 9}, [1.7e308] * 9_000),
    "names under patterns": (
        {"patternProperties": {f"^k{i}[a-z]*$": {} for i in range(250)}},
        {f"k{i}": 1 for i in range(5_000)},
    ),
    "looking again at what depends": (
        {
            "$defs": {"a": {"dependentSchemas": {f"n{i}": True for i in range(400)}}},
            "allOf": [{"$ref": "#/$defs/a"}] * 400,
            "unevaluatedProperties": True,
        },
        {f"n{i}": 1 for i in range(400)},
    ),
    "names again and again": (
        {
            "allOf": [{"required": ["a"], "properties": {f"p{i}": {} for i in range(40)}}] * 20,
            "patternProperties": {f"x{i}": {} for i in range(40)},
        },
        {"a": 1, **{f"k{i}": 1 for i in range(2_000)}},
    ),
}


@pytest.mark.parametrize("name", NEVER_ENDING)
def test_a_schema_that_never_ends_is_stopped_by_its_steps(name):
    schema, value = NEVER_ENDING[name]

    assert compile_schema(schema).evaluate(value, steps=DEFAULT_STEPS) == OutOfSteps()


def test_the_same_evaluation_takes_the_same_steps_every_time():
    compiled, value = compile_schema({"properties": {"a": {"allOf": [{"$ref": "#"}] * 2}}}), nested(8)

    fewest = next(steps for steps in range(100_000) if compiled.evaluate(value, steps=steps) == Valid())

    assert fewest > 500
    assert compiled.evaluate(value, steps=fewest) == Valid()
    assert compiled.evaluate(value, steps=fewest - 1) == OutOfSteps()


def test_no_step_budget_is_as_large_as_what_a_server_can_wait_for():
    assert DEFAULT_STEPS == 100_000


def test_words_are_made_for_the_one_refusal_that_is_read(monkeypatch):
    made = []
    monkeypatch.setattr("holdfast.safety.schemas.keywords.choices", lambda members: made.append(members) or "no")
    many = {"items": {"anyOf": [{"enum": ["a"]}, {"enum": ["b"]}, {"type": "integer"}]}}

    assert compile_schema(many).evaluate([1] * 1_000) == Valid()
    assert made == []
    assert isinstance(compile_schema({"enum": ["a"]}).evaluate(1), Violation)
    assert len(made) == 1


def test_names_that_are_no_keywords_are_not_looked_at_again():
    compiled = compile_schema({"items": {"type": "integer", **{f"x{i}": 1 for i in range(4_000)}}})

    assert max(map(len, compiled.tables.plans.values())) == 1


def test_every_keyword_call_counts():
    compiled = compile_schema({"type": "array", "items": {"type": "integer", "minLength": 0}})

    assert compiled.evaluate([1] * 1_000, steps=2_000) == OutOfSteps()
    assert compiled.evaluate([1] * 1_000, steps=2_200) == Valid()


def test_ten_thousand_nodes_are_within_the_default_steps():
    row = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }

    assert compile_schema({"items": row}).evaluate([{"a": 1, "b": "x"}] * 3_333) == Valid()


def test_a_recursive_schema_reads_values_as_deep_as_arguments_may_be():
    anything = {
        "$defs": {
            "json": {
                "anyOf": [
                    {"type": ["string", "integer"]},
                    {"type": "array", "items": {"$ref": "#/$defs/json"}},
                    {"type": "object", "additionalProperties": {"$ref": "#/$defs/json"}},
                ]
            }
        },
        "$ref": "#/$defs/json",
    }

    assert compile_schema(anything).evaluate(nested(32)) == Valid()


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"$ref": "http://127.0.0.1:9/x"}, "never fetched"),
        ({"$ref": "other.json"}, "never fetched"),
        ({"$ref": "file:///etc/passwd"}, "never fetched"),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, "never fetched"),
        ({"$ref": "#/$defs/missing"}, "nowhere"),
        ({"$ref": "#missing"}, "nowhere"),
        ({"$ref": "//[bad"}, "nowhere"),
        ({"x": {"y": {"$ref": [1]}}, "$ref": "#/x/y"}, "no string"),
        ({"x": {"y": {"$id": 5}}, "$ref": "#/x/y"}, "`/$id`"),
        ({"allOf": [{"$ref": "#/allOf/x"}]}, "nowhere"),
        ({"properties": {"a": {"$ref": "#/title"}}, "title": "t"}, "does not lead to a schema"),
        ({"$ref": "#"}, "back to itself"),
        ({"$defs": {"a": {"anyOf": [{"not": {"$ref": "#/$defs/a"}}]}}}, "back to itself"),
        ({"$dynamicAnchor": "n", "allOf": [{"$dynamicRef": "#n"}]}, "back to itself"),
        (
            {
                "$dynamicAnchor": "n",
                "$defs": {"x": {"$id": "x", "$dynamicAnchor": "n"}},
                "items": {"$dynamicRef": "#n"},
            },
            "more than one target",
        ),
        ({"pattern": "(?=a)b"}, "RE2"),
        ({"pattern": r"(a)\1"}, "RE2"),
        ({"properties": {"a": {"patternProperties": {"(?!x)": {}}}}}, "`/properties/a/patternProperties`"),
        ({"pattern": "(((a{100}){100}){100})"}, "RE2"),
        ({"anyOf": [{"pattern": f"[a-z]{{1,900}}{i}"} for i in range(200)]}, "too big together"),
        ({"anyOf": [{"pattern": f"x{i}"} for i in range(300)]}, "patterns"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "dialect"),
        ({"$schema": 5}, "dialect"),
        ({"items": {"$schema": "http://json-schema.org/draft-07/schema#"}}, "`$schema`"),
        ({"$recursiveRef": "#"}, "`$recursiveRef`"),
        ({"x": {"a": {"dependencies": {}}}, "$ref": "#/x/a"}, "older draft"),
        ({"x": {"a": {"type": 5}}, "$ref": "#/x/a"}, "not JSON Schema 2020-12 at `/type`"),
        ({"type": "text"}, "not JSON Schema 2020-12 at `/type`"),
        ({"properties": {"a": {"minimum": "x"}}}, "`/properties/a/minimum`"),
        ({"required": ["a", "a"]}, "`/required`: it must name each only once"),
        ({"$id": "#x"}, "`/$id`"),
        ({"title": "x" * 70_000}, "larger than"),
        ({"enum": [0] * 70_000}, "more than 20000 values"),
        ({"enum": ["xxxxx"] * 10_000}, "larger than"),
        ({"minimum": 10**309}, "whole number"),
        ({"$defs": {"a": {}}, "allOf": [{"$ref": "#/$defs/a"}] * 501}, "more than 500 references"),
        ({"allOf": [{"$id": f"urn:a:{i}"} for i in range(501)]}, "more than 500 references"),
        ({"pattern": "a" * 4_097}, "too big together"),
        ({"pattern": r"\p{L}" * 201}, "too big together"),
        ({"allOf": [{"pattern": r"(?i)\p{L}" + str(i)} for i in range(101)]}, "too big together"),
        ({"title": "\u0416" * 40_000}, "larger than"),
        ({"anyOf": [{"anyOf": [{}] * 50}] * 50}, "subschemas"),
        ({"default": nested(32)}, "deeper"),
        ({"default": float("nan")}, "not JSON"),
        ({"default": (1, 2)}, "not JSON"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_schema_that_cannot_be_bounded_is_refused_with_its_rule(schema, says):
    with pytest.raises(OperatorError, match=re.escape(says)):
        compile_schema(schema)


@pytest.mark.parametrize("schema", [{}, {"type": "string"}, {"type": ["object"]}, {"properties": {}}])
def test_an_input_schema_must_be_of_an_object(schema):
    with pytest.raises(OperatorError, match="object"):
        check_schema(schema)


def test_a_remote_reference_opens_no_connection():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    connected = threading.Event()

    def wait() -> None:
        try:
            listener.accept()[0].close()
            connected.set()
        except TimeoutError:
            pass

    watcher = threading.Thread(target=wait)
    watcher.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"
    for schema in (
        {"$ref": url},
        {"$schema": url},
        {"$dynamicRef": url},
        {"$id": url, "items": {"$ref": "other.json"}},
        {"items": {"$ref": f"{url}#/a"}},
    ):
        with pytest.raises(OperatorError):
            compile_schema(schema)
    watcher.join()
    listener.close()

    assert not connected.is_set()


def test_an_id_that_is_a_url_is_only_a_name():
    schema = {
        "$id": "https://example.com/x.json",
        "$defs": {"s": {"type": "string"}},
        "properties": {"a": {"$ref": "x.json#/$defs/s"}},
    }

    assert isinstance(compile_schema(schema).evaluate({"a": 1}), Violation)


def test_formats_are_not_asserted():
    assert compile_schema({"format": "email"}).evaluate("not an address") == Valid()


def test_older_spellings_are_enforced_as_what_they_mean():
    draft7 = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"pair": {"items": [{"type": "string"}, {"type": "integer"}], "additionalItems": False}},
        "dependencies": {"a": ["b"], "c": {"required": ["d"]}},
    }
    compiled = compile_schema(draft7)

    assert compiled.evaluate({"pair": ["x", 1], "a": 1, "b": 1, "c": 1, "d": 1}) == Valid()
    for wrong in ({"pair": [1]}, {"pair": ["x", 1, 2]}, {"a": 1}, {"c": 1}):
        assert isinstance(compiled.evaluate(wrong), Violation)


def test_a_nested_schema_keyword_is_no_way_around_our_keywords():
    with pytest.raises(OperatorError):
        compile_schema({"allOf": [{"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^(a+)+$"}]})


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(x+x+)+y", "(.*)*=.*"])
def test_a_pattern_that_backtracks_elsewhere_is_linear_here(pattern):
    assert not isinstance(compile_schema({"pattern": pattern}).evaluate("a" * 20_000 + "!"), OutOfSteps)


def test_unicode_escapes_of_ecmascript_are_understood():
    compiled = compile_schema({"pattern": r"^\u00e9\u{1f600}\\u0041$"})

    assert compiled.evaluate("é\U0001f600\\u0041") == Valid()


def test_escapes_of_ecmascript_mean_what_they_mean_there():
    compiled = compile_schema({"properties": {"a": {"pattern": r"^\s[\s.]\S\cC\p{Letter}$"}}})

    assert compiled.evaluate({"a": "\xa0\u2003x\x03\u00e9"}) == Valid()
    assert isinstance(compiled.evaluate({"a": "\xa0\u2003\u2003\x03\u00e9"}), Violation)


def test_text_that_is_not_unicode_matches_no_pattern():
    assert isinstance(compile_schema({"pattern": "."}).evaluate("\ud800"), Violation)


def test_numbers_are_compared_as_numbers_and_not_as_booleans():
    compiled = compile_schema({"enum": [1, [0, {"a": 2.0}]]})

    assert compiled.evaluate(1.0) == compiled.evaluate([0.0, {"a": 2}]) == Valid()
    assert isinstance(compiled.evaluate(True), Violation)
    assert isinstance(compiled.evaluate([False, {"a": 2}]), Violation)


def test_huge_numbers_are_no_trouble():
    compiled = compile_schema({"multipleOf": 0.01, "minimum": -1e308})

    assert compiled.evaluate(10**4000) == Valid()
    assert isinstance(compiled.evaluate(0.015), Violation)
    assert isinstance(compile_schema({"multipleOf": 10**300}).evaluate(10**4000 + 1), Violation)
    assert isinstance(compile_schema({"multipleOf": 2.5}).evaluate(10**4000 + 1), Violation)
    assert compiled.evaluate(1e308) == Valid()


def test_const_and_enum_may_stand_together():
    assert compile_schema({"const": "a", "enum": ["a"]}).evaluate("a") == Valid()


def test_the_callers_schema_is_neither_changed_nor_kept():
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}
    compiled = compile_schema(schema)

    assert schema == {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}
    schema["items"] = True

    assert isinstance(compiled.evaluate([1]), Violation)
