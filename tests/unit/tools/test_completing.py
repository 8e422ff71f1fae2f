"""A manifest is completed with what its module says of itself, and with nothing else."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import OperatorError
from holdfast.tools.completing import Told, completed, lacks
from holdfast.tools.manifest import load_manifest

DIGEST = "blake3:" + "0" * 64
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": -3, "multipleOf": 0.5}}}


def manifest(*lines: str, abi: str = "component") -> str:
    return "\n".join(
        (
            "# a comment",
            "[tool]  # ours",
            'name = "shop"',
            'version = "1.0.0"',
            f'abi = "{abi}"',
            'module = "shop.wasm"',
            f'digest = "{DIGEST}"',
            "effects = []",
            *lines,
            "[limits]",
            "fuel = 10",
        )
    )


def told(name: str = "buy", description: str = "Buys.", **schema) -> Told:
    return Told(name=name, description=description, input_schema=schema or SCHEMA)


@pytest.mark.parametrize(
    ("lines", "lacking"),
    [
        ((), True),
        (('description = "d"',), True),
        (('input_schema = {type = "object"}',), True),
        (('description = "d"', 'input_schema = {type = "object"}'), False),
        (('description = "d"', "[[tool.operations]]", 'name = "a"'), False),
    ],
)
def test_a_manifest_lacks_a_description_or_a_schema(lines, lacking):
    assert lacks(manifest(*lines)) is lacking


@pytest.mark.parametrize("text", ["", "x =", "tool = 3", "[other]", "tool = []"])
def test_what_is_no_manifest_lacks_nothing(text):
    assert not lacks(text)


def test_one_function_is_the_tool():
    read = load_manifest(completed(manifest(), (told(),)))
    assert (read.description, read.input_schema, read.operations[0].function) == ("Buys.", SCHEMA, "")


def test_what_is_there_stays():
    read = load_manifest(completed(manifest('description = "mine"'), (told(),)))
    assert (read.description, read.input_schema) == ("mine", SCHEMA)


def test_several_functions_are_operations():
    two = (told("shop:pay/card@1.0.0#charge", "Charges."), told("list items", ""))
    first, second = load_manifest(completed(manifest(), two)).operations
    assert (first.name, first.function, first.description) == ("shop_charge", "shop:pay/card@1.0.0#charge", "Charges.")
    assert (second.name, second.function, second.description) == ("shop_list_items", "list items", "Calls `list items`")


def test_the_only_function_of_a_plugin_is_the_tool_if_it_has_its_name():
    plain = load_manifest(completed(manifest(abi="extism"), (told("shop"),)))
    named = load_manifest(completed(manifest(abi="extism"), (told("greet"),)))
    assert [one.name for one in plain.operations] == ["shop"]
    assert [one.name for one in named.operations] == ["shop_greet"]


@pytest.mark.parametrize(
    ("text", "functions", "why"),
    [
        (manifest(), (), "the module has none"),
        (manifest(), (told(description=" "),), "the module says nothing"),
        (manifest(), (told(type="object", const=None),), "what TOML cannot"),
        (manifest(), (told(type="object", maximum=2**63),), "what TOML cannot"),
        (manifest(), (told("a.b"), told("a-b"), told("a_b")), "would have one name"),
        ('tool = {name = "shop"}', (told(),), "no line"),
        (manifest('note = """\n[tool]\n"""').replace("[tool]  # ours", "[ tool ]"), (told(),), "cannot be completed"),
    ],
    ids=["nothing", "no words", "null", "large", "twins", "inline", "a header in a text"],
)
def test_what_cannot_be_completed_is_refused(text, functions, why):
    with pytest.raises(OperatorError, match=why):
        completed(text, functions)


@given(
    description=st.text(min_size=1, max_size=40).filter(str.strip),
    schema=st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    ),
)
def test_whatever_a_module_says_is_said_and_changes_nothing_else(description, schema):
    text = manifest()
    built = tomllib.loads(completed(text, (Told(name="f", description=description, input_schema=schema),)))
    assert built["tool"].pop("description") == description
    assert built["tool"].pop("input_schema") == schema
    assert built == tomllib.loads(text)
