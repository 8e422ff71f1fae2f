"""The result of a call becomes an outcome, or a protocol error; nothing unknown gets through."""

import base64
from dataclasses import replace

import pytest

from holdfast.contracts import Blob, Completed, Failed, LimitName, Link, Method, Resource, Stopped, Text
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp.content import Reading, outcome_of

PNG = base64.b64encode(b"\x89PNG").decode()


def outcome(result, limits=UPSTREAM, *, method=Method.TOOL, reach="x+{}".format, prefix="x+"):
    return outcome_of(method, result, Reading(limits=limits, isolation=("mcp",), reach=reach, prefix=prefix))


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


def test_a_result_that_wants_input_is_never_taken_for_an_answer():
    assert isinstance(outcome({"resultType": "input_required", "inputRequests": {}}), Failed)


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


def link(uri):
    return {"content": [{"type": "resource_link", "uri": uri, "name": "n"}]}


@pytest.mark.parametrize(
    "uri",
    ["http://example.com/a", "file:///etc/passwd", "memo://two", "javascript:alert(1)", "HTTP://x", " https://x", ""],
)
def test_a_link_leads_to_a_page_or_to_an_approved_resource(uri):
    taken = outcome(link(uri), reach={"memo://one": "x+memo://one"}.get)

    assert [type(block) for block in taken.content] == [Text]
    assert uri == "" or uri not in taken.content[0].text


def test_a_link_to_an_approved_resource_is_the_served_one():
    reach = {"memo://one": "x+memo://one"}.get

    assert outcome(link("memo://one"), reach=reach).content[0].uri == "x+memo://one"
    assert outcome(link("memo://one"), reach=reach).content[0].served
    assert outcome(link("https://example.com/a"), reach=reach).content[0].uri == "https://example.com/a"
    assert not outcome(link("https://example.com/a"), reach=reach).content[0].served


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "data:text/html,x", "VBScript:x"])
def test_a_document_that_is_here_has_no_name_that_runs(uri):
    result = {"content": [{"type": "resource", "resource": {"uri": uri, "text": "t"}}]}

    assert outcome(result, reach=lambda _uri: None, prefix="").content[0].uri == "holdfast:resource"
    assert outcome(result).content[0].uri == f"x+{uri}"


@pytest.mark.parametrize(
    ("method", "result"),
    [
        (Method.RESOURCE, {}),
        (Method.RESOURCE, {"contents": [{"uri": "a:b"}]}),
        (Method.RESOURCE, {"contents": [{"uri": "a:b", "text": "t", "blob": ""}]}),
        (Method.PROMPT, {"messages": [{"role": "system", "content": {"type": "text", "text": "x"}}]}),
        (Method.PROMPT, {"messages": [{"role": "user", "content": {"type": "unknown"}}]}),
        (Method.COMPLETION, {"completion": {"values": [1]}}),
        (Method.COMPLETION, {"completion": {"values": ["x"] * 101}}),
        (Method.COMPLETION, {}),
    ],
)
def test_an_answer_out_of_shape_is_none(method, result):
    assert isinstance(outcome(result, method=method), Failed)
