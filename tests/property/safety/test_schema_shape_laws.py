"""Laws of a schema's shape: one pass over it has the verdict of the metaschema, whatever JSON it is."""

import jsonschema_specifications
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker, SchemaError

from holdfast.contracts.schema_shape import misshapen

VOCABULARIES = [
    jsonschema_specifications.REGISTRY.contents("https://json-schema.org/draft/2020-12/" + part["$ref"])
    for part in Draft202012Validator.META_SCHEMA["allOf"]
]
KEYWORDS = sorted({"extra"}.union(*(part["properties"] for part in (*VOCABULARIES, Draft202012Validator.META_SCHEMA))))
NO_FORMATS = FormatChecker(())
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 2, 0.0, 0.5, 3.0, -0.5, 1e300]),
    st.sampled_from(["", "a", "object", "string", "null", "#x", "urn:a", "a b", "_a.b-1", "1a", "a\n"]),
)


def _holding(inner: st.SearchStrategy) -> st.SearchStrategy:
    schemas = st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=2)
    names = st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    return st.one_of(st.lists(inner, max_size=3), names, schemas, schemas)


schemas = st.dictionaries(st.sampled_from(KEYWORDS), st.recursive(SCALARS, _holding, max_leaves=8), max_size=3)


@given(schemas)
@settings(max_examples=500)
def test_the_shape_of_a_schema_is_what_the_metaschema_says(schema) -> None:
    try:
        Draft202012Validator.check_schema(schema, format_checker=NO_FORMATS)
    except SchemaError:
        assert misshapen(schema) is not None
    else:
        assert misshapen(schema) is None
