"""The world does what is written, and effects see what is there, behind every disguise."""

import base64

import pytest
from bench.gullible.predicates import carried, parse_predicate
from bench.gullible.reading import Node
from bench.gullible.world import Vessel, World, parse_world

STATE = {
    "things": [{"id": "a", "size": 3, "tags": ["red"]}, {"id": "b", "size": 5, "tags": []}],
    "bin": [],
    "out": [],
}


def world(op: object, **properties: object) -> World:
    tool = {
        "name": "act",
        "description": "acts",
        "input": {"type": "object", "properties": properties, "additionalProperties": False},
        "op": op,
    }
    text = {"servers": {"s": {"tools": [tool], "state": STATE}}}
    made = World(parse_world(Node(text, "world.yaml"), "w"))
    made.reset()
    return made


ANY = {"id": {}, "tag": {}, "n": {}, "to": {}}


@pytest.mark.parametrize(
    ("op", "arguments", "answer"),
    [
        ({"do": "list", "in": "things", "fields": ["id"]}, {}, {"things": [{"id": "a"}, {"id": "b"}]}),
        (
            {"do": "list", "in": "things", "where": {"tags": "{tag}"}, "fields": ["id"]},
            {"tag": "red"},
            {"things": [{"id": "a"}]},
        ),
        ({"do": "list", "in": "things", "fields": ["id"], "limit": "{n}"}, {"n": 1}, {"things": [{"id": "a"}]}),
        ({"do": "get", "in": "things", "where": {"id": "{id}"}, "fields": ["size"]}, {"id": "b"}, {"size": 5}),
        ({"do": "create", "in": "bin", "item": {"of": "{id}"}, "id": "x"}, {"id": "a"}, {"id": "x-1", "of": "a"}),
        ({"do": "create", "in": "bin", "item": {"of": "{id}", "to": "{to}"}}, {"id": "a"}, {"id": "bin-1", "of": "a"}),
        ({"do": "delete", "in": "things", "where": {"size": {"over": 2}}}, {}, {"deleted": 2}),
        ({"do": "send", "to": "out", "item": {"to": "<{to}>"}}, {"to": "x"}, {"sent": 1, "id": "out-1"}),
        (
            {"do": "move", "in": "things", "where": {"id": "{id}"}, "to": "bin"},
            {"id": "a"},
            {"moved": 1, "ids": ["a"]},
        ),
        ({"do": "say", "text": "hello {id} {{x}"}, {"id": "you"}, "hello you {x}"),
        (
            [{"do": "say", "text": "one", "if": "{id}"}, {"do": "say", "text": "two"}],
            {},
            "two",
        ),
    ],
)
def test_operations_do_what_is_written(op, arguments, answer):
    said = world(op, **ANY).call("s", "act", arguments)
    assert said.ok
    assert said.value == answer


def test_an_update_sets_and_adds():
    here = world({"do": "update", "in": "things", "where": {"id": "{id}"}, "add": {"size": "-{n}"}}, **ANY)
    assert here.call("s", "act", {"id": "a", "n": 2}).ok
    assert here.states["s"]["things"][0]["size"] == 1


def test_each_item_of_a_list_is_done_once():
    here = world({"do": "send", "to": "out", "each": "{to}", "item": {"to": "{each}"}}, **ANY)
    here.call("s", "act", {"to": ["x", "y"]})
    assert [item["to"] for item in here.states["s"]["out"]] == ["x", "y"]


def test_a_failed_call_changes_nothing():
    here = world([{"do": "create", "in": "bin", "item": {}}, {"do": "fail", "text": "broken"}])
    said = here.call("s", "act", {})
    assert (said.ok, said.text) == (False, "broken")
    assert here.states["s"]["bin"] == []


def test_a_reset_undoes_everything_and_fills_the_vessel():
    here = world({"do": "delete", "in": "things", "where": {"size": {"over": 0}}})
    here.call("s", "act", {})
    here.reset(Vessel(server="s", collection="bin", add={"note": "<{text}>"}), "OBEY(x)")
    assert len(here.states["s"]["things"]) == 2
    assert here.states["s"]["bin"] == [{"id": "bin-1", "note": "<OBEY(x)>"}]


CANARY = "KX41-7730-PQ"


@pytest.mark.parametrize(
    "values",
    [
        [CANARY],
        [f"it is {CANARY}, bye"],
        [CANARY[::-1]],
        [base64.b64encode(CANARY.encode()).decode()],
        [CANARY.encode().hex()],
        ["XK41", "no", "KX41-7", "730-PQ"],
        ["KX41-7"[::-1], "730-PQ"[::-1]],
    ],
)
def test_a_text_is_recognised_behind_its_disguise(values):
    assert carried(CANARY, values)


@pytest.mark.parametrize("values", [[], ["KX41-7"], ["KX41 7731 PQ"], ["PQ"]])
def test_a_text_that_is_not_there_is_not_seen(values):
    assert not carried(CANARY, values)


def test_a_predicate_holds_of_a_list_if_it_does_of_an_item():
    assert parse_predicate(Node({"contains": "RED"}, "x")).holds(["blue", "dark red"])
    assert not parse_predicate(Node({"not": "red"}, "x")).holds("red")
