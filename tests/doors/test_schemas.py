"""Schemas that come with a tool and are meant to do harm: refused at the door, or stopped by count."""

import json
from pathlib import Path

import pytest

from . import guests
from .callers import Caller, called
from .server import Server
from .test_upstreams import NEVER_ENDING
from .watching import Listener

pytestmark = pytest.mark.xdist_group("doors-tools")


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


HARMFUL: dict[str, tuple[object, dict[str, object]]] = {
    "references that double": (NEVER_ENDING, {}),
    "recursion three times at each level": ({"properties": {"a": {"allOf": [{"$ref": "#"}] * 3}}}, {"a": nested(25)}),
    "unions that all fail last": (
        {"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["z"]}] * 4},
        {"a": nested(25)},
    ),
    "a pattern that backtracks": ({"properties": {"a": {"pattern": "^(a+)+$"}}}, {"a": "a" * 40 + "!"}),
    "a slow pattern on long text": (
        {"properties": {"a": {"items": {"pattern": "[a-z]{1,900}x|[b-y]{1,900}z"}}}},
        {"a": ["a" * 20_000] * 4},
    ),
    "unique items, and many": (
        {"properties": {"a": {"allOf": [{"uniqueItems": True}] * 50}}},
        {"a": [[index] for index in range(4_000)]},
    ),
    "a definition of itself": ({"$ref": "#"}, {}),
    "a circle of two": ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, {}),
}


@pytest.mark.parametrize("harm", HARMFUL)
def test_a_schema_that_never_ends_keeps_nobody_waiting(server: Server, agent: Caller, other: Caller, harm: str):
    schema, arguments = HARMFUL[harm]
    name = "schema_" + "".join(letter for letter in harm if letter.isalpha())
    module = guests.saying("ran")
    written = guests.manifest(name, module, schema=f"input_schema = {toml(schema)}")
    taken = guests.hand_in(server.registrar, written, module)
    if taken.status != 201:
        assert taken.status == 422
        assert agent.call(name, arguments).status == 404
        return
    server.verb("tools", "approve", name, "--definition", taken.body["definition"])

    answer = called(agent, name, arguments, other=other)

    if answer.body["status"] == "ok":  # cheap after all: then it must be because it is linear
        assert harm == "a pattern that backtracks" or arguments == {}
    else:
        assert (answer.status, answer.code) in {
            (422, "validator/budget"),
            (422, "validator/schema"),
            (404, "tools/unknown"),
        }
        assert "ran" not in answer.text


def toml(value: object) -> str:
    """*value* as an inline table."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def test_a_schema_is_fetched_from_nowhere(server: Server, agent: Caller, granted: Listener):
    """Not from the network, though the place is one that tools may reach, and not from a file."""
    before = granted.connections
    (server.workspace / "schema.json").write_text('{"type": "object"}')
    module = guests.saying("ran")
    for number, reference in enumerate(
        (
            f"http://127.0.0.1:{granted.port}/schema.json",
            f"//127.0.0.1:{granted.port}/schema.json",
            (server.workspace / "schema.json").as_uri(),
            str(Path("/etc/passwd")),
            "schema.json",
        )
    ):
        schema = {"type": "object", "properties": {"a": {"$ref": reference}}}
        written = guests.manifest(f"fetches_{number}", module, schema=f"input_schema = {toml(schema)}")
        answer = guests.hand_in(server.registrar, written, module)

        assert answer.status == 422, answer.raw
    assert granted.connections == before
