"""A call has the effects its arguments call for, and all of them where that cannot be told."""

import pytest

from holdfast.contracts import Effect, FlowSpec, Sink, ToolName, ToolSpec, Upstream, When
from holdfast.contracts.limits import UPSTREAM
from holdfast.safety.flow import call_effects, has_unknown, sink_of

EGRESS, WRITE = Effect.EGRESS, Effect.WRITE
EVENT = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "attendees": {"type": "array", "items": {"type": "string"}},
        "visibility": {"type": "string"},
        "event": {"$ref": "#/$defs/Event"},
        "extra": {"type": "object"},
    },
    "$defs": {
        "Event": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"guests": {}, "title": {}}}]},
    },
}


def spec(*when, effects=(WRITE, EGRESS), schema=EVENT, **flow):
    return ToolSpec(
        name=ToolName("create_event"),
        description="d",
        input_schema=schema,
        effects=frozenset(effects),
        runtime=Upstream("calendar", "create_event"),
        limits=UPSTREAM,
        flow=FlowSpec(when=when, **flow),
    )


def has_egress(when, arguments, schema=EVENT):
    effects = call_effects(spec(when, schema=schema), arguments)
    assert WRITE in effects
    return EGRESS in effects


ATTENDEES = When(argument="attendees", effects=frozenset({EGRESS}))
GUESTS = When(argument="event.guests", effects=frozenset({EGRESS}))
EXTRA = When(argument="extra.guests", effects=frozenset({EGRESS}))
PUBLIC = When(argument="visibility", effects=frozenset({EGRESS}), values=("public", "world*"))


def test_without_conditions_every_effect_is_had():
    assert call_effects(spec(), {"who": "knows"}) == {WRITE, EGRESS}


@pytest.mark.parametrize(
    "nobody", [{}, {"attendees": []}, {"attendees": None}, {"attendees": ""}, {"attendees": [" "]}]
)
def test_an_effect_needs_its_argument(nobody):
    assert not has_egress(ATTENDEES, {"title": "x", **nobody})


@pytest.mark.parametrize("somebody", [["a@x.example"], "a@x.example", [None, "a"], {"0": "a"}, 0, False])
def test_an_argument_that_is_there_brings_its_effect(somebody):
    assert has_egress(ATTENDEES, {"attendees": somebody})


def test_an_effect_is_had_as_soon_as_one_of_its_conditions_holds():
    both = spec(ATTENDEES, PUBLIC)

    assert EGRESS not in call_effects(both, {"visibility": "private"})
    assert EGRESS in call_effects(both, {"visibility": "public"})
    assert EGRESS in call_effects(both, {"visibility": "private", "attendees": ["a"]})


def test_a_condition_never_adds_an_effect_that_the_tool_does_not_have():
    spending = When(argument="title", effects=frozenset({Effect.SPEND}))

    assert call_effects(spec(spending), {"title": "x"}) == {WRITE, EGRESS}


@pytest.mark.parametrize(
    "value",
    [
        "public",
        "PUBLIC",
        " public ",
        "\uff50\uff55\uff42\uff4c\uff49\uff43",
        "pub\u200blic",
        "private,public",
        ["private", "public"],
        "worldwide",
    ],
)
def test_a_value_is_recognised_however_it_is_written(value):
    assert has_egress(PUBLIC, {"visibility": value})


@pytest.mark.parametrize("value", ["private", "republic", "publicity", "", None, 1])
def test_another_value_does_not_bring_the_effect(value):
    assert not has_egress(PUBLIC, {"visibility": value})


def test_a_value_that_cannot_be_compared_brings_the_effect():
    assert has_egress(PUBLIC, {"visibility": {"level": "private"}})


def test_what_is_left_out_is_what_the_schema_says():
    schema = {"properties": {"visibility": {"anyOf": [{"type": "string", "default": "public"}]}}}

    assert has_egress(PUBLIC, {}, schema)
    assert not has_egress(PUBLIC, {"visibility": "private"}, schema)


@pytest.mark.parametrize("unknown", ["attendee", "Attendees", "cc", "attendees "])
def test_an_argument_that_the_schema_does_not_name_brings_every_effect(unknown):
    assert has_egress(ATTENDEES, {"title": "x", unknown: ["a@x.example"]})
    assert has_unknown(spec(ATTENDEES), {unknown: 1})


def test_a_schema_that_names_nothing_knows_no_argument():
    assert has_egress(ATTENDEES, {"title": "x"}, {"type": "object"})
    assert not has_egress(ATTENDEES, {}, {"type": "object"})


def test_fields_below_are_known_by_the_level_that_declares_them():
    assert not has_egress(GUESTS, {"event": {"title": "x"}})
    assert has_egress(GUESTS, {"event": {"guests": ["a"]}})
    assert has_egress(GUESTS, {"event": {"title": "x", "invitees": ["a"]}})
    assert has_egress(GUESTS, {"event": [{"title": "x"}, {"invitees": ["a"]}]})


def test_an_object_without_declared_fields_is_free_but_for_another_spelling():
    assert not has_egress(EXTRA, {"extra": {"title": "x"}})
    assert has_egress(EXTRA, {"extra": {"guests": ["a"]}})
    assert has_egress(EXTRA, {"extra": {"Guests": ["a"]}})
    assert has_egress(EXTRA, {"extra": [{"title": "x"}, {"guests": "a"}]})


def test_what_cannot_be_looked_into_brings_the_effect():
    assert has_egress(GUESTS, {"event": '{"guests": ["a"]}'})
    assert not has_egress(GUESTS, {"event": ""})


def test_unknown_arguments_are_looked_for_where_the_entry_looks():
    entry = spec(receivers=("event.guests",))

    assert has_unknown(entry, {"event": {"bcc": "a"}})
    assert not has_unknown(entry, {"event": {"guests": "a"}, "title": "x"})


@pytest.mark.parametrize(
    ("effects", "staged", "sink"),
    [
        ((), False, Sink.NONE),
        (("read_private", "read_untrusted"), False, Sink.NONE),
        (("egress", "read_untrusted"), False, Sink.QUERY),
        (("egress", "read_private"), True, Sink.QUERY),
        (("write",), True, Sink.STAGE),
        (("write", "read_private"), True, Sink.STAGE),
        (("write",), False, Sink.CHANGE),
        (("egress",), False, Sink.SEND),
        (("egress",), True, Sink.SEND),
        (("egress", "write"), True, Sink.SEND),
        (("egress", "write", "read_untrusted"), False, Sink.SEND),
        (("execute", "egress", "write"), True, Sink.EXECUTE),
        (("spend", "execute", "egress", "write"), True, Sink.SPEND),
    ],
)
def test_the_gravest_thing_is_the_sink(effects, staged, sink):
    assert sink_of(frozenset(map(Effect, effects)), staged=staged) is sink


def test_a_schema_that_refers_to_itself_ends():
    schema = {"$ref": "#", "properties": {"a": {"$ref": "#"}}, "allOf": [{"$ref": "#"}]}

    assert not has_unknown(spec(schema=schema, receivers=("a.a.a",)), {"a": {"a": {"a": 1}}})
    assert has_unknown(spec(schema=schema, receivers=("a.a.a",)), {"a": {"a": {"b": 1}}})
