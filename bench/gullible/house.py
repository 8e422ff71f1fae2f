"""One `holdfast serve` for a suite and a profile: its configuration, its process, its workspace, its tokens."""

import asyncio
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import holdfast
from holdfast.server.admin import AdminClient

from .reading import Json
from .suite import Suite

START_S = 120.0
OPEN = "open"
"""The profile without a rule: what attacks do when nothing stands in their way."""
_OPEN_POLICIES = Path(__file__).parent / "open"
_SOURCE = Path(holdfast.__file__).parents[1]
_CONFIG: Mapping[str, Mapping[str, Json]] = {
    "server": {"port": 0, "allow_root": True, "admin_http": True},
    "audit": {"durability": "process"},
    "limits": {"calls_per_minute": 10_000_000, "burst": 1_000_000},
}


class HouseError(Exception):
    """The server did not start, or does not offer what the suite needs."""


class House:
    """A running server."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self.workspace = home / "workspace"
        self._admin = AdminClient(home / "data" / "admin.sock")

    async def verb(self, name: str, params: dict[str, Json]) -> Any:
        """Have an operator's verb done."""
        return await asyncio.to_thread(self._admin.call, name, params)

    async def token(self, subject: str, scope: str, tenant: str) -> str:
        """A token of *tenant*."""
        issued = await self.verb("tokens.issue", {"sub": subject, "scope": [scope], "tenant": tenant, "ttl_s": 36_000})
        return str(issued["token"])

    async def approve_upstreams(self, suite: Suite) -> None:
        """Approve every tool of the world's servers. Raises: HouseError."""
        for name, server in suite.world.servers.items():
            answer = await self.verb("upstreams.approve", {"name": name, "tools": []})
            approved = {row["tool"] for row in answer["tools"] if row["state"] == "approved"}
            missing = sorted(set(server.tools) - approved)
            if missing:
                raise HouseError(f"{suite.name}: the server does not offer {name}: {', '.join(missing)}")

    def reset_files(self, files: Mapping[str, str]) -> None:
        """The workspace holds exactly *files*; the folder itself stays the same one."""
        for entry in list(self.workspace.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for path, text in files.items():
            (self.workspace / path).parent.mkdir(parents=True, exist_ok=True)
            (self.workspace / path).write_text(text, encoding="utf-8")

    def file(self, path: str) -> str | None:
        """The text of a workspace file, or None. Links are not followed."""
        place = self.workspace
        for part in path.split("/"):
            place = place / part
            if place.is_symlink():
                return None
        return place.read_text(encoding="utf-8", errors="replace") if place.is_file() else None


def configuration(suite: Suite, profile: str, addresses: Mapping[str, str]) -> str:
    """The whole `holdfast.toml`."""
    config: dict[str, Json] = {name: dict(table) for name, table in _CONFIG.items()}
    if suite.world.has_files:
        config["workspace"] = {"root": "workspace"}
    config["policy"] = {"dir": "policies"} if profile == OPEN else {"profile": profile}
    config |= {name: table for name, table in suite.config.items() if name != "upstreams"}
    config["upstreams"] = [entry | {"url": addresses[entry["name"]]} for entry in suite.config.get("upstreams", ())]
    return "\n".join(_toml(config))


def _toml(config: Mapping[str, Json]) -> Iterator[str]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield f"[{name}]"
            yield from (f"{key} = {_inline(item)}" for key, item in value.items())
    for name, value in config.items():
        for row in value if isinstance(value, list) else ():
            yield f"[[{name}]]"
            yield from (f"{_inline(key)} = {_inline(item)}" for key, item in row.items())


def _inline(value: Json) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_inline(key)} = {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


@asynccontextmanager
async def housed(suite: Suite, profile: str, addresses: Mapping[str, str], home: Path) -> AsyncGenerator[House]:
    """A server for *suite* under *profile*, in the folder *home*. Raises: HouseError."""
    (home / "workspace").mkdir(parents=True)
    shutil.copytree(_OPEN_POLICIES, home / "policies")
    (home / "holdfast.toml").write_text(configuration(suite, profile, addresses), encoding="utf-8")
    command = [sys.executable, "-m", "holdfast", "serve", "--config", str(home / "holdfast.toml")]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOLDFAST_", "PYTEST_"))}
    with (home / "stdout").open("wb") as out, (home / "stderr").open("wb") as err:
        process = subprocess.Popen(  # noqa: ASYNC220 -- before anything is played
            [*command, "--data-dir", str(home / "data")],
            cwd=home,
            env=kept | {"PYTHONPATH": str(_SOURCE)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    try:
        house = House(home, await _port(home, process, suite))
        await house.approve_upstreams(suite)
        yield house
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, 30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _port(home: Path, process: "subprocess.Popen[bytes]", suite: Suite) -> int:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        found = re.search(r"^listening on http://127\.0\.0\.1:(\d+)$", (home / "stdout").read_text(), re.MULTILINE)
        if found:
            return int(found[1])
        if process.poll() is not None:
            said = " ".join((home / "stderr").read_text().split())[-600:]
            raise HouseError(f"{suite.name}/holdfast.toml: the server refuses it: {said}")
        await asyncio.sleep(0.05)
    raise HouseError(f"{suite.name}: the server did not listen within {START_S:.0f} s")


def fresh_tenant() -> str:
    """A name nobody had."""
    return "t-" + secrets.token_hex(6)
