"""The official JSON Schema tests of 2020-12: the same verdict, or a refusal when the schema is registered."""

from collections import Counter

import pytest

from holdfast.contracts import OperatorError
from holdfast.safety.schemas import Valid, compile_schema

from . import schema_suite

DEPARTURES = {
    "references are never fetched": 23,
    "has more than one target": 9,
    "the dialect that `$schema` names": 4,
}
"""Why schemas of the suite are refused: other documents (the metaschema among them), dynamic scope, other dialects."""


@pytest.fixture(autouse=True)
def _installed() -> None:
    if not schema_suite.TESTS.exists():
        pytest.skip("the JSON Schema tests are not here: `make test` fetches them, and CI fails without")


def test_every_verdict_is_that_of_the_official_tests_and_every_refusal_is_one_we_name():
    refused: Counter[str] = Counter()
    wrong: list[str] = []
    judged = 0
    for case in schema_suite.cases():
        schema = case.schema if isinstance(case.schema, dict) else {"allOf": [case.schema]}
        try:
            compiled = compile_schema(schema)
        except OperatorError as error:
            refused[next((why for why in DEPARTURES if why in error.message), case.name)] += 1
            continue
        for value, valid in case.tests:
            judged += 1
            if isinstance(compiled.evaluate(value), Valid) != valid:
                wrong.append(case.name)

    assert wrong == []
    assert dict(refused) == DEPARTURES
    assert judged > 1_300
