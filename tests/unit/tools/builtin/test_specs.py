"""The built-in tools say what DESIGN sections 4.6 and 5 promise, and their schemas are strict."""

import pytest
from jsonschema import Draft202012Validator

from holdfast.contracts import Builtin, Effect, ToolSpec
from holdfast.tools.builtin import (
    echo,
    file_grep,
    file_list,
    file_read,
    file_write,
    hash_tool,
    json_tool,
    output_read,
    time_tool,
)
from holdfast.tools.registry import BUILTIN_NAMES

MODULES = (echo, file_grep, file_list, file_read, file_write, hash_tool, json_tool, output_read, time_tool)
SPECS = [module.SPEC for module in MODULES]

ARGUMENTS = {
    "echo": ({"text"}, {"text"}),
    "time": ({"op", "value", "zone"}, set()),
    "json": ({"op", "text", "query"}, {"op", "text"}),
    "hash": ({"text", "path", "algorithm"}, set()),
    "file_read": ({"path", "offset", "limit"}, {"path"}),
    "file_write": ({"path", "content"}, {"path", "content"}),
    "file_list": ({"path", "depth"}, set()),
    "file_grep": ({"pattern", "path", "limit"}, {"pattern"}),
    "output_read": ({"call_id", "offset", "limit", "query"}, {"call_id"}),
}
EFFECTS = {
    "echo": set(),
    "time": set(),
    "json": set(),
    "hash": {Effect.READ_PRIVATE},
    "file_read": {Effect.READ_PRIVATE},
    "file_write": {Effect.WRITE},
    "file_list": {Effect.READ_PRIVATE},
    "file_grep": {Effect.READ_PRIVATE},
    "output_read": set(),
}


def test_every_tool_of_this_table_is_there_once() -> None:
    assert sorted(spec.name for spec in SPECS) == sorted(ARGUMENTS) == sorted(EFFECTS)
    assert set(ARGUMENTS) <= BUILTIN_NAMES


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_arguments_are_exactly_the_promised_ones(spec: ToolSpec) -> None:
    Draft202012Validator.check_schema(dict(spec.input_schema))
    names, required = ARGUMENTS[spec.name]

    assert set(spec.input_schema["properties"]) == names
    assert set(spec.input_schema["required"]) == required
    assert spec.input_schema["additionalProperties"] is False
    assert all(field["description"] and field["type"] for field in spec.input_schema["properties"].values())


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_effects_are_honest(spec: ToolSpec) -> None:
    assert spec.effects == EFFECTS[spec.name]
    assert spec.runtime == Builtin()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_no_schema_has_what_model_apis_refuse_at_its_top(spec: ToolSpec) -> None:
    assert not {"oneOf", "anyOf", "allOf"} & set(spec.input_schema)
