"""Servers of clients as entries of ours: names, values, secrets, and what is turned down."""

import json
import tomllib
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError
from holdfast.server.config import load_settings
from holdfast.server.importing import Client, add_to, as_toml, plan
from holdfast.server.importing.planning import settings_of, upstream_name
from holdfast.server.importing.secret_words import judged_value
from holdfast.server.importing.words import names_a_secret

from .conftest import KEY

VALUE = "abcdefgh12345678"


def sh(*arguments: str, **more: object) -> dict[str, object]:
    return {"command": "sh", "args": [*arguments], **more}


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("GitHub", "github"),
        ("my_server 2", "my-server-2"),
        ("7zip", "mcp-7zip"),
        ("\u0430\u0431", "server"),
        ("", "server"),
        ("--a--", "a"),
        ("a" * 40, "a" * 31),
        ("x__y", "x-y"),
    ],
)
def test_a_name_is_made_one_of_ours(called: str, name: str):
    assert upstream_name(called) == name


def test_two_servers_of_one_name_are_told_apart_and_said_so(desk):
    made = desk.plan({"A": sh("1"), "a": sh("2"), "a!": sh("3")})
    assert [one.name for one in made.planned] == ["a", "a-2", "a-3"]
    assert made.planned[1].notes[0] == "called `a` by its client"


def test_the_same_server_of_two_clients_is_one(desk):
    files = (desk.file({"one": sh("1")}), desk.file({"other": sh("1"), "more": sh("2")}, Client.CURSOR))
    made = plan(files, desk.places, lambda text: False, known=())
    assert [one.name for one in made.planned] == ["one", "more"]


def test_a_server_that_the_configuration_has_is_left(desk):
    known = settings_of(desk.one(sh("1"))).model_copy(update={"name": "mine"})
    made = desk.plan({"it": sh("1"), "mine": sh("2")}, known=(known,))
    assert made.there == ("mine",)
    assert [one.name for one in made.planned] == ["mine-2"]


def test_what_a_client_fills_in_is_filled_in_here(desk):
    body = sh("${workspaceFolder}/x", "${env:PLACE}", "${NOT_SET:-else}", env={"AT": "${userHome}", "N": 3, "B": True})
    entry = desk.one(body, Client.CURSOR).entry
    assert entry["command"][1:] == [f"{desk.project}/x", "here", "else"]
    assert entry["grants"]["env"] == {"AT": str(desk.home), "N": "3", "B": "true"}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("${NOT_SET}", "variable `NOT_SET`"),
        ("${input:where}", "asks for `where`"),
        ("${command:pick}", "only its client knows"),
    ],
)
def test_what_cannot_be_filled_in_is_turned_down_with_what_to_do(desk, word: str, said: str):
    assert said in desk.reason(sh(word))
    assert said in desk.reason({"url": f"https://x.example/{word}"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["--api-key", "abcdefgh"],
        ["--api-key=abcdefgh"],
        ["--token", "${PLACE}"],
        ["GITHUB_TOKEN=abcdefgh"],
        ["x", KEY],
    ],
)
def test_a_secret_among_the_arguments_turns_the_server_down(desk, arguments: list[str]):
    reason = desk.reason(sh(*arguments))
    assert "looks like a secret" in reason
    assert KEY not in reason
    assert "abcdefgh" not in reason


@pytest.mark.parametrize(
    "url",
    ["https://x.example/?api_key=abc", f"https://x.example/{KEY}", "https://u:p@x.example/", "https://x/${MY_TOKEN}"],
)
def test_a_secret_in_a_url_turns_the_server_down(desk, url: str):
    reason = desk.reason({"url": url})
    assert "secret" in reason
    assert url not in reason


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("GITHUB_PERSONAL_ACCESS_TOKEN", True),
        ("apiKey", True),
        ("DB_PASSWORD", True),
        ("X-Api-Key", True),
        ("SENTRY_DSN", True),
        ("KEYBOARD", False),
        ("TOKEN_TTL", False),
        ("KEY_FILE", False),
        ("LOG_LEVEL", False),
        ("", False),
    ],
)
def test_a_secret_is_known_by_its_name(name: str, *, is_one: bool):
    assert names_a_secret(name) is is_one


