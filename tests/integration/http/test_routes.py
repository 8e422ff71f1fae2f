"""The other routes: what they show, to whom, and what they take."""

import base64
import http.client
import json

import pytest

MODULE = b"\x00asm\x01\x00\x00\x00"


def test_tools_are_listed_in_each_form(world):
    token = world.token("call")

    def first(form):
        return next(
            tool
            for tool in world.send("GET", f"/v1/tools{form}", None, token).json()["tools"]
            if "echo" in json.dumps(tool)
        )

    assert first("")["digest"].startswith("blake3:")
    assert first("")["effects"] == []
    assert first("?format=mcp")["annotations"] == {
        "readOnlyHint": True,
        "destructiveHint": False,
        "openWorldHint": False,
    }
    assert set(first("?format=anthropic")) == {"name", "description", "input_schema"}
    assert first("?format=openai")["function"]["parameters"]["type"] == "object"


@pytest.mark.parametrize("query", ["format=xml", "fromat=mcp", "format=mcp&format=openai", "x="])
def test_an_unknown_form_or_parameter_is_refused(world, query):
    assert world.send("GET", f"/v1/tools?{query}", None, world.token("call")).status == 422


def test_a_hidden_tool_is_not_shown(world):
    token = world.token("call")

    hidden = world.send("GET", "/v1/tools/secret", None, token)
    unknown = world.send("GET", "/v1/tools/sekret", None, token)

    assert hidden.status == unknown.status == 404
    assert hidden.body == unknown.body
    assert world.send("GET", "/v1/tools/secret", None, world.token("call", subject="insider")).status == 200


def test_a_text_is_scanned_and_cleaned_on_request(world):
    token = world.token("call")

    plain = world.send("POST", "/v1/scan", {"text": "my hunter2"}, token).json()
    cleaned = world.send("POST", "/v1/scan", {"text": "my hunter2", "clean": True, "direction": "in"}, token).json()

    assert plain["findings"][0]["where"] == "output"
    assert "text" not in plain
    assert cleaned["findings"][0]["where"] == "arguments"
    assert cleaned["text"] == "my [redacted]"


def test_a_tool_is_registered_as_json(world):
    body = {"manifest": "[tool]\n", "module": base64.b64encode(MODULE).decode()}

    answer = world.send("POST", "/v1/tools", body, world.token("register"))

    assert answer.status == 201
    assert answer.json()["state"] == "pending"


def test_a_tool_is_registered_as_source_text_and_the_manifest_comes_back(world):
    body = {"source": "def f(x: int) -> int:\n    return x\n", "file": "f.py", "manifest": "# mine"}

    answer = world.send("POST", "/v1/tools", body, world.token("register"))

    assert answer.status == 201
    assert answer.json()["manifest"] == "[tool]\n# mine"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"source": "x"}, "/file"),
        ({"source": "x", "file": "../f.py"}, "/file"),
        ({"source": "", "file": "f.py"}, "/source"),
        ({"source": "x", "file": "f.py", "module": "AA=="}, "/module"),
        ({"file": "f.py"}, "/manifest"),
    ],
)
def test_source_text_comes_with_its_file_name_and_nothing_of_a_module(world, body, pointer):
    answer = world.send("POST", "/v1/tools", body, world.token("register"))

    assert answer.status == 422
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


def _form(*parts):
    pieces = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + data + b"\r\n"
        for name, extra, data in parts
    ]
    return b"".join(pieces) + b"--b--\r\n"


MANIFEST_PART = ("manifest", "", b"[tool]\n")
MODULE_PART = ("module", '; filename="t.wasm"', MODULE)


def test_a_tool_is_registered_as_a_form(world):
    answer = world.send(
        "POST",
        "/v1/tools",
        _form(MANIFEST_PART, MODULE_PART),
        world.token("register"),
        Content_Type="multipart/form-data; boundary=b",
    )

    assert answer.status == 201


def test_a_signature_travels_with_a_tool_in_either_form(world):
    body = {"manifest": "[tool]\n", "module": base64.b64encode(MODULE).decode(), "signature": "a line"}
    form = _form(MANIFEST_PART, MODULE_PART, ("signature", "", b"a line"))
    twice = _form(MANIFEST_PART, MODULE_PART, ("signature", "", b"a"), ("signature", "", b"b"))
    kind = {"Content_Type": "multipart/form-data; boundary=b"}
    token = world.token("register")

    assert world.send("POST", "/v1/tools", body, token).json()["signer"] == "a line"
    assert world.send("POST", "/v1/tools", form, token, **kind).json()["signer"] == "a line"
    assert world.send("POST", "/v1/tools", twice, token, **kind).status in (400, 422)


