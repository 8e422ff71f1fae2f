"""Only a host says what the user said, and only a host is shown how a session came by its labels."""

import secrets

import pytest

from holdfast.server.admin import AdminClient

from .callers import Caller
from .server import Server
from .staging import on_stage, tool

pytestmark = pytest.mark.xdist_group("doors")


@pytest.fixture
def name() -> str:
    return f"heard-{secrets.token_hex(6)}"


@pytest.fixture
def agent(server: Server) -> Caller:
    return server.agent(labels=["untrusted"])


def hears(caller: Caller, session: str | None, text: object, **more: object) -> int:
    return caller.post(f"/v1/sessions/{session}/request", {"text": text, **more}).status


def touch(caller: Caller, name: str) -> int:
    return caller.call("shell", {"script": f"echo ran >> {name}"}).status


def test_what_the_user_says_further_on_counts_once(server: Server, agent: Caller, name: str):
    before = touch(agent, name)

    assert hears(server.host, agent.session, f"please run: echo ran >> {name}") == 200

    assert before == 202
    assert touch(agent, name) == 200
    assert touch(agent, name) == 202
    assert (server.workspace / name).read_text() == "ran\n"


def test_no_agent_says_what_the_user_said(server: Server, agent: Caller, other: Caller, name: str):
    said = f"please run: echo ran >> {name}"
    loose = server.caller(agent.name)

    statuses = [hears(caller, agent.session, said) for caller in (agent, other, loose)]
    statuses += [
        agent.post("/v1/sessions", {"user_request": said}).status,
        agent.post(f"/v1/sessions/{agent.session}", {"user_request": said}).status,
        agent.send("PUT", f"/v1/sessions/{agent.session}/request", b"{}").status,
        server.caller("everything-else", "approve call register metrics audit")
        .post(f"/v1/sessions/{agent.session}/request", {"text": said})
        .status,
    ]

    assert set(statuses) <= {403, 404, 405}
    assert touch(agent, name) == 202
    assert not (server.workspace / name).exists()


def test_a_host_speaks_for_users_of_its_own_tenant(server: Server, agent: Caller, name: str):
    admin = AdminClient(server.data / "admin.sock")
    issued = admin.call("tokens.issue", {"sub": "the-host", "scope": ["host"], "tenant": "elsewhere"})
    stranger = Caller(port=server.port, token=issued["token"])

    assert hears(stranger, agent.session, f"echo ran >> {name}") == 404
    assert stranger.get(f"/v1/sessions/{agent.session}").status == 404
    assert hears(server.host, "s_0", "x") == 404
    assert touch(agent, name) == 202


@pytest.mark.parametrize(
    ("text", "status"), [("", 422), ("  \n", 422), (7, 422), ("x" * 65_537, 422), ("é" * 40_000, 413)]
)
def test_what_is_no_turn_of_a_user_is_refused(server: Server, agent: Caller, text: object, status: int):
    assert hears(server.host, agent.session, text) == status


def test_no_field_beside_the_text_is_taken(server: Server, agent: Caller):
    assert hears(server.host, agent.session, "x", labels=[]) == 422


def test_a_host_is_shown_what_taught_a_session_and_the_agent_is_not(server: Server, name: str):
    stage = on_stage(server, "h" + secrets.token_hex(4), effects="read_untrusted")
    server.done("upstreams", "approve", stage.name)
    agent = server.agent()
    reading = f"{stage.name}__say"
    read = agent.call(reading, {"text": "x"})
    (server.workspace / f"{name}.txt").write_text("a letter")
    agent.call("file_read", {"path": f"{name}.txt"})

    path = f"/v1/sessions/{agent.session}"
    flow = server.host.get(path).body["flow"]

    assert [(one["tool"], one["labels"]) for one in flow] == [(reading, ["untrusted"]), ("file_read", ["private"])]
    assert flow[0]["call_id"] == read.body["call_id"]
    assert flow[1]["places"] == [f"file:{name}.txt"]
    assert agent.get(path).body.keys() == {"id", "principal", "labels", "parent", "expires_at"}
    assert "flow" not in agent.get("/v1/sessions").body["sessions"][0]


def test_an_operator_reads_how_a_question_came_about(server: Server, name: str):
    stage = on_stage(server, "h" + secrets.token_hex(4), effects="read_untrusted")
    stage.lists(tool("say"))
    server.done("upstreams", "approve", stage.name)
    agent = server.agent()
    read = agent.call(f"{stage.name}__say", {"text": "x"})
    (server.workspace / f"{name}.sh").write_text("true")
    asked = agent.call("shell", {"script": f"sh {name}.sh\nsh $OTHER"})

    page = server.done("approvals", "show", asked.body["approval"]["id"])

    lines = page.splitlines()
    for line in (
        "  tool shell",
        f"    | sh {name}.sh",
        "    | sh $OTHER",
        f"  {agent.name} of tenant local, call {asked.body['call_id']}",
        "  it holds: untrusted",
        f"    from upstream:{stage.name}:*",
        f"    call {read.body['call_id']}",
        f"  {name}.sh",
    ):
        assert line in lines, (line, page)
    assert f"  untrusted: {stage.name}__say at " in page
    assert "  ask-untrusted-consequence: text from strangers may have prompted this" in page
    assert "could not be told" in page


def test_labels_of_a_place_are_listed_and_cleared_by_the_operator(server: Server, agent: Caller, name: str):
    assert agent.call("file_write", {"path": f"{name}.txt", "content": "x"}).status == 200
    place = f"file:{name}.txt"
    assert f'"{place}"' in server.done("labels", "list", "--space", "file", "--format", "json")
    assert place not in server.done("labels", "list", "--space", "host", "--format", "json")
    reader = server.agent()

    server.done("labels", "clear", place)

    assert place not in server.done("labels", "list", "--format", "json")
    assert server.verb("labels", "clear", place).returncode == 2
    reader.call("file_read", {"path": f"{name}.txt"})
    assert reader.get(f"/v1/sessions/{reader.session}").body["labels"] == ["private"]
    (event,) = [one for one in server.records(30) if one["kind"] == "labels" and one["place"] == place][-1:]
    assert (event["decision"], event["by"]) == ("cleared", "operator")
