"""Reading, prompting and completing on a server: only what was approved, as it is listed when the call is made."""

import sys

import pytest

from holdfast.contracts import Blob, Completed, Refused, Resource, Text
from holdfast.sandbox.mcp import UpstreamConfig

from .asking_server import __file__ as server_file

pytestmark = pytest.mark.anyio

APPROVED = ("resource:memo://one", "template:note://{id}/text", "prompt:greet")


@pytest.fixture
async def partly(house):
    """A house in which some of what the server offers is approved."""
    house.upstreams.add(UpstreamConfig(name="evil", command=(sys.executable, server_file)))
    diff = await house.upstreams.refresh("evil")
    await house.upstreams.approve("evil", {key: diff.entry(key).definition.digest for key in APPROVED}, by="tester")
    return house


async def code(house, name, arguments):
    outcome = await house.call(f"evil__{name}", arguments)
    return outcome.reason.code if isinstance(outcome, Refused) else "ran"


async def test_what_was_not_approved_is_not_read_got_or_completed(partly):
    for name, arguments in (
        ("resources__read", {"uri": "memo://three"}),
        ("resources__read", {"uri": "memo://unlisted"}),
        ("resources__read", {"uri": "note://a/b/text"}),
        ("resources__read", {"uri": "note://%2e%2e/text"}),
        ("prompts__get", {"name": "ask-first"}),
        ("completion__complete", {"kind": "prompt", "ref": "ask-first", "argument": "a", "value": ""}),
        ("completion__complete", {"kind": "resource", "ref": "memo://three", "argument": "a", "value": ""}),
    ):
        assert await code(partly, name, arguments) == "upstreams/not-approved", (name, arguments)


async def test_what_was_approved_is_read_got_and_completed(partly):
    read = await partly.call("evil__resources__read", {"uri": "memo://one"})
    noted = await partly.call("evil__resources__read", {"uri": "note://7/text"})
    prompt = await partly.call("evil__prompts__get", {"name": "greet", "arguments": {"who": "Ada"}})
    words = await partly.call(
        "evil__completion__complete", {"kind": "prompt", "ref": "greet", "argument": "who", "value": "A"}
    )

    assert all(isinstance(one, Completed) for one in (read, noted, prompt, words))
    assert isinstance(read.content[0], Resource)
    assert read.content[0].uri == "evil+memo://one"
    assert not isinstance(read.content[0].body, Blob)
    assert noted.content[0].uri == "evil+note://7/text"
    assert [block.text for block in prompt.content if isinstance(block, Text)] == ["hello Ada", "hi"]
    assert prompt.structured == {"description": "not what was approved", "roles": ["user", "assistant"]}
    assert words.structured == {"values": ["Ada"], "total": 1, "hasMore": False}


async def test_a_revoked_resource_is_not_read(partly):
    spec = partly.spec("evil__resources__read")
    await partly.upstreams.revoke("evil", "resource:memo://one")

    outcome = await partly.call("evil__resources__read", {"uri": "memo://one"}, spec=spec)

    assert isinstance(outcome, Refused)