def test_a_source_is_removed_only_by_itself(world):
    token = world.token("register")

    assert world.send("DELETE", "/v1/tools?source=alice", None, token).json() == {"removed": ["t"]}
    assert world.send("DELETE", "/v1/tools?source=bob", None, token).status == 403
    assert [world.send("DELETE", f"/v1/tools{query}", None, token).status for query in ("", "?source=", "?who=x")] == [
        422
    ] * 3


@pytest.mark.parametrize("kind", ["json", "form"])
def test_a_tool_that_arrives_slowly_arrives_whole(world, kind):
    """Whoever watches for a client that leaves must not eat what it still sends."""
    if kind == "json":
        sent = json.dumps({"manifest": "[tool]\n", "module": base64.b64encode(MODULE).decode()}).encode()
        content = "application/json"
    else:
        sent, content = _form(MANIFEST_PART, MODULE_PART), "multipart/form-data; boundary=b"
    others = []

    def pieces():
        for start in range(0, len(sent), 8):
            yield sent[start : start + 8]
            others.append([world.send("GET", "/healthz").status for _ in range(10)])  # takes its time

    connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {world.token('register')}", "Content-Type": content}
        connection.request("POST", "/v1/tools", pieces(), headers, encode_chunked=True)
        assert connection.getresponse().status == 201
    finally:
        connection.close()


@pytest.mark.parametrize(
    "parts",
    [
        [MANIFEST_PART],
        [MODULE_PART],
        [MANIFEST_PART, ("module", "", MODULE)],
        [MANIFEST_PART, MODULE_PART, MODULE_PART],
        [MANIFEST_PART, MANIFEST_PART, MODULE_PART],
        [("other", "", b"x"), MODULE_PART],
        [],
    ],
)
def test_another_form_is_refused(world, parts):
    answer = world.send(
        "POST",
        "/v1/tools",
        _form(*parts),
        world.token("register"),
        Content_Type="multipart/form-data; boundary=b",
    )

    assert answer.status in (400, 422)


@pytest.mark.parametrize(
    "body",
    [
        {"manifest": "x", "module": "AAAA"},
        {"manifest": "[tool]", "module": "!"},
        {"manifest": "[tool]", "module": "AAA"},
        {"manifest": "[tool]", "module": "AAAA"},
        {"manifest": "[tool]"},
    ],
)
def test_a_tool_that_is_refused_says_why(world, body):
    answer = world.send("POST", "/v1/tools", body, world.token("register"))

    assert answer.status == 422
    assert answer.json()["detail"]


def test_an_approver_decides_and_the_caller_sees_it(world):
    waiting = world.ask_approval()
    approver = world.token("approve", subject="carol")

    listed = world.send("GET", "/v1/approvals?state=pending", None, approver).json()["approvals"]
    assert waiting.id in {one["id"] for one in listed}
    decided = world.send("POST", f"/v1/approvals/{waiting.id}", {"decision": "approve", "note": "fine"}, approver)
    assert decided.status == 200
    assert decided.json()["state"] == "approved"
    assert decided.json()["flow"][0]["places"] == ["file:a"]
    assert decided.json()["reasons"].keys() == {"no-dotenv"}
    own = world.send("GET", f"/v1/approvals/{waiting.id}", None, world.token("call"))
    assert own.json()["state"] == "approved"
    assert set(own.json()) == {
        *("id", "call_id", "tool", "principal", "session", "arguments", "digest", "forbids", "labels", "level"),
        *("created_at", "expires_at", "state"),
    }


def test_nobody_decides_on_a_call_of_their_own(world):
    waiting = world.ask_approval(subject="carol")

    answer = world.send(
        "POST", f"/v1/approvals/{waiting.id}", {"decision": "approve"}, world.token("approve", subject="carol")
    )

    assert answer.status == 403
    assert world.do(world.approvals.get(waiting.id)).state == "pending"


def test_an_approval_is_decided_once(world):
    waiting = world.ask_approval()
    approver = world.token("approve", subject="carol")
    world.send("POST", f"/v1/approvals/{waiting.id}", {"decision": "deny"}, approver)

    again = world.send("POST", f"/v1/approvals/{waiting.id}", {"decision": "approve"}, approver)

    assert again.status == 409
    assert world.do(world.approvals.get(waiting.id)).state == "denied"


def test_another_tenants_approval_does_not_exist(world):
    waiting = world.ask_approval(tenant="other")
    approver = world.token("approve", "call", subject="carol")

    assert world.send("POST", f"/v1/approvals/{waiting.id}", {"decision": "approve"}, approver).status == 404
    shown = world.send("GET", f"/v1/approvals/{waiting.id}", None, approver)
    unknown = world.send("GET", "/v1/approvals/nothing", None, approver)
    assert shown.status == unknown.status == 404
    assert shown.body == unknown.body
    listed = world.send("GET", "/v1/approvals", None, approver).json()["approvals"]
    assert waiting.id not in {one["id"] for one in listed}


