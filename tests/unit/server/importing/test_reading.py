"""Clients' files: where they are, whose they are, and what is read of them."""

import json
from pathlib import Path

import pytest

from holdfast.contracts import HoldfastError, InvalidRequest, MalformedJson, OperatorError
from holdfast.server.importing import Client, client_files, entry_for, plan, read_client
from holdfast.server.importing.clients import client_of
from holdfast.server.importing.jsonc import without_comments
from holdfast.server.importing.reading import MAX_FILE_BYTES


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('{"a": 1, // one\n "b": [1, 2,], /* two\n */ }', {"a": 1, "b": [1, 2]}),
        ('{"a": "// no comment, /* none */,]"}', {"a": "// no comment, /* none */,]"}),
        ('{"a": "\\"//", }', {"a": '"//'}),
        ("\ufeff[1]", [1]),
        ("[1, /* x */ ]", [1]),
        ('"a,]"', "a,]"),
    ],
)
def test_comments_and_commas_at_the_end_are_taken_out_and_nothing_else(written: str, value: object):
    assert json.loads(without_comments(written)) == value


@pytest.mark.parametrize("written", ["[,]", "{,}", "[1,,]", '{"a":,}', "[1 2]"])
def test_what_is_no_json_without_its_comments_stays_none(written: str):
    with pytest.raises(json.JSONDecodeError):
        json.loads(without_comments(written))


@pytest.mark.parametrize("written", ["[1 /* no end", '["no end', "[1 / 2]"])
def test_what_has_no_end_is_refused(written: str):
    with pytest.raises(MalformedJson):
        without_comments(written)


def test_a_long_text_of_beginnings_is_read_in_one_pass():
    with pytest.raises(MalformedJson):
        without_comments("/*" * 500_000)
    assert without_comments("//" * 500_000).strip() == ""


@pytest.mark.parametrize(
    ("place", "client"),
    [
        (".config/Claude/claude_desktop_config.json", Client.CLAUDE_DESKTOP),
        ("x/.cursor/mcp.json", Client.CURSOR),
        ("x/.vscode/mcp.json", Client.VSCODE),
        (".config/Code/User/mcp.json", Client.VSCODE),
        ("x/.mcp.json", Client.CLAUDE_CODE),
        (".claude.json", Client.CLAUDE_CODE),
    ],
)
def test_a_file_is_known_by_its_place(place: str, client: Client):
    assert client_of(Path("/home/u") / place) is client


def test_files_are_found_in_the_project_and_at_home(desk):
    for place in (".mcp.json", ".vscode/mcp.json"):
        (desk.project / place).parent.mkdir(exist_ok=True)
        (desk.project / place).write_text("{}")
    (desk.home / ".claude.json").write_text("{}")

    assert client_files(desk.places) == (
        (Client.CLAUDE_CODE, desk.project / ".mcp.json"),
        (Client.VSCODE, desk.project / ".vscode/mcp.json"),
        (Client.CLAUDE_CODE, desk.home / ".claude.json"),
    )


def test_claude_codes_own_file_gives_the_servers_of_the_user_and_of_this_project(desk):
    path = desk.home / ".claude.json"
    projects = {str(desk.project): {"mcpServers": {"b": {}}}, "/other": {"mcpServers": {"c": {}, "d": {}}}}
    path.write_text(json.dumps({"numStartups": 3, "mcpServers": {"a": {}}, "projects": projects}))

    read = read_client(path, desk.places)

    assert list(read.servers) == ["a", "b"]
    assert read.left == ("2 servers of other projects are left; import from their folders",)


def test_a_project_of_its_own_is_what_its_file_means_by_its_folder(desk, tmp_path):
    for place in ("other/.vscode/mcp.json", "other/.mcp.json", "home/.cursor/mcp.json"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text('{"mcpServers": {}}')

    assert read_client(tmp_path / "other/.vscode/mcp.json", desk.places).project == tmp_path / "other"
    assert read_client(tmp_path / "other/.mcp.json", desk.places).project == tmp_path / "other"
    assert read_client(tmp_path / "home/.cursor/mcp.json", desk.places).project == desk.project


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "no JSON object"),
        (b'{"mcpServers": []}', "names no servers"),
        (b'{"a": 1}', "names no servers"),
        (b'{"mcpServers": {"a": 1, "a": 2}}', "same key twice"),
        (b'{"mcpServers": {"a": "\xff"}}', "not UTF-8"),
        (b'{"mcpServers": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "nested"),
    ],
)
def test_what_is_no_such_file_is_refused_by_name(desk, tmp_path, data: bytes, said: str):
    path = tmp_path / "mcp.json"
    path.write_bytes(data)
    with pytest.raises(InvalidRequest, match=said) as refused:
        read_client(path, desk.places)
    assert str(path) in refused.value.message


def test_too_many_servers_and_a_file_without_end_are_refused(desk, tmp_path):
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {str(number): {} for number in range(257)}}))
    with pytest.raises(InvalidRequest, match="over 256"):
        read_client(path, desk.places)
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(OperatorError, match="over 16777216 bytes"):
        read_client(path, desk.places)
    with pytest.raises(HoldfastError, match="No such file"):
        read_client(tmp_path / "none", desk.places)


@pytest.mark.parametrize("client", list(Client))
def test_the_entry_for_a_client_starts_us(client: Client):
    entry = entry_for(client, ("python", "-m", "holdfast", "mcp"))

    ((holder, named),) = entry.items()
    assert holder == ("servers" if client is Client.VSCODE else "mcpServers")
    assert named["holdfast"]["command"] == "python"
    assert named["holdfast"]["args"] == ["-m", "holdfast", "mcp"]
    assert ("type" in named["holdfast"]) is (client is not Client.CLAUDE_DESKTOP)


@pytest.mark.parametrize(
    ("client", "token"),
    [
        (Client.CLAUDE_CODE, "Bearer ${HOLDFAST_TOKEN}"),
        (Client.CURSOR, "Bearer ${env:HOLDFAST_TOKEN}"),
        (Client.VSCODE, "Bearer ${input:holdfast-token}"),
    ],
)
def test_the_entry_for_a_client_that_takes_a_url_holds_a_place_for_the_token(client: Client, token: str):
    entry = entry_for(client, url="http://127.0.0.1:8700/mcp")
    named = entry.get("mcpServers") or entry["servers"]
    assert named["holdfast"]["headers"] == {"Authorization": token}
    assert named["holdfast"]["url"] == "http://127.0.0.1:8700/mcp"


def test_claude_desktops_file_takes_no_url():
    with pytest.raises(InvalidRequest):
        entry_for(Client.CLAUDE_DESKTOP, url="http://127.0.0.1:8700/mcp")


EXAMPLES = Path(__file__).parents[4] / "examples" / "clients"


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (Client.CLAUDE_CODE, "claude-code.mcp.json"),
        (Client.CLAUDE_DESKTOP, "claude_desktop_config.json"),
        (Client.CURSOR, "cursor.mcp.json"),
        (Client.VSCODE, "vscode.mcp.json"),
    ],
)
def test_the_examples_are_the_entries_that_are_printed_and_are_not_imported_back(desk, client: Client, name: str):
    url = None if client is Client.CLAUDE_DESKTOP else "http://127.0.0.1:8700/mcp"
    assert json.loads((EXAMPLES / name).read_text()) == entry_for(client, ("holdfast", "mcp"), url=url)

    made = plan((read_client(EXAMPLES / name, desk.places, client),), desk.places, lambda _text: False, known=())
    assert not made.planned
    assert made.turned_down[0].reason == "it is Holdfast itself"
