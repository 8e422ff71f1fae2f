"""MCP servers as operators see them over HTTP: how each is, by names of ours, and nothing that lets anybody in."""

import secrets
import socket
import sys
from collections.abc import Generator
from typing import Any

import pytest

from holdfast.server.http.upstreams import UpstreamAnswer, UpstreamsAnswer

from .callers import Caller
from .server import START_S, Server, serving
from .staging import SCRIPT, on_stage, tool
from .watching import until

pytestmark = pytest.mark.xdist_group("doors-upstream-reads")

CREDENTIAL = "k9-" + secrets.token_hex(12)
"""Everywhere in the entries where people put one."""
ENTRIES = """
[[upstreams]]
name = "web"
url = "http://127.0.0.1:{port}/{credential}/mcp?key={credential}"
[upstreams.headers]
X-Key = "{credential}"

[[upstreams]]
name = "program"
command = ["{python}", "{script}", "{credential}"]
[upstreams.grants]
env = {{ KEY = "{credential}" }}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server with two behind it: one that is down, and a program."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # it never listens
        port = taken.getsockname()[1]
        entries = ENTRIES.format(port=port, credential=CREDENTIAL, python=sys.executable, script=SCRIPT)
        with serving(tmp_path_factory.mktemp("reads"), entries) as server:
            yield server


@pytest.fixture(scope="module")
def operator(served: Server) -> Caller:
    """Somebody who may look."""
    return served.caller("the-operator", "policy:read")


def test_a_server_that_is_down_is_named_with_its_reason(operator: Caller):
    web = until(lambda: _with_reason(operator), "a reason", seconds=START_S)

    assert web["reason"] == "unreachable"
    assert not web["connected"]
    assert web["version"] is None
    assert web["counts"] == {}


def _with_reason(operator: Caller) -> dict[str, Any] | None:
    (web,) = (row for row in operator.get("/v1/upstreams").body["upstreams"] if row["name"] == "web")
    return None if web["reason"] is None else web


def test_no_credential_of_an_entry_is_shown(operator: Caller):
    answers = [operator.get(f"/v1/upstreams{name}") for name in ("", "/web", "/program")]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert all(CREDENTIAL.encode() not in answer.raw for answer in answers)
    assert answers[1].body["reached"]["by"] == "url"
    assert answers[1].body["reached"]["at"].startswith("http://127.0.0.1:")
    assert answers[2].body["reached"] == {"by": "command", "at": sys.executable.rpartition("/")[2]}


@pytest.mark.parametrize("path", ["/v1/upstreams", "/v1/upstreams/web", "/v1/upstreams/nobody"])
def test_who_has_another_scope_sees_none(served: Server, path: str):
    others = served.caller("somebody", "call approve register audit metrics host tokens policy:write")

    refused = others.get(path)

    assert refused.status == 403
    assert b"127.0.0.1" not in refused.raw


def test_a_name_that_is_not_there_is_told_nothing_about(operator: Caller):
    answers = [operator.get(f"/v1/upstreams/{name}") for name in ("nobody", "x" * 300, "%00", "web%20")]

    assert {answer.status for answer in answers} == {404}
    assert len({answer.raw for answer in answers}) == 1


def test_definitions_are_shown_by_digest_and_none_of_their_words(served: Server, operator: Caller):
    stage = on_stage(served, "stage")
    served.done("upstreams", "approve", "stage", "--by", "ada")
    stage.lists(tool("say", "other words"), tool("more", "new words"))
    served.done("upstreams", "diff", "stage")

    seen = operator.get("/v1/upstreams/stage")

    row = next(row for row in operator.get("/v1/upstreams").body["upstreams"] if row["name"] == "stage")
    assert seen.body == row | {"definitions": seen.body["definitions"]}
    assert row["connected"]
    assert row["reason"] is None
    assert row["counts"] == {"tool": {"changed": 1, "new": 1}}
    more, say = seen.body["definitions"]
    assert (more["key"], more["state"], more["approved"], more["approved_by"]) == ("more", "new", None, None)
    assert (say["key"], say["state"], say["approved_by"]) == ("say", "changed", "ada")
    assert say["digest"] != say["approved"]
    assert b"words" not in seen.raw
    UpstreamAnswer.model_validate(seen.body)
    UpstreamsAnswer.model_validate(operator.get("/v1/upstreams").body)


def test_what_was_only_looked_at_over_http_cannot_be_approved(served: Server, operator: Caller):
    stage = on_stage(served, "turning")
    stage.lists(tool("say", "something else by now"))
    assert operator.get("/v1/upstreams/turning").status == 200

    tried = served.verb("upstreams", "approve", "turning")

    assert tried.returncode != 0
    assert "other definitions" in tried.stderr
