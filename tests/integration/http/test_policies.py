"""What policy was asked is read page by page, by whoever may, and of one's own tenant alone."""

import json
from collections.abc import Iterator

import pytest

from holdfast.server.store import DecisionInputs, RecordedInput

from .conftest import World, running

DEFINITION = "blake3:" + "1" * 64


@pytest.fixture
def recorded(world: World) -> list[str]:
    """Ten calls of which seven are of the tenant `acme`; every two came at the same time."""
    inputs = DecisionInputs(world.store, key=b"k" * 32)
    rows = [
        RecordedInput(
            call_id=f"c_{number:024x}",
            at=1000.5 + number // 2,
            definition=DEFINITION,
            said={"input": {"tenant": "other" if number % 4 == 1 else "acme", "n": number}, "decision": "allow"},
        )
        for number in range(10)
    ]
    world.do(inputs.keep([*rows, *_unkept()], {DEFINITION: {"name": "echo"}}))
    return [row.call_id for row in rows if row.said["input"]["tenant"] == "acme"]


def _unkept() -> Iterator[RecordedInput]:
    """One whose arguments could not be kept, so that nobody can tell whose it is."""
    yield RecordedInput(call_id="c_" + "f" * 24, at=1003.0, definition=DEFINITION, said={"input": None})


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_pages_follow_each_other_and_show_the_callers_tenant_alone(world: World, recorded: list[str], limit: int):
    token = world.token("policy:read", subject="reviewer")
    found, after = [], ""
    for _ in range(20):
        page = world.send("GET", f"/v1/policies/inputs?since=1000&limit={limit}{after}", None, token).json()
        found += page["inputs"]
        assert set(page["tools"]) == ({DEFINITION} if page["inputs"] else set())
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert [one["call_id"] for one in found] == recorded
    later = world.send("GET", "/v1/policies/inputs?since=1004", None, token).json()["inputs"]
    assert [one["call_id"] for one in later] == recorded[-1:]


def test_rows_that_do_not_open_are_counted(world: World, recorded: list[str]):
    world.do(DecisionInputs(world.store, key=b"x" * 32).keep([_of_another_key()], {}))

    page = world.send("GET", "/v1/policies/inputs?since=1000", None, world.token("policy:read")).json()

    assert (len(page["inputs"]), page["unopened"]) == (len(recorded), 1)


def _of_another_key() -> RecordedInput:
    said = {"input": {"tenant": "acme"}, "decision": "allow"}
    return RecordedInput(call_id="c_" + "e" * 24, at=1003.5, definition=DEFINITION, said=said)


@pytest.mark.parametrize("path", ["/v1/policies/inputs", "/v1/policies/tools"])
def test_who_may_not_read_policy_sees_nothing_of_it(world: World, recorded: list[str], path: str):
    assert recorded
    refused = world.send("GET", path, None, world.token("call", "audit", "approve", "host", "register", "metrics"))

    assert refused.status == 403
    assert b"c_0" not in refused.body
    assert b"echo" not in refused.body


def test_tools_are_shown_as_policy_sees_them(world: World):
    shown = world.send("GET", "/v1/policies/tools", None, world.token("policy:read")).json()

    assert [(one["name"], one["effects"], one["server"]) for one in shown["tools"]] == [("echo", [], "")]
    assert shown["tools"][0]["inputSchema"]["properties"] == {"text": {"type": "string"}}


@pytest.mark.parametrize(
    "wrong", ["after=x", "after=1.5~c_1", "since=-1", "since=nan", "limit=0", "limit=501", "who=me"]
)
def test_a_query_that_is_none_is_refused(world: World, wrong: str):
    assert world.send("GET", f"/v1/policies/inputs?{wrong}", None, world.token("policy:read")).status == 422


def test_arguments_of_calls_are_shown_over_http_only_where_the_operator_opened_it(tmp_path_factory):
    world = running(tmp_path_factory.mktemp("closed"), admin_http=False)
    closed = next(world)
    try:
        refused = closed.send("GET", "/v1/policies/inputs", None, closed.token("policy:read"))
        assert refused.status == 403
        assert "are not shown over HTTP here" in json.loads(refused.body)["detail"]
        assert closed.send("GET", "/v1/policies/tools", None, closed.token("policy:read")).status == 200
    finally:
        closed.loop.call_soon_threadsafe(closed.stop.set)
        next(world, None)
