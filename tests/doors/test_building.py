"""An agent host has a tool built over HTTP, and takes back what it registered; a real server, and its operator."""

import secrets

import pytest

from .server import Server

pytestmark = [pytest.mark.xdist_group("doors-tools"), pytest.mark.timeout(400)]
SOURCE = """(module (memory (export "memory") 1) (data (i32.const 512) "{\\"n\\":42}")
  (func (export "alloc") (param i32) (result i32) (i32.const 4096))
  (func (export "run") (param i32 i32) (result i64) (i64.const 2199023255560)))"""
MANIFEST = """[tool]
name = "NAME"
version = "1.0.0"
description = "answers"
abi = "core-json"
module = "answers.wasm"
effects = []
[tool.input_schema]
type = "object"
[limits]
output_bytes = 4096
"""


def order(name: str, *, answer: int = 42, **more: object) -> dict[str, object]:
    case = {"name": "answers", "arguments": {}, "expect": {"structured": {"n": answer}}}
    body = {"language": "wat", "source": {"main.wat": SOURCE}, "manifest": MANIFEST.replace("NAME", name)}
    return {**body, "cases": [case], **more}


def test_a_built_tool_is_pending_until_an_operator_approved_it(server: Server):
    name = "built_" + secrets.token_hex(4)

    answer = server.registrar.post("/v1/tools/build", order(name))

    assert answer.status == 201, answer.raw
    assert answer.body["state"] == "pending"
    assert answer.body["measured"]["cases"][0]["passed"]
    agent = server.agent()
    assert agent.call(name, {}).status == 404
    server.done("tools", "approve", name, "--definition", answer.body["registration"]["definition"])
    assert agent.call(name, {}).body["structured"] == {"n": 42}


def test_a_tool_that_fails_its_case_is_nowhere(server: Server):
    name = "wrong_" + secrets.token_hex(4)

    answer = server.registrar.post("/v1/tools/build", order(name, answer=43))

    assert (answer.status, answer.body["state"], answer.body["registration"]) == (200, "failed", None)
    assert name not in server.done("tools", "list", "--format", "json")
    assert any(one.get("decision") == "case failed" and one.get("tool") == name for one in server.records())


@pytest.mark.parametrize(
    "wrong",
    [
        {"language": "cobol"},
        {"source": {}},
        {"source": {f"f{n}.wat": "" for n in range(65)}},
        {"manifest": "[tool]"},
        {"cases": []},
        {"cases": [{"name": "x", "expect": {}}]},
        {"cases": [{"name": "x", "expect": {"text": "x"}, "surprise": 1}]},
        {"register": True},
    ],
)
def test_an_order_that_is_none_is_refused(server: Server, wrong: dict[str, object]):
    assert server.registrar.post("/v1/tools/build", order("never", **wrong)).status == 422


def test_without_the_scope_nothing_is_built(server: Server):
    assert server.agent().post("/v1/tools/build", order("never")).status == 403


def test_who_registered_tools_takes_them_back_and_nobody_elses(server: Server):
    mine, theirs = (server.caller("source-" + secrets.token_hex(4), "register") for _ in range(2))
    name = "taken_" + secrets.token_hex(4)
    assert mine.post("/v1/tools/build", order(name)).status == 201

    assert theirs.send("DELETE", f"/v1/tools?source={mine.name}", Content_Type="").status == 403
    assert name in server.done("tools", "list", "--format", "json")
    answer = mine.send("DELETE", f"/v1/tools?source={mine.name}", Content_Type="")
    assert (answer.status, answer.body) == (200, {"removed": [name]})
    assert name not in server.done("tools", "list", "--format", "json")
