"""What is served is what was approved, to the character."""

import pytest

from holdfast.contracts import Digest, Hint, Upstream
from holdfast.sandbox.mcp import PinState, UpstreamConfig, reconcile, spec_of
from holdfast.sandbox.mcp.catalogue.definitions import MAX_OBJECTS
from holdfast.sandbox.mcp.catalogue.definitions import read as read_tools
from holdfast.sandbox.mcp.catalogue.offered import joined

CONFIG = UpstreamConfig(name="files", command=("x",))
TOOL = {
    "name": "read",
    "description": "reads",
    "inputSchema": {"type": "object", "properties": {"p": {"type": "string"}}},
}


def read(config, raw):
    return joined([read_tools(config, raw)])


def only(raw):
    listing = read(CONFIG, [raw])
    assert listing.quarantined == (), listing.quarantined
    return listing.definitions[0]


def reason(raw):
    listing = read(CONFIG, [raw])
    assert listing.definitions == ()
    return listing.quarantined[0].reason


@pytest.mark.parametrize(
    "change",
    [
        {"description": "reads."},
        {"title": "Read"},
        {"inputSchema": {"type": "object"}},
        {"outputSchema": {"type": "object"}},
        {"annotations": {"readOnlyHint": True}},
        {"annotations": {"readOnlyHint": 1}},
        {"_meta": {"a": 1}},
        {"icons": [{"src": "https://evil.example/i.png"}]},
    ],
)
def test_any_change_of_what_is_served_changes_the_digest(change):
    assert only({**TOOL, **change}).digest != only(TOOL).digest


def test_a_field_that_is_not_served_changes_only_the_raw_digest():
    other = only({**TOOL, "x-hidden": "ignore all"})

    assert other.digest == only(TOOL).digest
    assert other.raw != only(TOOL).raw


def test_the_order_of_keys_changes_nothing():
    assert only(dict(reversed(TOOL.items()))).digest == only(TOOL).digest


def test_hidden_characters_in_prose_are_taken_out_and_said():
    schema = {"type": "object", "properties": {"p": {"type": "string", "description": "the\u200b path"}}}

    definition = only({**TOOL, "description": "re\U000e0041ads", "inputSchema": schema})

    assert definition.cleaned
    assert definition.description == "reads"
    assert definition.input_schema["properties"]["p"]["description"] == "the path"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"p\u200b": {}}},
        {"type": "object", "properties": {"p": {"enum": ["a\u200b"]}}},
        {"type": "object", "properties": {"description": {"const": "a\u200b"}}},
        {"type": "object", "properties": {"p": {"pattern": "\u202e"}}},
    ],
)
def test_hidden_characters_that_would_change_what_is_accepted_withhold_the_tool(schema):
    assert "hidden characters" in reason({**TOOL, "inputSchema": schema})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"p": {"$ref": "http://169.254.169.254/"}}},
        {"type": "object", "properties": {"default": {"$ref": "file:///etc/passwd"}}},
        {"type": "object", "$defs": {"a": {"$dynamicRef": "https://evil.example/s"}}},
    ],
)
def test_a_schema_that_lies_elsewhere_withholds_the_tool(schema):
    assert "elsewhere" in reason({**TOOL, "inputSchema": schema})


def deep(levels):
    schema = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    "raw",
    [
        7,
        {},
        {"name": 7, "inputSchema": {"type": "object"}},
        {"name": "a"},
        {"name": "a", "inputSchema": {}},
        {"name": "a", "inputSchema": {"type": "string"}},
        {"name": "a", "inputSchema": {"type": "object", "properties": 7}},
        {"name": "a", "inputSchema": {"type": "object"}, "outputSchema": {"type": 7}},
        {"name": "a", "inputSchema": {"type": "object"}, "description": 7},
        {"name": "a", "inputSchema": {"type": "object"}, "description": "x" * 10_000},
        {"name": "a", "inputSchema": {"type": "object"}, "annotations": []},
        {"name": "a", "inputSchema": {"type": "object", "enum": ["x" * 70_000]}},
        {"name": "a", "inputSchema": deep(40)},
        {"name": "a", "inputSchema": {"type": "object", "allOf": [{}] * (MAX_OBJECTS + 1)}},
    ],
)
def test_a_definition_out_of_shape_hides_itself_alone(raw):
    listing = read(CONFIG, [raw, TOOL])

    assert [definition.tool for definition in listing.definitions] == ["read"]
    assert len(listing.quarantined) == 1


def test_a_list_with_too_much_in_it_is_cut_where_it_becomes_too_much():
    heavy = {"type": "object", "allOf": [{}] * (MAX_OBJECTS - 3)}
    raw = [{"name": f"t{n}", "inputSchema": heavy} for n in range(22)]

    listing = read(CONFIG, raw)

    assert len(listing.definitions) == 20
    assert len(listing.quarantined) == 2


def test_tools_that_come_to_be_served_under_one_name_are_all_withheld():
    taken = spec_of(only({**TOOL, "name": "a.b"}), CONFIG).name.removeprefix("files__")

    listing = read(CONFIG, [{**TOOL, "name": "a.b"}, {**TOOL, "name": taken}, TOOL])

    assert [definition.tool for definition in listing.definitions] == ["read"]


def test_a_tool_is_new_then_approved_then_changed_then_removed():
    first, second = only(TOOL), only({**TOOL, "description": "reads more"})

    states = [
        reconcile({}, read(CONFIG, [TOOL])).entry("read"),
        reconcile({"read": first.digest}, read(CONFIG, [TOOL])).entry("read"),
        reconcile({"read": second.digest}, read(CONFIG, [TOOL])).entry("read"),
        reconcile({"read": first.digest}, read(CONFIG, [])).entry("read"),
    ]

    assert [entry.state for entry in states] == [PinState.NEW, PinState.APPROVED, PinState.CHANGED, PinState.REMOVED]


def test_a_renamed_tool_is_new_under_its_new_name():
    diff = reconcile({"read": only(TOOL).digest}, read(CONFIG, [{**TOOL, "name": "read2"}]))

    assert {entry.key: entry.state for entry in diff.entries} == {"read": PinState.REMOVED, "read2": PinState.NEW}
    assert diff.approved() == ()


def test_a_quarantined_tool_is_not_served_though_it_was_approved():
    diff = reconcile({"read": only(TOOL).digest}, read(CONFIG, [{**TOOL, "inputSchema": {}}]))

    assert diff.entry("read").state is PinState.QUARANTINED
    assert diff.approved() == ()


def test_a_spec_says_what_its_server_claims_with_a_plain_yes_or_no():
    said = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": "yes", "other": True}
    spec = spec_of(only({**TOOL, "annotations": said}), CONFIG)

    assert isinstance(spec.runtime, Upstream)
    assert spec.runtime.hints == {Hint.READ_ONLY, Hint.NOT_DESTRUCTIVE}
    assert spec.effects == CONFIG.effects, "nobody believes it"


def test_a_spec_has_the_effects_and_limits_of_its_entry():
    spec = spec_of(only({**TOOL, "annotations": {"readOnlyHint": True}}), CONFIG)

    assert spec.effects == CONFIG.effects
    assert spec.limits == CONFIG.limits
    assert isinstance(spec.digest, Digest)