@pytest.mark.parametrize(
    ("name", "text", "header", "secret", "bearer"),
    [
        ("Authorization", f"Bearer {VALUE}", True, "authorization", True),
        ("Authorization", "Bearer ${input:gh-token}", True, "gh-token", True),
        ("Authorization", "${env:MY_TOKEN}", True, "my-token", False),
        ("X-Own", "a value that is rather long", True, "x-own", False),
        ("X-Own", "short", True, None, False),
        ("User-Agent", "a value that is rather long", True, None, False),
        ("API_KEY", VALUE, False, "api-key", False),
        ("ANY", "${input:where}", False, "where", False),
        ("ANY", "pre-${MY_SECRET}", False, "any", False),
        ("ANY", KEY, False, "any", False),
        ("AUTH", "true", False, None, False),
        ("API_KEY", "", False, None, False),
    ],
)
def test_what_may_be_a_secret_is_one(name: str, text: str, *, header: bool, secret: str | None, bearer: bool):
    judged = judged_value(name, text, {"MY_TOKEN": "t"}, lambda one: KEY in one, header=header)
    assert (judged.secret, judged.bearer) == (secret, bearer)
    assert judged.secret is None or judged.text == ""


def test_a_secret_that_the_file_holds_is_found_without_its_scheme():
    judged = judged_value("Authorization", f"Bearer {VALUE}", {}, lambda one: False, header=True)
    assert judged.found is not None
    assert judged.found.reveal() == VALUE.encode()
    assert "abcdefgh" not in repr(judged)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (7, "no object"),
        ({}, "`url` is missing"),
        ({"command": ""}, "`command` is missing"),
        (sh() | {"args": "x"}, "`args`"),
        (sh() | {"args": [1]}, "`args`"),
        (sh() | {"env": ["A"]}, "`env`"),
        (sh() | {"env": {"A B": "x"}}, "a name that is none"),
        (sh() | {"env": {"A": "x\0"}}, "line break or NUL"),
        (sh() | {"disabled": True}, "switched off"),
        ({"url": "http://x.example/mcp", "headersHelper": "./x"}, "makes its headers"),
        ({"url": "https://x.example/mcp", "type": "websocket"}, "`type`"),
        ({"url": "https://x.example/mcp", "type": "stdio"}, "`type`"),
        ({"url": "http://x.example/mcp"}, "`url` is https"),
        ({"url": "unix:///run/x.sock"}, "`url`"),
        ({"command": "holdfast", "args": ["mcp"]}, "Holdfast itself"),
        ({"command": "python3", "args": ["-m", "holdfast", "mcp"]}, "Holdfast itself"),
    ],
)
def test_what_cannot_be_taken_over_is_turned_down_alone(desk, body: object, said: str):
    assert said in desk.reason(body)
    both = desk.plan({"bad": body, "good": sh("1")})
    assert [one.name for one in both.planned] == ["good"]


def test_what_is_not_taken_over_is_said(desk):
    planned = desk.one(sh(envFile=".env", autoApprove=["x"], cwd="/", timeout=5, description="x"))
    assert len(planned.notes) == 4
    assert "`envFile` is not read" in " ".join(planned.notes)
    assert "`timeout` is not taken over" in " ".join(planned.notes)


