"""An approval runs one call, once, for whom it was given. Every other use of it leaves no trace in the file system."""

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .callers import Answer, Caller
from .server import Server, serving

pytestmark = pytest.mark.xdist_group("doors")


@pytest.fixture
def name() -> str:
    return f"approved-{secrets.token_hex(6)}"


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
    here = server.agent(f"twice-{name}")
    there = server.agent(f"twice-{name}")
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


def test_a_principal_cannot_have_more_waiting_than_anybody_would_read(server: Server, agent: Caller, name: str):
    answers = [agent.call("shell", {"script": f"echo ran >> {name}; : {number}"}) for number in range(60)]

    assert [answer.status for answer in answers].count(202) == 50
    assert {answer.code for answer in answers if answer.status != 202} == {"admit/approvals"}
    assert runs(server, name) == 0


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


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose operator lets approvals be answered over HTTP."""
    with serving(tmp_path_factory.mktemp("open"), "\n[limits]\nburst = 100\n", admin_http=True) as one:
        yield one


def test_a_caller_does_not_answer_its_own_approval_where_others_may(open_server: Server, name: str):
    caller = open_server.caller("both", "approve call host")
    asked = caller.call("shell", touch(name)).body["approval"]["id"]
    again = open_server.caller("both", "approve")

    answers = [one.post(f"/v1/approvals/{asked}", {"decision": "approve"}) for one in (caller, again)]

    assert [answer.status for answer in answers] == [403, 403]
    assert refused(caller.call("shell", touch(name), approval=asked))
    assert runs(open_server, name) == 0


def test_somebody_else_answers_it_there_for_exactly_that_call(open_server: Server, name: str):
    agent, approver = open_server.agent(), open_server.caller("boss", "approve")
    asked = agent.call("shell", touch(name)).body["approval"]["id"]

    assert agent.post(f"/v1/approvals/{asked}", {"decision": "approve"}).status == 403
    assert approver.post(f"/v1/approvals/{asked}", {"decision": "approve"}).status == 200
    assert refused(agent.call("shell", touch(f"{name}.other"), approval=asked))
    assert agent.call("shell", touch(name), approval=asked).body["status"] == "ok"
    assert (runs(open_server, name), runs(open_server, f"{name}.other")) == (1, 0)


def test_arguments_that_an_approver_changed_are_the_ones_that_run(open_server: Server, name: str):
    agent, approver = open_server.agent(), open_server.caller("editor", "approve")
    asked = agent.call("shell", touch(name)).body["approval"]["id"]
    edited = {"decision": "approve", "arguments": touch(f"{name}.safe")}
    assert approver.post(f"/v1/approvals/{asked}", edited).status == 200

    assert refused(agent.call("shell", touch(name), approval=asked))
    assert agent.call("shell", touch(f"{name}.safe"), approval=asked).body["status"] == "ok"
    assert (runs(open_server, name), runs(open_server, f"{name}.safe")) == (0, 1)
