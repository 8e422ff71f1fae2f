"""HTTP upstreams of both eras: our own MCP server, and npm's server-everything."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from holdfast.contracts import Completed, Failed, Refused
from holdfast.sandbox.mcp import UpstreamConfig

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
EVERYTHING = ROOT / ".tools" / "npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js"


@contextlib.asynccontextmanager
async def ours(house, mcp_http, service):
    async with mcp_http(service) as (endpoint, url):
        headers = (("Authorization", "Bearer alice"),)
        house.upstreams.add(UpstreamConfig(name="ours", url=url, headers=headers))
        await house.approve_all("ours")
        try:
            yield endpoint
        finally:
            await house.upstreams.close()


async def test_a_modern_server_is_called(house, mcp_http, small_service):
    async with ours(house, mcp_http, small_service()):
        outcome = await house.call("ours__echo", {"text": "hi"})

        assert isinstance(outcome, Completed)
        assert outcome.content[0].text == "<tool_output>hi</tool_output>"
        assert house.upstreams.status()[0].version == "2026-07-28"


async def test_a_token_the_server_does_not_take_is_a_failure_with_nothing_of_the_token_in_it(
    house, mcp_http, small_service
):
    async with ours(house, mcp_http, small_service()):
        spec = house.spec("ours__echo")
        url = house.upstreams.connection("ours").config.url
        await house.upstreams.remove("ours")
        house.upstreams.add(UpstreamConfig(name="ours", url=url, headers=(("Authorization", "Bearer hunter2"),)))

        outcome = await house.call("ours__echo", spec=spec)

        assert isinstance(outcome, Failed)
        assert "hunter2" not in repr(outcome)


async def test_cancelling_a_call_reaches_a_modern_server(house, mcp_http, small_service):
    service = small_service()
    async with ours(house, mcp_http, service):
        task = asyncio.create_task(house.call("ours__wait"))
        await service.started.wait()

        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            await service.one_ended.wait()
        assert service.ended == ["cancelled"]


async def test_a_tool_that_is_taken_away_is_noticed_when_the_server_says_so(house, mcp_http, small_service):
    service = small_service()
    async with ours(house, mcp_http, service) as endpoint:
        spec = house.spec("ours__echo")
        service.hidden["alice"] = {"echo"}

        async with asyncio.timeout(20):
            while any(one.name == "ours__echo" for one in house.upstreams.specs()):
                await endpoint.changed()
                await asyncio.sleep(0.02)
        outcome = await house.call("ours__echo", spec=spec)

        assert isinstance(outcome, Refused)


@pytest.fixture
async def everything_url(node_path):
    if not EVERYTHING.exists():
        pytest.skip("`make test` installs it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(  # noqa: ASYNC220 -- a fixture may wait
        [node_path, str(EVERYTHING), "streamableHttp"],
        env={**os.environ, "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def test_a_server_of_the_handshake_era_is_called_over_http(house, everything_url):
    house.upstreams.add(UpstreamConfig(name="all", url=everything_url))
    await house.approve_all("all")

    outcomes = await asyncio.gather(*(house.call("all__echo", {"message": str(n)}) for n in range(8)))
    await house.upstreams.close()

    assert [outcome.content[0].text for outcome in outcomes] == [f"Echo: {n}" for n in range(8)]
