"""A candidate is judged by what a running server recorded, asked over HTTP with a token; no secret comes along."""

import secrets
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError
from holdfast.server.cli.comparing import diff, replay
from holdfast.server.cli.policy_check import specs_of
from holdfast.server.cli.rendering import Format
from holdfast.server.policy_remote import TOKEN

from .server import Server, serving
from .staging import on_stage

pytestmark = pytest.mark.xdist_group("doors-policy-reads")
SHIPPED = Path(__file__).parents[2] / "policies"
SECRET = "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"[:36]
PHRASE = "LOUD-" + secrets.token_hex(8)
STRICTER = """
@id("no-shouting") @reason("do not shout")
forbid (principal, action == Action::"echo", resource) when { context.input.text like "*LOUD*" };
@id("no-saying") @reason("say nothing on the stage")
forbid (principal, action == Action::"stage__say", resource);
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    home = tmp_path_factory.mktemp("policy-reads")
    with serving(home, '[policy]\nrecord = "redacted"\n', admin_http=True) as server:
        on_stage(server, "stage")
        server.done("upstreams", "approve", "stage")
        agent = server.agent()
        for text in (PHRASE, "quiet", f"a token: {SECRET}"):
            agent.call("echo", {"text": text})
        yield server


@pytest.fixture
def candidate(tmp_path: Path) -> str:
    shutil.copytree(SHIPPED, tmp_path / "candidate")
    (tmp_path / "candidate" / "local.cedar").write_text(STRICTER)
    return str(tmp_path / "candidate")


@pytest.fixture
def url(served: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(TOKEN, served.token("reviewer", "policy:read")["token"])
    return f"http://127.0.0.1:{served.port}"


def test_a_replay_asks_the_server_for_what_it_recorded(url: str, candidate: str, tmp_path: Path, capsys):
    assert replay(candidate, server=url, data_dir=tmp_path / "none") == 0

    said = capsys.readouterr().out
    assert "3 recorded calls, 1 the same, 1 other" in said
    assert "1 recorded call could not be reconstructed: `input.text` was redacted" in said
    assert "-> deny (no-shouting)" in said


def test_a_diff_asks_the_server_for_its_tools_too(url: str, candidate: str, tmp_path: Path, capsys):
    few = {"server": url, "data_dir": tmp_path / "none", "profile": "supervised", "most": 20}
    assert diff(str(SHIPPED), candidate, output=Format.JSON, **few) == 0
    assert '"tool": "stage__say"' in capsys.readouterr().out
    assert diff(candidate, str(SHIPPED), **few) == 1
    assert {spec.name for spec in specs_of(url, None, None)} >= {"stage__say", "echo"}


def test_what_comes_over_the_wire_holds_no_secret(served: Server, url: str):
    assert url
    page = served.caller("reviewer", "policy:read").get("/v1/policies/inputs")

    assert (page.status, len(page.body["inputs"])) == (200, 3)
    assert SECRET.encode() not in page.raw
    assert PHRASE.encode() in page.raw
    assert served.caller("agent", "call audit approve").get("/v1/policies/inputs").status == 403


@pytest.mark.parametrize(
    ("place", "token", "why"),
    [
        ("http://holdfast.example", "t", "over https, or to this machine"),
        ("https://user:pw@127.0.0.1", "t", "no credential and no query"),
        ("https://127.0.0.1/?token=t", "t", "no credential and no query"),
        ("ftp://127.0.0.1", "t", "is as in https://"),
        ("http://127.0.0.1:1", "", "holds no token"),
        ("http://127.0.0.1:1", "t", "the server cannot be asked"),
    ],
)
def test_a_token_is_sent_nowhere_else(candidate: str, monkeypatch, place: str, token: str, why: str):
    monkeypatch.setenv(TOKEN, token)
    with pytest.raises(OperatorError, match=why):
        replay(candidate, server=place)


def test_a_token_that_may_not_is_told_what_it_lacks(served: Server, url: str, candidate: str, monkeypatch):
    monkeypatch.setenv(TOKEN, served.token("agent", "call")["token"])
    with pytest.raises(OperatorError, match="the server answered 403: ") as refused:
        replay(candidate, server=url)

    assert "policy:read" in str(refused.value.remedy)
