"""Agents of other people's frameworks, with their own MCP clients, as `examples/clients` shows.

`make test` installs the frameworks into an environment of their own: they want another version of the MCP library.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..doors.server import CANARY, Server, serving

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".tools" / "clients" / "bin" / "python"

pytestmark = [
    pytest.mark.xdist_group("doors-clients"),
    pytest.mark.skipif(not PYTHON.exists(), reason="`make test` installs it"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("clients")) as server:
        (server.home / "workspace" / "todo.txt").write_text("remember the milk")
        yield server


@pytest.mark.parametrize("framework", ["langchain", "openai", "pydantic"])
def test_an_agent_is_given_what_was_read_and_told_what_was_denied(house: Server, framework: str):
    agent = house.agent()
    calls = [
        ["file_read", {"path": "todo.txt"}],
        ["file_read", {"path": "../outside/secret.txt"}],
        ["echo", {"text": "hi"}],
    ]

    ended = subprocess.run(
        [str(PYTHON), str(ROOT / "tests" / "clients" / "scripted.py"), framework, f"http://127.0.0.1:{house.port}/mcp"],
        input=json.dumps({"token": agent.token, "calls": calls}),
        env={"PATH": "/usr/bin:/bin", "HOME": str(house.home)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr[-3000:]
    said = json.loads(ended.stdout.splitlines()[-1])
    read, denied, echoed = said["told"]
    assert said["answer"] == "done"
    assert {"file_read", "echo"} <= set(said["offered"])
    assert "remember the milk" in read
    assert "<tool_output_" in read
    assert "workspace/outside-root" in denied
    assert "hi" in echoed
    assert CANARY not in ended.stdout