def test_another_principals_approval_is_not_shown_to_a_caller(world):
    waiting = world.ask_approval(subject="dave")

    assert world.send("GET", f"/v1/approvals/{waiting.id}", None, world.token("call")).status == 404


def test_without_admin_http_nobody_decides_but_a_caller_still_sees_its_own(closed_world):
    waiting = closed_world.ask_approval()
    approver = closed_world.token("approve", subject="carol")

    decided = closed_world.send("POST", f"/v1/approvals/{waiting.id}", {"decision": "approve"}, approver)

    assert decided.status == 403
    assert "admin_http" in decided.json()["remedy"]
    assert closed_world.send("GET", "/v1/approvals", None, approver).status == 403
    assert closed_world.send("GET", f"/v1/approvals/{waiting.id}", None, approver).status == 404
    assert closed_world.send("GET", f"/v1/approvals/{waiting.id}", None, closed_world.token("call")).status == 200


def test_a_host_opens_a_session_for_an_agent_with_a_token_that_can_only_call(world):
    host = world.token("host", subject="host")

    minted = world.send("POST", "/v1/sessions", {"principal": "agent", "labels": ["private"], "ttl_s": 60}, host)

    assert minted.status == 201
    token = minted.json()["token"]
    assert world.call("echo", token).status == 200
    assert world.send("POST", "/v1/sessions", {}, token).status == 403
    shown = world.send("GET", f"/v1/sessions/{minted.json()['id']}", None, token).json()
    assert (shown["principal"], shown["labels"]) == ("agent", ["private"])


def test_a_session_of_ones_own_comes_without_a_token(world):
    minted = world.send("POST", "/v1/sessions", {}, world.token("host", subject="host"))

    assert set(minted.json()) == {"id", "expires_at"}


def test_anothers_session_does_not_exist(world):
    minted = world.send("POST", "/v1/sessions", {"principal": "agent"}, world.token("host", subject="host")).json()

    assert world.send("GET", f"/v1/sessions/{minted['id']}", None, world.token("call")).status == 404
    elsewhere = world.token("host", subject="host", tenant="other")
    assert world.send("GET", f"/v1/sessions/{minted['id']}", None, elsewhere).status == 404
    assert world.send("POST", "/v1/sessions", {"parent": minted["id"]}, elsewhere).status == 404
    listed = world.send("GET", "/v1/sessions", None, world.token("call")).json()["sessions"]
    assert minted["id"] not in {one["id"] for one in listed}


def test_readiness_follows_the_server(world):
    assert world.send("GET", "/readyz").json() == {"status": "ready"}

    world.ready.now = False
    try:
        assert world.send("GET", "/readyz").status == 503
        assert world.send("GET", "/healthz").status == 200
    finally:
        world.ready.now = True


def test_the_resource_document_names_the_host_that_was_asked(world):
    document = world.send("GET", "/.well-known/oauth-protected-resource/mcp").json()

    assert document["resource"] == f"http://127.0.0.1:{world.port}/mcp"
    assert document["bearer_methods_supported"] == ["header"]
    assert "call" in document["scopes_supported"]


def test_metrics_count_answers(world):
    answer = world.send("GET", "/metrics", None, world.token("metrics"))

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b'holdfast_http_responses_total{class="2xx"}' in answer.body


def test_a_host_clears_a_default_session_of_its_tenant_and_of_no_other(world):
    agent = world.token("call", subject="forgetful")
    world.call("echo", agent)
    before = world.send("GET", "/v1/sessions", None, agent).json()["sessions"][0]
    path = "/v1/sessions/default?principal=forgetful"

    elsewhere = world.send("DELETE", path, None, world.token("host", subject="host", tenant="other"))
    assert elsewhere.status == 404
    assert world.send("GET", "/v1/sessions", None, agent).json()["sessions"] == [before]

    cleared = world.send("DELETE", path, None, world.token("host", subject="host"))
    assert cleared.status == 200
    now = world.send("GET", "/v1/sessions", None, agent).json()["sessions"][0]
    assert cleared.json()["id"] == now["id"] != before["id"]
    assert now["labels"] == []


def test_nobody_who_only_calls_clears_a_session(world):
    agent = world.token("call", "approve", "register", subject="forgetful")
    world.call("echo", agent)

    assert world.send("DELETE", "/v1/sessions/default?principal=forgetful", None, agent).status == 403


def test_a_default_session_that_is_not_there_is_not_found(world):
    host = world.token("host", subject="host")

    assert world.send("DELETE", "/v1/sessions/default?principal=nobody-ever", None, host).status == 404
    assert world.send("DELETE", "/v1/sessions/default", None, host).status == 422
