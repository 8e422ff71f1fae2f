"""Schemas made to take long before anything is checked with them: counted in calls and steps, never in time."""

import sys
from types import FrameType
from typing import Any, Self

import pytest

from holdfast.contracts import OperatorError
from holdfast.contracts.schema_shape import MAX_STEPS, misshapen
from holdfast.safety.policy.shapes import Unexpressible, input_shape
from holdfast.safety.schemas import compile_schema
from holdfast.sandbox.mcp import UpstreamConfig
from holdfast.sandbox.mcp.catalogue.definitions import read

MOST_CALLS = 300_000
"""Of Python functions: the worst below takes 170 000; a tenth of a microsecond each."""


def inside(levels: int, innermost: Any) -> Any:
    """*innermost* under *levels* of `not`."""
    for _ in range(levels):
        innermost = {"not": innermost}
    return innermost


def named(count: int, schema: Any) -> dict[str, Any]:
    return {f"k{index}": schema for index in range(count)}


MEMBERS = [[index] for index in range(4_500)]
REFERENCES = {f"r{index}": {"$ref": f"#/$defs/k{index % 40}"} for index in range(490)}
PATTERNS = {f"p{index}": {"pattern": f"(?i)[^a-z]{{1,9}}{index}"} for index in range(90)}
HOSTILE: dict[str, Any] = {
    "two limits at once": {"$defs": named(40, {}), "properties": {**PATTERNS, **REFERENCES, "e": {"enum": MEMBERS}}},
    "names joined to a long one": {
        "$id": "http://a.example/" + "x/" * 2_000,
        "allOf": [{"$id": f"y{index}"} for index in range(480)],
    },
    "references to what nobody has counted": {
        "x": [{"allOf": [{}] * 700} for _ in range(25)],
        "allOf": [{"$ref": f"#/x/{index}"} for index in range(25)],
    },
    "each level of one nest referred to": {
        "x": inside(26, {"allOf": [{}] * 900}),
        "allOf": [{"$ref": "#/x" + "/not" * level} for level in range(27)],
    },
    "long ways": {"allOf": [inside(27, {})] + [{"$ref": "#/allOf/0" + "/not" * 27}] * 400},
    "members that are lists": {"enum": [[index] for index in range(9_000)]},
    "constants": {"allOf": [{"const": {"a": [{"b": 1}]}}] * 990},
    "true a thousand times": {"allOf": [True] * 997},
    "anchors": {"allOf": [{"$anchor": f"a{index}", "$dynamicAnchor": f"b{index}"} for index in range(990)]},
    "the same anchor": {"allOf": [{"$anchor": "a"}] * 990},
    "keywords": {"allOf": [{"minimum": 1, "maximum": 2, "minItems": 1, "maxItems": 2, "title": "a"}] * 690},
    "words that are none": {f"x{index}": 1 for index in range(6_000)},
    "names needed": {"required": [f"k{index}" for index in range(4_000)], "dependentRequired": named(1_000, ["a"])},
    "old dependencies": {"dependencies": named(4_000, ["a"])},
}
REFUSED = {
    "two limits at once",
    "names joined to a long one",
    "references to what nobody has counted",
    "long ways",
    "members that are lists",
}


class Counted:
    """How many Python functions were called between entering and leaving."""

    calls = 0

    def __enter__(self) -> Self:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, _frame: FrameType, event: str, _arg: object) -> None:
        self.calls += event == "call"


def test_no_schema_takes_more_than_its_steps_to_be_prepared() -> None:
    counts = {}
    for name, schema in HOSTILE.items():
        said = ""
        with Counted() as counted:
            try:
                compile_schema({"type": "object", **schema})
            except OperatorError as error:
                said = error.message
        assert said == ("the schema takes too many steps to check; make it smaller" if name in REFUSED else ""), name
        counts[name] = counted.calls
    assert max(counts.values()) < MOST_CALLS, counts
    assert counts["names joined to a long one"] < 15_000, "names were joined before they were paid for"


def test_a_list_of_tools_is_looked_at_once_and_what_is_too_much_is_withheld_alone() -> None:
    schemas = {
        "truths": {"type": "object", "properties": {f"k{index}": True for index in range(5_000)}},
        "objects": {"type": "object", "properties": named(990, {"type": "string"})},
        "names": {"type": "object", "required": [*map(str, range(9_000)), 1]},
        "classes": {"type": "object", "pattern": "(?i)" + "[a-\u4e00]" * 9_000},
    }
    with Counted() as counted:
        tools = [{"name": f"{name}_{index}", "inputSchema": schemas[name]} for name in schemas for index in range(3)]
        found = read(
            UpstreamConfig(name="up", command=("up",)), [*tools, {"name": "ok", "inputSchema": {"type": "object"}}]
        )
    assert {one.tool.partition("_")[0] for one in found.definitions} == {"truths", "objects", "classes", "ok"}
    assert {one.reason for one in found.quarantined} == {
        "`inputSchema` is not a JSON Schema 2020-12: something in it must be a list of names"
    }
    assert counted.calls < len(tools) * MOST_CALLS


def test_the_shape_of_a_schema_is_looked_at_in_steps_that_end() -> None:
    assert misshapen({"allOf": [True] * (MAX_STEPS // 2)}) is None
    fault = misshapen({"allOf": [True] * (MAX_STEPS + 1)})
    assert fault is not None
    assert "too many steps" in fault.wants


@pytest.mark.parametrize("value", [None, 1, "x", ["a"]])
def test_what_is_no_schema_at_all_has_no_shape(value: Any) -> None:
    fault = misshapen({"properties": {"a": value}})
    assert fault is not None
    assert fault.path == ("properties", "a")


def test_lists_that_references_lead_to_again_and_again_give_no_shape_to_policy() -> None:
    for again in (
        {"type": "object", "properties": {}, "required": [str(index) for index in range(8_000)]},
        {"enum": list(range(9_000))},
        {"type": ["string"] * 6_000},
        {"anyOf": [{"type": "null"}] * 3_000},
    ):
        schema = {"type": "object", "$defs": {"a": again}, "properties": named(250, {"$ref": "#/$defs/a"})}
        with pytest.raises(Unexpressible, match="counted each time"):
            input_shape(schema)
    currencies = {"enum": [f"C{index}" for index in range(180)]}
    often = {"type": "object", "$defs": {"a": currencies}, "properties": named(200, {"$ref": "#/$defs/a"})}
    assert len(input_shape(often).parts) == 200
