"""ContextForge (PyPI `mcp-contextforge-gateway`) as a gateway to one server, from a virtual environment of its own.

`make bench-others` puts it into `.tools/contextforge`; without it its rows are left out, and the page says so. Its
state is in a folder that the caller removes. It speaks no revision later than 2025-11-25.
"""

import asyncio
import os
import secrets
import socket
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

FOLDER = Path(__file__).resolve().parents[1] / ".tools" / "contextforge"
TOOL = "echo-echo"
START_S = 180.0


@asynccontextmanager
async def contextforge(url: str, folder: Path, *, stateful: bool) -> AsyncGenerator[tuple[str, str]]:
    """Start it in front of *url*, with sessions or without; answers its URL and a token for it."""
    folder.mkdir()  # noqa: ASYNC240 -- before anything is measured
    given = _settings(folder, stateful=stateful)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = FOLDER / "bin"
    child = subprocess.Popen(  # noqa: ASYNC220 -- before anything is measured
        [program / "mcpgateway", "--host", "127.0.0.1", "--port", str(port)],
        cwd=folder,
        env=given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        token = _token(program, given)
        where = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(
            base_url=where, headers={"authorization": f"Bearer {token}"}, timeout=60, trust_env=False
        ) as http:
            await _until_it_answers(http)
            entry = {"name": "echo", "url": url, "transport": "STREAMABLEHTTP"}
            (await http.post("/gateways", json=entry)).raise_for_status()
        yield f"{where}/mcp/", token
    finally:
        child.terminate()
        child.wait()


def _settings(folder: Path, *, stateful: bool) -> dict[str, str]:
    return os.environ | {
        "RATE_LIMITING_ENABLED": "false",
        "TOOL_RATE_LIMIT": "1000",
        "AUTH_ENCRYPTION_SECRET": secrets.token_hex(32),
        "BASIC_AUTH_PASSWORD": "Aa1-" + secrets.token_hex(16),
        "CACHE_TYPE": "memory",
        "DATABASE_URL": f"sqlite:///{folder}/state.db",
        "JWT_SECRET_KEY": secrets.token_hex(32),
        "LOG_LEVEL": "ERROR",
        "MCPGATEWAY_ADMIN_API_ENABLED": "false",
        "MCPGATEWAY_UI_ENABLED": "false",
        "PLATFORM_ADMIN_PASSWORD": "Aa1-" + secrets.token_hex(16),
        "SSRF_ALLOW_LOCALHOST": "true",
        "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
        "USE_STATEFUL_SESSIONS": str(stateful).lower(),
    }


def _token(program: Path, given: dict[str, str]) -> str:
    words = ["--username", "admin@example.com", "--exp", "600", "--secret", given["JWT_SECRET_KEY"]]
    said = subprocess.run(
        [program / "python", "-m", "mcpgateway.utils.create_jwt_token", *words],
        env=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.split()[-1]


async def _until_it_answers(http: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(START_S):
        while True:
            try:
                (await http.get("/health")).raise_for_status()
            except httpx2.HTTPError:
                await asyncio.sleep(0.5)
            else:
                return
