"""`[catalogue]`: where approvals of MCP servers are kept, and whose they may be."""

import sys
from pathlib import Path

import pytest

from holdfast.contracts import Forbidden, OperatorError
from holdfast.server.config import load_settings
from holdfast.server.demo.stage import package_root
from holdfast.server.house import Opening, open_house
from holdfast.server.verbs import run_verb

SERVER = f"""
[[upstreams]]
name = "lengths"
command = ["{sys.executable}", "-m", "holdfast.server.mcp.sample_server"]
grants = {{ read = ["{package_root()}"] }}
"""


def written(folder: Path, text: str) -> Path:
    config = folder / "holdfast.toml"
    config.write_text(text)
    return config


@pytest.mark.anyio
async def test_lock_is_where_approvals_are_written_and_read(tmp_path: Path):
    config = written(tmp_path, '[catalogue]\nlock = "reviewed/tools.lock"\n' + SERVER)
    lock = tmp_path / "reviewed" / "tools.lock"
    lock.parent.mkdir()

    async with open_house(load_settings(config), tmp_path / "data", Opening(config=config)) as house:
        await house.upstreams.approve("lengths", ())
        assert house.registry.get("lengths__convert") is not None

    assert "convert" in lock.read_text()
    assert not (tmp_path / "holdfast.lock").exists()


@pytest.mark.anyio
async def test_a_lock_that_a_server_may_write_stops_the_start(tmp_path: Path):
    granted = SERVER.replace("grants = { read", f'grants = {{ write = ["{tmp_path}/reviewed"], read')
    config = written(tmp_path, '[catalogue]\nlock = "reviewed/tools.lock"\n' + granted)

    with pytest.raises(OperatorError, match="overlap"):
        async with open_house(load_settings(config), tmp_path / "data", Opening(config=config)):
            pass


@pytest.mark.anyio
async def test_approver_another_is_not_who_added_the_server(tmp_path: Path):
    config = written(tmp_path, '[catalogue]\napprover = "another"\n')
    entry = {
        "name": "lengths",
        "command": [sys.executable, "-m", "holdfast.server.mcp.sample_server"],
        "grants": {"read": [str(package_root())]},
    }

    async with open_house(load_settings(config), tmp_path / "data", Opening(config=config)) as house:
        await run_verb(house, "upstreams.add", {"entry": entry, "by": "alice"})
        with pytest.raises(Forbidden):
            await run_verb(house, "upstreams.approve", {"name": "lengths", "by": "alice"})
        await run_verb(house, "upstreams.approve", {"name": "lengths", "by": "bob"})
        assert house.registry.get("lengths__convert") is not None
        record = (house.data.audit / house.audit.chain.name / "000000000001.jsonl").read_text()

    assert [line for line in record.splitlines() if '"by":"bob"' in line and '"approved"' in line]
