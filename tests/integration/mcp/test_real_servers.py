"""Servers other people wrote, confined, through our client and on through our own MCP server.

`make test` installs the npm ones; without them their tests are skipped.
"""

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from holdfast.contracts import Completed, ToolError
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.children import Launcher
from holdfast.sandbox.mcp import McpRuntime, UpstreamConfig, Upstreams
from holdfast.sandbox.mcp.confined import ConfinedStarter

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
MODULES = ROOT / ".tools" / "npm" / "node_modules"
EVERYTHING = MODULES / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js"
FILESYSTEM = MODULES / "@modelcontextprotocol" / "server-filesystem" / "dist" / "index.js"
ROOMY = replace(UPSTREAM, memory_bytes=2 << 30)
"""Node 24 asks for over 512 MiB of address space before it runs a line, and what is asked for counts."""

needs_npm = pytest.mark.skipif(not EVERYTHING.exists(), reason="`make test` installs it")


@pytest.fixture
async def confined(house):
    """The house, with real confinement."""
    async with await Launcher.open() as launcher:
        house.upstreams = Upstreams(pins=house.pins, start=ConfinedStarter(launcher), changed=house.told.append)
        house.runtime = McpRuntime(house.upstreams)
        yield house
        await house.upstreams.close()


def timekeeper(name: str = "time") -> UpstreamConfig:
    return UpstreamConfig(name=name, command=(sys.executable, "-m", "mcp_server_time", "--local-timezone", "UTC"))


@pytest.fixture
def everything(node_path):
    def entry(name: str = "all", **more: object) -> UpstreamConfig:
        command = (node_path, str(EVERYTHING))
        return UpstreamConfig(name=name, command=command, readable=(str(MODULES),), limits=ROOMY, **more)

    return entry


async def join(house, *configs: UpstreamConfig) -> None:
    for config in configs:
        house.upstreams.add(config)
        await house.approve_all(config.name)


async def test_a_python_server_of_the_modern_era_is_called(confined):
    await join(confined, timekeeper())

    outcome = await confined.call("time__get_current_time", {"timezone": "UTC"})

    assert isinstance(outcome, Completed)
    assert outcome.structured["timezone"] == "UTC"
    assert {"mcp", "landlock", "seccomp"} <= set(outcome.isolation)
    assert confined.upstreams.status()[0].version == "2026-07-28"


async def test_a_server_started_by_the_script_of_its_package_is_called(confined):
    script = str(Path(sys.executable).parent / "mcp-server-time")
    await join(confined, UpstreamConfig(name="time", command=(script, "--local-timezone", "UTC")))

    assert isinstance(await confined.call("time__get_current_time", {"timezone": "UTC"}), Completed)


