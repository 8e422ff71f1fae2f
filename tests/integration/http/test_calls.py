"""`POST /v1/call`: the status says what the result says."""

import json
import socket

import pytest


def test_a_call_answers_a_tool_result(world):
    answer = world.call("echo", arguments={"text": "grüß"})

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    result = answer.json()
    assert result["status"] == "ok"
    assert result["output"] == "grüß"
    assert result["content"] == [{"type": "text", "text": "grüß"}]
    assert set(result) == {
        *("call_id", "tool", "status", "output", "content", "structured", "reason", "findings", "decisions"),
        *("usage", "isolation", "approval", "audit"),
    }


@pytest.mark.parametrize(
    ("tool", "status"), [("deny", 403), ("too-large", 413), ("invalid", 422), ("rate", 429), ("overloaded", 503)]
)
def test_a_denial_is_a_result_with_the_status_of_its_reason(world, tool, status):
    answer = world.call(tool)

    assert answer.status == status
    assert answer.json()["status"] == "denied"
    assert answer.json()["reason"]["message"] == "no"


def test_a_pending_call_is_202_with_its_approval(world):
    answer = world.call("ask")

    assert answer.status == 202
    assert answer.json()["approval"]["forbids"] == ["f"]


def test_a_remedy_is_for_who_may_read_policy(world):
    assert "remedy" not in world.call("deny").json()["reason"]

    reader = world.token("call", "policy:read")
    assert world.call("deny", reader).json()["reason"]["remedy"] == "for operators only"


def test_a_hidden_tool_answers_exactly_like_an_unknown_one(world):
    hidden = world.call("secret")
    unknown = world.call("sekret")

    assert hidden.status == unknown.status == 404
    one, other = hidden.json(), unknown.json()
    assert one.pop("call_id") != other.pop("call_id")
    assert (one.pop("tool"), other.pop("tool")) == ("secret", "sekret")
    assert one == other
    own = ("content-length", "date")
    assert {k: v for k, v in hidden.headers.items() if k not in own} == {
        k: v for k, v in unknown.headers.items() if k not in own
    }
    assert world.call("secret", world.token("call", subject="insider")).status == 200


def test_a_dry_run_has_no_effect(world):
    before = len(world.service.calls)

    answer = world.call("echo", dry_run=True)

    assert answer.json()["output"] == "the call would run"
    assert len(world.service.calls) == before


def test_everything_a_call_names_reaches_the_service(world):
    world.call("echo", session="s1", idempotency_key="k", approval="a", deadline_ms=5)

    call = world.service.calls[-1]
    assert (call.session, call.idempotency_key, call.approval, call.deadline_ms) == ("s1", "k", "a", 5)


def test_a_caller_that_leaves_cancels_its_call(world):
    """The dispatcher is told by cancellation, so that it can record it."""
    world.service.started.clear()
    body = json.dumps({"tool": "slow", "arguments": {}}).encode()
    head = world.head(
        "POST",
        "/v1/call",
        f"Authorization: Bearer {world.token('call')}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    with socket.create_connection(("127.0.0.1", world.port), timeout=30) as connection:
        connection.sendall(head + body)
        assert world.service.started.wait(30)

    assert world.service.cancelled.wait(30)


def test_what_breaks_inside_is_a_constant(world):
    answer = world.call("break")

    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"hunter2" not in answer.body
    assert answer.json()["instance"].startswith("urn:holdfast:request:")


@pytest.mark.parametrize(
    ("body", "pointer", "rule"),
    [
        ({"arguments": {}}, "/tool", "is required"),
        ({"tool": "echo"}, "/arguments", "is required"),
        ({"tool": "echo", "arguments": {}, "aproval": "x"}, "/aproval", "is not a known field"),
        ({"tool": "echo", "arguments": []}, "/arguments", "must be an object"),
        ({"tool": 1, "arguments": {}}, "/tool", "must be a string"),
        ({"tool": "echo", "arguments": {}, "deadline_ms": 0}, "/deadline_ms", "must be 1 or more"),
        ({"tool": "echo", "arguments": {}, "deadline_ms": True}, "/deadline_ms", "must be an integer"),
        ({"tool": "echo", "arguments": {}, "dry_run": "yes"}, "/dry_run", "must be true or false"),
        ({"tool": "echo", "arguments": {}, "a/b~c": 1}, "/a~1b~0c", "is not a known field"),
    ],
)
def test_a_wrong_field_is_named_with_its_rule(world, body, pointer, rule):
    answer = world.send("POST", "/v1/call", body, world.token("call"))

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [{"pointer": pointer, "detail": rule}]


@pytest.mark.parametrize(
    "body",
    [
        b'{"tool": "echo", "tool": "slow", "arguments": {}}',
        b'{"tool": "echo", "arguments": {"x": NaN}}',
        b'{"tool": "echo", "arguments": {"x": Infinity}}',
        b'{"tool": "echo", "arguments": {"x": "\\ud800"}}',
        b'{"tool": "echo", "arguments": {"x": "\xff"}}',
        b"",
        b"not json",
        b'\xef\xbb\xbf{"tool": "echo", "arguments": {}}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_strict_json_is_refused(world, body):
    answer = world.send("POST", "/v1/call", body, world.token("call"))

    assert answer.status == 400
    assert answer.json()["type"] == "urn:holdfast:problem:bad-request"


def test_a_batch_is_refused(world):
    assert world.send("POST", "/v1/call", [{"tool": "echo", "arguments": {}}], world.token("call")).status == 422


def test_a_value_is_never_quoted_in_a_problem(world):
    answer = world.send(
        "POST", "/v1/call", {"tool": {"hunter2": "hunter2"}, "arguments": "hunter2"}, world.token("call")
    )

    assert answer.status == 422
    assert b"hunter2" not in answer.body
