"""MCP clients, the SDK's own: over HTTP with a token, and over stdio to a `holdfast` that they start themselves."""

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from .callers import Caller
from .server import environment
from .watching import DEADLINE_S


@contextlib.asynccontextmanager
async def over_http(caller: Caller, **options: object) -> AsyncIterator[Client]:
    """A client of `/mcp` with the token of *caller*."""
    headers = {"authorization": f"Bearer {caller.token}"}
    url = f"http://127.0.0.1:{caller.port}/mcp"
    async with (
        httpx2.AsyncClient(headers=headers, timeout=DEADLINE_S, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), cache=None, **options) as spoken,
    ):
        yield spoken


@contextlib.asynccontextmanager
async def over_stdio(home: Path, *verb: str, **options: object) -> AsyncIterator[Client]:
    """A client of `holdfast VERB…`, which it starts in *home*, away from any terminal, and ends."""
    parameters = StdioServerParameters(
        command="/usr/bin/setsid",
        args=["--wait", sys.executable, "-m", "holdfast", *verb],
        cwd=home,
        env=environment(),
    )
    with (home / "aside").open("a") as aside:
        async with Client(stdio_client(parameters, aside), cache=None, **options) as spoken:
            yield spoken


def shown(result: object) -> str:
    """Everything of *result* as text."""
    return result.model_dump_json(by_alias=True)
