"""`holdfast upstreams import`: from a client's configuration to a call behind the fence; nothing is approved by it."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from .server import environment

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("doors-alone")]

SECRET = "correct-horse-battery-staple"


class Person:
    """Somebody with a home folder, a project, and clients that were set up before."""

    def __init__(self, folder: Path) -> None:
        self.home, self.project = folder / "home", folder / "project"
        for one in (self.home, self.project):
            one.mkdir()
        self.environment = environment() | {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", ""),
        }
        if not self.environment["XDG_CACHE_HOME"]:
            self.environment["XDG_CACHE_HOME"] = str(Path.home() / ".cache")  # compiled once for all of them

    def types(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "holdfast", *words],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def has(self, place: str, servers: object, key: str = "mcpServers") -> None:
        path = self.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({key: servers}))


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def timekeeper(**more: object) -> dict[str, object]:
    return {"command": sys.executable, "args": ["-m", "mcp_server_time", "--local-timezone", "UTC"], **more}


async def test_a_server_of_a_client_is_called_behind_the_fence_by_that_client(person: Person):
    person.has(".cursor/mcp.json", {"Time Keeper": timekeeper(env={"LANG": "C"})})
    assert person.types("init").returncode == 0
    before = (person.project / "holdfast.toml").read_text()

    imported = person.types("upstreams", "import", "--write")

    assert imported.returncode == 0, imported.stderr
    assert (person.project / "holdfast.toml").read_text().startswith(before)
    entry = json.loads(imported.stdout)["mcpServers"]["holdfast"]
    parameters = StdioServerParameters(
        command=entry["command"], args=entry["args"], env=person.environment, cwd=person.home
    )
    with (person.home / "aside").open("a") as aside:
        async with Client(stdio_client(parameters, aside), cache=None) as client:
            assert not [one.name for one in (await client.list_tools()).tools if one.name.startswith("time-keeper")]
        assert person.types("upstreams", "diff", "time-keeper").returncode == 0
        assert person.types("upstreams", "approve", "time-keeper").returncode == 0
        async with Client(stdio_client(parameters, aside), cache=None) as client:
            said = await client.call_tool("time-keeper__get_current_time", {"timezone": "UTC"})
    assert '"timezone": "UTC"' in said.content[0].text


def test_what_is_printed_is_added_as_it_stands(person: Person):
    person.has(".config/Claude/claude_desktop_config.json", {"time": timekeeper(), "box": {"command": "docker"}})

    imported = person.types("upstreams", "import", "--data-dir", "data")

    assert imported.returncode == 1
    assert [one["name"] for one in tomllib.loads(imported.stdout)["upstreams"]] == ["time"]
    assert "turned down: box: `docker` starts the server outside of the fence" in imported.stderr
    assert not (person.project / "data").exists()


def test_one_clients_broken_file_hides_no_others(person: Person):
    person.has(".cursor/mcp.json", {"time": timekeeper()})
    (person.home / ".claude.json").write_text("{")
    imported = person.types("upstreams", "import", "--format", "json", "--data-dir", "data")
    assert [one["entry"]["name"] for one in json.loads(imported.stdout)["planned"]] == ["time"]
    assert "is not JSON" in imported.stderr


def test_without_any_client_there_is_nothing_to_import(person: Person):
    imported = person.types("upstreams", "import", "--data-dir", "data")
    assert imported.returncode == 2
    assert "name its file" in imported.stderr


def test_a_secret_is_neither_printed_nor_written(person: Person):
    person.has(
        ".claude.json",
        {
            "env": timekeeper(env={"API_KEY": SECRET}),
            "argument": timekeeper(args=["-m", "x", "--token", SECRET]),
            "header": {
                "type": "http",
                "url": "https://x.example/mcp",
                "headers": {"Authorization": f"Bearer {SECRET}"},
            },
            "url": {"type": "http", "url": f"https://x.example/mcp?token={SECRET}"},
        },
    )
    assert person.types("init").returncode == 0
    for more in ((), ("--write",), ("--format", "json")):
        imported = person.types("upstreams", "import", *more)
        assert SECRET not in imported.stdout + imported.stderr
    assert SECRET not in (person.project / "holdfast.toml").read_text()
    taken = person.types("upstreams", "import", "--take-secrets", str(person.home / ".claude.json"))
    assert SECRET not in taken.stdout + taken.stderr


def test_a_secret_that_a_file_holds_is_sealed_when_that_is_asked_for(person: Person):
    person.has(
        ".cursor/mcp.json", {"web": {"url": "https://x.example/mcp", "headers": {"Authorization": f"Bearer {SECRET}"}}}
    )
    assert person.types("init").returncode == 0

    imported = person.types("upstreams", "import", "--write", "--take-secrets")

    assert imported.returncode == 0, imported.stderr
    assert SECRET not in imported.stdout + imported.stderr
    listed = json.loads(person.types("secrets", "list", "--format", "json").stdout)
    assert [one["name"] for one in listed] == ["web-authorization"]
    entry = tomllib.loads((person.project / "holdfast.toml").read_text())["upstreams"][0]
    assert entry["headers"] == {"Authorization": {"secret": "web-authorization", "scheme": "bearer"}}
    kept = [path.read_bytes() for path in (person.project / ".holdfast").rglob("*") if path.is_file()]
    assert not [data for data in kept if SECRET.encode() in data]
