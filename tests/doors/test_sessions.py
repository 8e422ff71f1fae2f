"""What a session has read stays with it, whichever way the words came: nothing is sent on unasked."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .callers import Caller
from .conftest import GRANTS
from .server import Server, serving
from .watching import Listener, until

pytestmark = pytest.mark.xdist_group("doors")


@pytest.fixture
def letter(server: Server) -> str:
    (server.workspace / "letter.txt").write_text("a private letter")
    return "letter.txt"


def labels(caller: Caller) -> list[str]:
    return caller.get(f"/v1/sessions/{caller.session}").body["labels"]


def sends(caller: Caller, granted: Listener) -> bool:
    """Whether a request of *caller* reaches the granted place unasked."""
    before = granted.connections
    caller.call("http_fetch", {"url": f"http://127.0.0.1:{granted.port}/"})
    return granted.connections != before


def test_a_fresh_session_sends_and_one_that_has_read_does_not(
    agent: Caller, other: Caller, granted: Listener, letter: str
):
    other.call("file_read", {"path": letter})

    assert sends(agent, granted)
    assert not sends(other, granted)


def test_an_answer_given_again_under_its_key_is_read_as_well(server: Server, granted: Listener, letter: str):
    """A second conversation of the same agent, with the key of the first, would else get clean words."""
    first, second = server.agent("twin-reader"), server.agent("twin-reader")
    asked = {"path": letter}
    key = f"key-{first.session}"
    read = first.call("file_read", asked, idempotency_key=key)

    again = second.call("file_read", asked, idempotency_key=key)

    assert again.body["call_id"] == read.body["call_id"]
    assert "private" in labels(second)
    assert not sends(second, granted)


def test_a_refused_or_failed_reading_teaches_as_much(server: Server, agent: Caller, granted: Listener):
    """An error of a tool that reads is words from the same place."""
    agent.call("file_read", {"path": "there-is-no-such-file.txt"})

    assert "private" in labels(agent)


def test_a_conversation_below_another_teaches_it(server: Server, granted: Listener, letter: str):
    parent = server.agent("parent")
    minted = server.host.post("/v1/sessions", {"principal": "child", "parent": parent.session, "ttl_s": 3600}).body
    child = Caller(port=server.port, token=minted["token"], name="child", session=minted["id"])

    child.call("file_read", {"path": letter})

    assert "private" in labels(parent)
    assert not sends(parent, granted)


def test_an_agent_without_a_host_has_one_session_and_opens_no_clean_one(server: Server, granted: Listener, letter: str):
    lone = server.caller("lone")
    again = server.caller("lone")
    lone.call("file_read", {"path": letter})

    assert not sends(lone, granted)
    assert not sends(again, granted)
    assert lone.post("/v1/sessions", {}).status == 403
    assert lone.call("echo", {"text": "x"}, session="clean").status == 403


def test_an_operator_clears_a_default_session_and_the_record_says_so(server: Server, granted: Listener, letter: str):
    lone = server.caller("cleared")
    lone.call("file_read", {"path": letter})
    assert not sends(lone, granted)
    rows = [
        row for row in json.loads(server.done("sessions", "list", "--format", "json")) if row["principal"] == "cleared"
    ]
    assert [(row["kind"], row["labels"]) for row in rows] == [("default", ["private"])]

    server.done("sessions", "clear", "cleared")

    assert sends(lone, granted)
    record = next(one for one in server.records() if one["kind"] == "session")
    assert (record["decision"], record["principal"], record["by"]) == ("cleared", "cleared", "operator")
    assert record["labels"] == ["private"]
    assert server.verb("sessions", "clear", "nobody-ever").returncode == 2


def test_what_was_under_way_when_a_session_was_cleared_teaches_the_new_one(granted: Listener, tmp_path: Path):
    """Its answer ends up in front of the model. The house is its own: nobody has written in its workspace."""
    with serving(tmp_path, GRANTS.replace("PORT", str(granted.port))) as server:
        lone = server.caller("in-the-middle")
        lone.call("echo", {"text": "there is a session"})
        with ThreadPoolExecutor(1) as pool:
            script = "touch begun; until test -e go-on; do sleep 0.05; done"
            asked = pool.submit(lone.call, "shell", {"script": script})
            until((server.workspace / "begun").exists, "a command under way")
            server.done("sessions", "clear", "in-the-middle")
            (server.workspace / "go-on").touch()
            assert asked.result().status == 200

        assert not sends(lone, granted)