async def test_a_repository_is_read_where_it_is_granted_and_nowhere_else(confined, tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        subprocess.run(["git", "init", "-q", str(folder)], check=True)  # noqa: ASYNC221 -- a test may wait
    command = (sys.executable, "-m", "mcp_server_git")
    env = (("GIT_PYTHON_REFRESH", "quiet"), ("HOME", str(inside)))
    await join(confined, UpstreamConfig(name="git", command=command, env=env, readable=(str(inside),)))

    here = await confined.call("git__git_status", {"repo_path": str(inside)})
    there = await confined.call("git__git_status", {"repo_path": str(outside)})

    assert isinstance(here, Completed)
    assert not (isinstance(there, Completed) and not there.is_error)


@needs_npm
async def test_a_server_sees_nothing_of_our_environment(confined, monkeypatch, everything):
    monkeypatch.setenv("HOLDFAST_CANARY", "hunter2")
    await join(confined, everything(env=(("GREETING", "hello"),)))

    outcome = await confined.call("all__get-env")

    assert isinstance(outcome, Completed)
    seen = json.loads(outcome.content[0].text)
    assert seen == {"GREETING": "hello", "PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"}


async def test_a_server_reads_its_script_and_what_it_was_granted_and_nothing_else(confined, tmp_path):
    (tmp_path / "granted").write_text("x")
    hostile = ROOT / "tests" / "hostile"
    command = (sys.executable, str(hostile / "stdio_upstream.py"), "reads")
    await join(confined, UpstreamConfig(name="evil", command=command, readable=(str(tmp_path),)))

    async def read(path: object) -> str:
        outcome = await confined.call("evil__echo", {"text": str(path)})
        return outcome.content[0].text

    assert (await read(hostile / "stdio_upstream.py")).startswith("read ")
    assert await read(tmp_path / "granted") == "read 1 bytes"
    for path in (hostile / "http_upstream.py", ROOT / "pyproject.toml", "/etc/passwd", "/etc/shadow", Path(__file__)):
        assert await read(path) in {"PermissionError", "FileNotFoundError"}


@needs_npm
async def test_a_server_of_the_handshake_era_is_called_with_every_kind_of_content(confined, everything):
    await join(confined, everything())

    said = await confined.call("all__echo", {"message": "hi"})
    image = await confined.call("all__get-tiny-image")
    structured = await confined.call("all__get-structured-content", {"location": "New York"})

    assert said.content[0].text == "Echo: hi"
    assert [type(block).__name__ for block in image.content] == ["Text", "Blob", "Text"]
    assert isinstance(structured.structured, dict)
    assert confined.upstreams.status()[0].version == "2025-11-25"


@needs_npm
async def test_all_tools_of_the_filesystem_server_fit_and_read_and_write_where_granted(confined, tmp_path, node_path):
    (tmp_path / "a.txt").write_text("hello")
    command = (node_path, str(FILESYSTEM), str(tmp_path))
    granted = {"readable": (str(MODULES),), "writable": (str(tmp_path),)}
    await join(confined, UpstreamConfig(name="files", command=command, limits=ROOMY, **granted))

    read = await confined.call("files__read_text_file", {"path": str(tmp_path / "a.txt")})
    wrote = await confined.call("files__write_file", {"path": str(tmp_path / "b.txt"), "content": "new"})

    assert len(confined.upstreams.specs()) == 14
    assert read.content[0].text == "hello"
    assert not wrote.is_error, wrote
    assert (tmp_path / "b.txt").read_text() == "new"


@needs_npm
@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
async def test_servers_of_both_eras_are_served_side_by_side_to_clients_of_either(
    confined, small_service, mcp_http, everything, mode
):
    await join(confined, timekeeper(), everything())
    async with contextlib.AsyncExitStack() as stack:
        _endpoint, url = await stack.enter_async_context(mcp_http(small_service(confined)))
        http = httpx2.AsyncClient(headers={"authorization": "Bearer alice"}, timeout=30, trust_env=False)
        await stack.enter_async_context(http)
        spoken = await stack.enter_async_context(
            Client(streamable_http_client(url, http_client=http), mode=mode, cache=None)
        )
        names = {tool.name for tool in (await spoken.list_tools()).tools}
        time = await spoken.call_tool("time__get_current_time", {"timezone": "UTC"})
        said = await spoken.call_tool("all__echo", {"message": "hi"})

    assert {"time__get_current_time", "all__echo", "all__get-env"} <= names
    assert time.structured_content["timezone"] == "UTC"
    assert said.content[0].text == "<tool_output>Echo: hi</tool_output>"


async def test_a_server_over_its_memory_limit_is_ended_and_its_operator_reads_why(confined):
    eats = "import sys\nfor line in sys.stdin: held = bytearray(256 << 20)"
    limits = replace(UPSTREAM, memory_bytes=128 << 20)
    config = UpstreamConfig(name="eats", command=(sys.executable, "-c", eats), limits=limits)
    confined.upstreams.add(config)

    with pytest.raises(ToolError, match="raise `memory_bytes`"):
        await confined.upstreams.refresh("eats")


async def test_closing_ends_every_child(confined):
    await join(confined, timekeeper("one"), timekeeper("two"))
    children = [confined.upstreams.connection(name).child for name in ("one", "two")]

    await confined.upstreams.close()

    for child in children:
        assert (await child.wait()).killed or (await child.wait()).code >= 0
        assert not os.path.exists(f"/proc/{child.pid}")  # noqa: PTH110, ASYNC240 -- a test may look
