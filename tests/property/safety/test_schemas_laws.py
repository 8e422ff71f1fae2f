"""Laws of schema evaluation: jsonschema's own verdict, reached in bounded steps."""

import warnings

from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from holdfast.contracts import OperatorError
from holdfast.safety.schemas import OutOfSteps, Valid, Violation, compile_schema

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 1.0, 2.5, "", "a", "ab", "b1"]))
values = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
COUNTS = st.integers(0, 3)


@st.composite
def keywords(draw: st.DrawFn, inner: st.SearchStrategy) -> dict:
    several = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(NAMES, inner, max_size=3)
    kinds = {
        "type": st.sampled_from(
            ["string", "integer", "number", "object", "array", "null", "boolean", ["string", "array"]]
        ),
        "enum": st.lists(values, min_size=1, max_size=3),
        "const": values,
        "minimum": st.integers(-2, 2),
        "exclusiveMaximum": st.integers(-2, 2),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": COUNTS,
        "maxItems": COUNTS,
        "minProperties": COUNTS,
        "pattern": st.sampled_from(["^a", "b", "^[a-b]+$"]),
        "properties": named,
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "[bc]"]), inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "required": st.lists(NAMES, max_size=2, unique=True),
        "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
        "dependentSchemas": named,
        "items": inner,
        "prefixItems": several,
        "contains": inner,
        "minContains": st.integers(0, 2),
        "maxContains": COUNTS,
        "uniqueItems": st.booleans(),
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "unevaluatedProperties": inner,
        "unevaluatedItems": inner,
        "$ref": st.sampled_from(["#/$defs/d", "#/$defs/e"]),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(kinds)), max_size=5, unique=True))
    return {keyword: draw(kinds[keyword]) for keyword in chosen}


schemas = st.recursive(st.one_of(st.booleans(), st.just({})), keywords, max_leaves=8)


@given(schemas, schemas, schemas, st.lists(values, min_size=1, max_size=4))
def test_the_verdict_is_that_of_jsonschema(root, first, second, instances):
    assume(isinstance(root, dict))
    schema = {**root, "$defs": {"d": first, "e": second}}
    try:
        compiled = compile_schema(schema)
    except OperatorError:
        assume(False)
        return

    for instance in instances:
        outcome = compiled.evaluate(instance)
        if isinstance(outcome, OutOfSteps):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = Draft202012Validator(schema).is_valid(instance)
        assert isinstance(outcome, Valid) == expected


@given(schemas, values, st.integers(0, 200))
def test_fewer_steps_never_change_a_verdict_but_only_stop_it(root, instance, steps):
    assume(isinstance(root, dict) and "$ref" not in str(root))
    compiled = compile_schema(root)

    few = compiled.evaluate(instance, steps=steps)

    assert few == OutOfSteps() or few == compiled.evaluate(instance)


@given(
    st.text(min_size=20, max_size=40),
    st.sampled_from(["type", "enum", "const", "pattern", "maxLength", "not", "anyOf"]),
)
def test_no_words_come_from_the_value(secret, keyword):
    wants = {
        "type": "integer",
        "enum": [1],
        "const": 1,
        "pattern": "^$",
        "maxLength": 1,
        "not": {},
        "anyOf": [{"type": "null"}],
    }
    outcome = compile_schema({"properties": {"a": {keyword: wants[keyword]}}}).evaluate({"a": secret})

    assert isinstance(outcome, Violation)
    assert secret not in outcome.wants + outcome.pointer
    assert outcome.wants.isprintable()
