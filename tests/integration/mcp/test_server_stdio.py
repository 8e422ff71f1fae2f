"""Our MCP server over stdio: the SDK's client speaks to it in both eras, and whatever else comes in is refused."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import mcp.types as t
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

HOST = Path(__file__).parent / "stdio_host.py"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}
CALL = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": "hi"}}}


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_of_either_era_lists_and_calls(mode):
    with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230 -- the SDK wants a file
        parameters = StdioServerParameters(command=sys.executable, args=[str(HOST)])
        async with asyncio.timeout(60), Client(stdio_client(parameters, nowhere), mode=mode, cache=None) as spoken:
            tools = (await spoken.list_tools()).tools
            results = await asyncio.gather(*(spoken.call_tool("echo", {"text": str(n)}) for n in range(20)))

    assert [tool.name for tool in tools] == ["echo"]
    assert [result.content[0].text for result in results] == [f"operator: {n}" for n in range(20)]


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_of_either_era_reads_hears_and_is_asked(mode):
    heard = []

    async def hear(done, total, message):
        heard.append((done, total, message))

    async def answer(_ctx, _params):
        return t.ElicitResult(action="accept", content={"name": "ada"})

    with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230 -- the SDK wants a file
        parameters = StdioServerParameters(command=sys.executable, args=[str(HOST)])
        async with (
            asyncio.timeout(60),
            Client(stdio_client(parameters, nowhere), mode=mode, cache=None, elicitation_callback=answer) as spoken,
        ):
            listed = (await spoken.list_resources()).resources
            read = await spoken.read_resource("memo://one")
            with pytest.raises(MCPError, match="no such resource"):
                await spoken.read_resource("memo://two")
            asked = await spoken.call_tool("echo", {"ask": True}, progress_callback=hear)

    assert [one.uri for one in listed] == ["memo://one"]
    assert read.contents[0].text == "<e>one</e>"
    assert asked.content[0].text == "{'name': 'ada'}"
    assert heard == [(1, 2, "asking")]


def spoken_to(lines: bytes) -> tuple[list[dict[str, object]], str]:
    """What a fresh server answers to *lines*, and what it says aside."""
    done = subprocess.run([sys.executable, str(HOST)], input=lines, capture_output=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def line(message: object) -> bytes:
    return json.dumps(message).encode() + b"\n"


def test_messages_that_cannot_be_taken_are_refused_one_by_one_and_the_rest_is_served():
    bad = [
        b'{"jsonrpc":"2.0","id":3,"method":"ping","method":"tools/list"}\n',
        b'{"jsonrpc":"2.0","id":4,"method":"ping","params":{"a":NaN}}\n',
        b'[{"jsonrpc":"2.0","id":5,"method":"ping"}]\n',
        b"\xff\xfe\n",
        b"{\n",
        b'{"jsonrpc":"2.0","id":6,"method":"ping","params":{"x":"' + b"y" * (5 << 20) + b'"}}\n',
        b'{"jsonrpc":"1.0","id":7,"method":"ping"}\n',
    ]
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    ping = {"jsonrpc": "2.0", "id": 8, "method": "ping"}

    answers, _aside = spoken_to(line(HELLO) + line(initialized) + b"\n\n" + b"".join(bad) + line(ping))

    refused = [answer for answer in answers if answer["id"] is None]
    assert len(refused) == len(bad)
    assert {answer["error"]["code"] for answer in refused} == {-32700, -32600}


def test_what_a_tool_prints_goes_to_standard_error_and_not_into_the_protocol():
    command = [sys.executable, str(HOST)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        server.stdin.write(line(HELLO) + line(CALL))
        server.stdin.flush()
        answers = [json.loads(server.stdout.readline()) for _ in range(2)]
        rest, aside = server.communicate(timeout=60)

    assert {answer["id"] for answer in answers} == {1, 2}
    assert rest == b""
    assert aside.decode().splitlines() == [
        "a stray line on standard output",
        "another that waits in its buffer",
        "served",
    ]
