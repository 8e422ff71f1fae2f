"""An approval runs one call, once, for whom it was given. Every other use of it leaves no trace in the file system."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from .callers import Answer, Caller
from .server import Server

pytestmark = pytest.mark.xdist_group("doors")


@pytest.fixture
def name() -> str:
    return f"approved-{secrets.token_hex(6)}"


@pytest.fixture
def agent(server: Server) -> Caller:
    """An agent that has read a stranger's text, so that running a program asks."""
    return server.agent(labels=["untrusted"])


@pytest.fixture
def other(server: Server) -> Caller:
    return server.agent(labels=["untrusted"])


def touch(name: str) -> dict[str, object]:
    return {"script": f"echo ran >> {name}"}


def runs(server: Server, name: str) -> int:
    """How often `touch(name)` has run."""
    path = server.workspace / name
    return len(path.read_text().splitlines()) if path.exists() else 0


def refused(answer: Answer) -> bool:
    return answer.status == 403 and answer.body["status"] == "denied"


def test_a_call_that_needs_approval_waits_and_the_approved_one_runs(server: Server, agent: Caller, name: str):
    approval = server.approved(agent, "shell", touch(name))
    assert runs(server, name) == 0

    answer = agent.call("shell", touch(name), approval=approval)

    assert answer.body["status"] == "ok"
    assert runs(server, name) == 1


def test_an_approval_is_spent_once(server: Server, name: str):
    """By a session that has nothing more to learn: that it had learned something would be another reason."""
    agent = server.agent(labels=["private", "untrusted"])
    approval = server.approved(agent, "shell", touch(name))
    agent.call("shell", touch(name), approval=approval)

    again = [agent.call("shell", touch(name), approval=approval) for _ in range(3)]

    assert all(refused(answer) for answer in again)
    assert runs(server, name) == 1


def test_of_many_that_spend_an_approval_at_once_one_runs(server: Server, name: str):
    agent = server.agent(labels=["private", "untrusted"])
    approval = server.approved(agent, "shell", touch(name))

    with ThreadPoolExecutor(12) as many:
        answers = list(many.map(lambda _: agent.call("shell", touch(name), approval=approval), range(24)))

    assert sum(answer.body["status"] == "ok" for answer in answers) == 1
    assert runs(server, name) == 1


OTHERS = {
    "another command": {"script": "echo ran >> NAME.other"},
    "more of it": {"script": "echo ran >> NAME; echo ran >> NAME.other"},
    "another folder": {"script": "echo ran >> NAME", "cwd": "."},
    "another way to say it": {"argv": ["/bin/sh", "-c", "echo ran >> NAME"]},
    "a space more": {"script": "echo ran >> NAME "},
    "a character that does not show": {"script": "echo ran >> NAME\u200b"},
    "a time more": {"script": "echo ran >> NAME", "timeout_ms": 60000},
}


@pytest.mark.parametrize("other", OTHERS)
def test_an_approval_is_not_spent_on_other_arguments(server: Server, agent: Caller, name: str, other: str):
    """What is refused must not have spent it either: afterwards the call it was given for runs."""
    approval = server.approved(agent, "shell", touch(name))
    arguments = json.loads(json.dumps(OTHERS[other]).replace("NAME", name))

    answer = agent.call("shell", arguments, approval=approval)
    meanwhile = runs(server, name), runs(server, f"{name}.other")
    meant = agent.call("shell", touch(name), approval=approval)

    assert refused(answer)
    assert meanwhile == (0, 0)
    assert meant.body["status"] == "ok"
    assert runs(server, name) == 1


def test_an_approval_is_not_spent_on_another_tool(server: Server, agent: Caller, name: str):
    (server.workspace / ".env").write_text("x")
    reading = {"path": ".env"}
    approval = server.approved(agent, "file_read", reading)

    assert refused(agent.call("file_write", {"path": ".env", "content": "owned"}, approval=approval))
    assert refused(agent.call("shell", touch(name), approval=approval))
    assert (server.workspace / ".env").read_text() == "x"
    assert runs(server, name) == 0


def test_an_approval_is_not_spent_by_another_principal(server: Server, agent: Caller, other: Caller, name: str):
    approval = server.approved(agent, "shell", touch(name))

    assert refused(other.call("shell", touch(name), approval=approval))
    assert runs(server, name) == 0


def test_an_approval_is_not_spent_in_another_session(server: Server, name: str):
    """The same agent, in another conversation."""
    here = server.agent(f"twice-{name}", labels=["untrusted"])
    there = server.agent(f"twice-{name}", labels=["untrusted"])
    approval = server.approved(here, "shell", touch(name))

    assert refused(there.call("shell", touch(name), approval=approval))
    assert refused(there.call("shell", touch(name), approval=approval, session=here.session))
    assert runs(server, name) == 0


def test_an_approval_is_void_once_the_session_has_read_something(server: Server, agent: Caller, name: str):
    (server.workspace / "letter.txt").write_text("private")
    approval = server.approved(agent, "shell", touch(name))
    assert agent.call("file_read", {"path": "letter.txt"}).status == 200

    assert refused(agent.call("shell", touch(name), approval=approval))
    assert runs(server, name) == 0


def test_an_approval_that_was_denied_or_never_answered_runs_nothing(server: Server, agent: Caller, name: str):
    asked = agent.call("shell", touch(name)).body["approval"]["id"]
    waiting = agent.call("shell", touch(name), approval=asked)
    server.done("approvals", "deny", asked)
    denied = agent.call("shell", touch(name), approval=asked)

    assert refused(waiting)
    assert refused(denied)
    assert server.verb("approvals", "approve", asked).returncode != 0
    assert refused(agent.call("shell", touch(name), approval=asked))
    assert runs(server, name) == 0