def test_a_secret_of_a_header_or_variable_is_named_and_not_written(desk):
    """What the entry names is what `holdfast secrets set` is to be told."""
    headers = {"Authorization": f"Bearer {KEY}", "X-Team": "blue"}
    remote = desk.one({"type": "sse", "url": "https://x.example/sse", "headers": headers})
    local = desk.one(sh(env={"API_KEY": "${input:api}", "MODE": "x"}))

    assert remote.entry == {
        "name": "it",
        "url": "https://x.example/sse",
        "transport": "sse",
        "headers": {"Authorization": {"secret": "it-authorization", "scheme": "bearer"}, "X-Team": "blue"},
    }
    assert [(one.name, one.where, one.found is not None) for one in remote.secrets] == [
        ("it-authorization", "header Authorization", True)
    ]
    assert local.entry["grants"] == {"env": {"API_KEY": {"secret": "it-api"}, "MODE": "x"}}
    assert [(one.name, one.found) for one in local.secrets] == [("it-api", None)]
    assert KEY not in as_toml([remote, local])


def test_two_servers_of_one_name_have_secrets_of_their_own(desk):
    made = desk.plan({"A": sh("1", env={"KEY": "abcdefgh"}), "a": sh("2", env={"KEY": "ijklmnop"})})
    assert [one.secrets[0].name for one in made.planned] == ["a-key", "a-2-key"]
    assert [one.entry["grants"]["env"]["KEY"]["secret"] for one in made.planned] == ["a-key", "a-2-key"]


def test_a_bridge_to_a_url_is_not_needed(desk):
    planned = desk.one({"command": "npx", "args": ["-y", "mcp-remote@latest", "https://x.example/mcp"]})
    assert planned.entry == {"name": "it", "url": "https://x.example/mcp"}


def test_entries_are_written_as_they_are_read(desk):
    bodies = {"a\n[[x]]\nb": sh('"', "\\", "\u202e", "\x07", env={"A": "'\"\\"}), "b": {"url": "https://x.example/mcp"}}
    made = desk.plan(bodies)
    text = as_toml(made.planned)
    assert tomllib.loads(text)["upstreams"] == [dict(one.entry) for one in made.planned]
    assert "\u202e" not in "".join(line for line in text.splitlines() if line.startswith("#"))


CONFIG = """\
# what I know
[server]
port = 0     # any

[[upstreams]]        # mine
name = "mine"
command = ["/bin/true"]
[upstreams.grants]
read = ["/usr/share"]  # no more"""


def test_entries_are_added_and_nothing_else_changes(desk, tmp_path: Path):
    config = tmp_path / "holdfast.toml"
    config.write_text(CONFIG)
    config.chmod(0o640)
    (tmp_path / "link.toml").symlink_to(config)

    add_to(tmp_path / "link.toml", desk.plan({"a": sh("1"), "b": {"url": "https://x.example/mcp"}}).planned)

    assert config.read_text().startswith(CONFIG)
    assert [one.name for one in load_settings(config).upstreams] == ["mine", "a", "b"]
    assert config.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "link.toml").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["holdfast.toml", "home", "link.toml", "project"]


@pytest.mark.parametrize(
    "before",
    [
        'upstreams = [{ name = "a", command = ["/bin/true"] }]',
        "upstreams = []",
        "no toml",
        "nobody_knows = 1",
        '[[upstreams]]\nname = "it"\ncommand = ["/bin/true"]',
        "\xff",
    ],
)
def test_a_configuration_that_would_not_be_valid_stays_as_it_is(desk, tmp_path: Path, before: str):
    config = tmp_path / "holdfast.toml"
    config.write_bytes(before.encode("latin-1"))
    with pytest.raises(OperatorError):
        add_to(config, [desk.one(sh("1"))])
    assert config.read_bytes() == before.encode("latin-1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["holdfast.toml", "home", "project"]


def test_nothing_of_a_file_is_said_as_it_stands_there(desk):
    """Not even where a server is turned down, or named."""
    bodies = {
        f"n{number}": body
        for number, body in enumerate([sh(KEY), {"url": KEY}, sh(env={"A": KEY}), sh() | {"args": KEY}])
    }
    made = desk.plan(bodies)
    said = json.dumps([[one.reason, one.remedy] for one in made.turned_down]) + as_toml(made.planned)
    assert KEY not in said
