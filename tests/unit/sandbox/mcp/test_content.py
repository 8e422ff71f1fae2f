"""The result of a call becomes an outcome, or a protocol error; nothing unknown gets through."""

import base64
from dataclasses import replace

import pytest

from holdfast.contracts import Blob, Completed, Failed, LimitName, Link, Refused, Resource, Stopped, Text
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp.content import outcome_of

PNG = base64.b64encode(b"\x89PNG").decode()


def outcome(result, limits=UPSTREAM):
    return outcome_of(result, limits, ("mcp",))


def test_every_kind_of_content_is_taken():
    result = {
        "content": [
            {"type": "text", "text": "a"},
            {"type": "image", "data": PNG, "mimeType": "image/png"},
            {"type": "audio", "data": PNG, "mimeType": "audio/wav"},
            {"type": "resource_link", "uri": "file:///a", "name": "a", "description": "d"},
            {"type": "resource", "resource": {"uri": "file:///b", "text": "t"}},
            {"type": "resource", "resource": {"uri": "file:///c", "blob": PNG}},
        ],
        "structuredContent": {"n": 1},
        "isError": True,
    }

    taken = outcome(result)

    assert isinstance(taken, Completed)
    assert [type(block) for block in taken.content] == [Text, Blob, Blob, Link, Resource, Resource]
    assert taken.structured == {"n": 1}
    assert taken.is_error


@pytest.mark.parametrize(
    "block",
    [
        7,
        {},
        {"type": "weird"},
        {"type": "text"},
        {"type": "text", "text": 7},
        {"type": "image", "data": "not base64!", "mimeType": "image/png"},
        {"type": "image", "data": PNG, "mimeType": "audio/wav"},
        {"type": "image", "data": PNG, "mimeType": "image/png\r\nx: y"},
        {"type": "image", "data": PNG},
        {"type": "resource", "resource": {"uri": "x", "text": "a", "blob": PNG}},
        {"type": "resource", "resource": {"uri": "x"}},
        {"type": "resource", "resource": 7},
        {"type": "resource_link", "uri": "x" * 9_000, "name": "a"},
        {"type": "resource_link", "uri": "x"},
    ],
)
def test_a_block_out_of_shape_is_a_protocol_error(block):
    taken = outcome({"content": [block]})

    assert isinstance(taken, Failed)
    assert taken.code == "upstreams/protocol"


@pytest.mark.parametrize("result", [{"content": 7}, {"content": [], "isError": "no"}, {"resultType": "task"}])
def test_a_result_out_of_shape_is_a_protocol_error(result):
    assert isinstance(outcome(result), Failed)


def test_a_result_that_wants_input_is_refused():
    assert isinstance(outcome({"resultType": "input_required", "inputRequests": {}}), Refused)


@pytest.mark.parametrize(
    "result",
    [
        {"content": [{"type": "text", "text": "x" * 600}, {"type": "text", "text": "x" * 600}]},
        {"content": [{"type": "text", "text": "ä" * 600}]},
        {"content": [{"type": "image", "data": base64.b64encode(b"x" * 1_200).decode(), "mimeType": "image/png"}]},
        {"content": [], "structuredContent": {"a": "x" * 1_200}},
    ],
)
def test_more_than_is_kept_stops_the_call(result):
    taken = outcome(result, replace(UPSTREAM, total_output_bytes=1_000))

    assert isinstance(taken, Stopped)
    assert taken.limit is LimitName.OUTPUT
