"""For any schema and value, compiling answers or refuses, evaluating ends within its steps, as jsonschema judges."""

import json
import sys
import warnings

from jsonschema import Draft202012Validator, FormatChecker, SchemaError

from holdfast.contracts import MalformedJson, OperatorError
from holdfast.contracts.json_values import parse
from holdfast.contracts.schema_shape import misshapen
from holdfast.safety.schemas import OutOfSteps, Valid, Violation, check_schema, compile_schema

LONGEST_MESSAGE = 600
FEW_STEPS = 400
"""What we judge within these, jsonschema judges within a second: its own work has no bound."""
APART = ("pattern", "$schema", "dependencies", "additionalItems", "multipleOf")
"""Read otherwise by intent: RE2 and not `re`, older drafts as the newest, decimals and not floats."""


def check(data: bytes) -> None:
    written, _, value = data.partition(b"\0")
    try:
        schema = parse(written)
        instance = parse(value, max_depth=32) if value else None
    except MalformedJson:
        return
    if not isinstance(schema, dict):
        return
    before = json.dumps(schema)
    assert (misshapen(schema) is None) == _shaped_for_jsonschema(schema)
    refusal = _refusal(schema)
    assert refusal.isprintable()
    assert len(refusal) < LONGEST_MESSAGE
    try:
        compiled = compile_schema(schema)
    except OperatorError:
        return
    finally:
        assert json.dumps(schema) == before
    outcome = compiled.evaluate(instance, steps=5_000)
    assert isinstance(outcome, Valid | Violation | OutOfSteps)
    assert outcome == compiled.evaluate(instance, steps=5_000)
    if isinstance(outcome, Violation):
        assert outcome.wants.isprintable()
        assert len(outcome.pointer) < LONGEST_MESSAGE
    few = compiled.evaluate(instance, steps=FEW_STEPS)
    assert isinstance(few, OutOfSteps) or few == outcome
    if not isinstance(few, OutOfSteps) and not any(word in before for word in APART):
        assert _judged_by_jsonschema(schema, instance) in (None, isinstance(few, Valid))


def _judged_by_jsonschema(schema, instance) -> bool | None:
    """None where it has no verdict: what is no schema of 2020-12, as `items` that are a list, it fails on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError:
            return None
        return Draft202012Validator(schema).is_valid(instance)


def _shaped_for_jsonschema(schema) -> bool:
    """What its metaschema says; formats, which it may assert, aside."""
    try:
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(()))
    except SchemaError:
        return False
    return True


def _refusal(schema) -> str:
    try:
        check_schema(schema)
    except OperatorError as error:
        return error.message
    return ""


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