GUESSES = ["*", "%", "' OR '1'='1", "a", "operator", "true", "null", "approved", "0", "\u200b"]


def test_an_approval_is_not_guessed(server: Server, agent: Caller, name: str):
    server.approved(agent, "shell", touch(name))

    answers = [agent.call("shell", touch(name), approval=guess) for guess in GUESSES]

    assert all(refused(answer) for answer in answers)
    assert runs(server, name) == 0


FIELDS = {
    "approved": True,
    "approval_id": "x",
    "decision": "approve",
    "forbids": [],
    "principal": "operator",
    "profile": "autonomous",
    "scopes": ["approve", "call"],
    "caller": "operator",
    "policy": "off",
    "confirm": True,
    "_meta": {"dev.holdfast/approval": "x"},
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_the_call_approves_nothing(server: Server, agent: Caller, name: str, field: str):
    beside = agent.post("/v1/call", {"tool": "shell", "arguments": touch(name), field: FIELDS[field]})
    inside = agent.call("shell", {**touch(name), field: FIELDS[field]})

    assert beside.status == 422
    assert inside.status == 422
    assert runs(server, name) == 0


HEADERS = {
    "X_Holdfast_Approval": "approved",
    "X_Approved_By": "operator",
    "X_Forwarded_User": "operator",
    "X_Remote_User": "operator",
    "Remote_User": "operator",
    "X_Forwarded_For": "127.0.0.1",
    "Forwarded": "for=127.0.0.1;by=operator",
    "X_Holdfast_Principal": "operator",
    "X_Holdfast_Profile": "autonomous",
    "Cookie": "principal=operator; approved=1",
    "X_Original_URL": "/v1/approvals",
    "Prefer": "respond-async, approve",
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_of_the_call_approves_nothing(server: Server, agent: Caller, name: str, header: str):
    answer = agent.post("/v1/call", {"tool": "shell", "arguments": touch(name)}, **{header: HEADERS[header]})

    assert answer.status == 202
    assert runs(server, name) == 0


def test_a_dry_run_neither_runs_nor_spends(server: Server, agent: Caller, name: str):
    approval = server.approved(agent, "shell", touch(name))

    agent.call("shell", touch(name), approval=approval, dry_run=True)

    assert runs(server, name) == 0
    assert agent.call("shell", touch(name), approval=approval).body["status"] == "ok"
    assert runs(server, name) == 1


def test_an_idempotency_key_runs_an_approved_call_once(server: Server, agent: Caller, name: str):
    approval = server.approved(agent, "shell", touch(name))
    key = f"key-{name}"

    answers = [agent.call("shell", touch(name), approval=approval, idempotency_key=key) for _ in range(3)]

    assert [answer.body["status"] for answer in answers] == ["ok"] * 3
    assert len({answer.body["call_id"] for answer in answers}) == 1
    assert runs(server, name) == 1


def asks(caller: Caller, name: str, count: int) -> list[Answer]:
    """The answers to *count* different calls that ask."""
    return [caller.call("shell", {"script": f"echo ran >> {name}; : {number}"}) for number in range(count)]


def test_a_conversation_asks_nine_times_and_then_nobody_is_asked(server: Server, agent: Caller, name: str):
    answers = asks(agent, name, 14)

    assert [answer.status for answer in answers] == [202] * 9 + [403] * 5
    assert {answer.code for answer in answers[9:]} == {"approvals/closed"}
    assert runs(server, name) == 0


def test_a_principal_cannot_have_more_waiting_than_anybody_would_read(server: Server, name: str):
    """New conversations do not help."""
    answers = [answer for _ in range(4) for answer in asks(server.agent(name, labels=["untrusted"]), name, 7)]

    assert [answer.status for answer in answers].count(202) == 20
    assert {answer.code for answer in answers if answer.status != 202} == {"admit/approvals"}
    assert runs(server, name) == 0


def test_a_call_that_was_denied_is_not_asked_again(server: Server, agent: Caller, name: str):
    server.done("approvals", "deny", agent.call("shell", touch(name)).body["approval"]["id"])

    again = agent.call("shell", touch(name))

    assert refused(again)
    assert again.code == "approvals/closed"


def test_three_times_no_closes_a_conversation_until_the_operator_opens_it(server: Server, agent: Caller, name: str):
    for answer in asks(agent, name, 3):
        server.done("approvals", "deny", answer.body["approval"]["id"])
    closed = agent.call("shell", touch(name))

    server.done("approvals", "reopen", agent.name)

    assert refused(closed)
    assert closed.code == "approvals/closed"
    assert agent.call("shell", touch(name)).status == 202
    assert runs(server, name) == 0


def test_the_same_question_while_it_waits_is_one_question(server: Server, agent: Caller, name: str):
    assert len({agent.call("shell", touch(name)).body["approval"]["id"] for _ in range(12)}) == 1


def test_nobody_answers_an_approval_over_http_unless_the_operator_set_it_up(server: Server, agent: Caller, name: str):
    approver = server.caller("approver", "approve")
    asked = agent.call("shell", touch(name)).body["approval"]["id"]

    answers = [
        caller.post(f"/v1/approvals/{asked}", {"decision": "approve"})
        for caller in (agent, approver, server.caller(agent.name, "approve call host"))
    ]

    assert [answer.status for answer in answers] == [403] * 3
    assert refused(agent.call("shell", touch(name), approval=asked))
    assert runs(server, name) == 0
