"""`[policy]` beyond folder and profile: each key changes what a real house does."""

import asyncio
import shutil
from pathlib import Path

import pytest

from holdfast.server import reloading

from .world import World, opened

pytestmark = pytest.mark.anyio
POLICIES = Path(__file__).parents[2] / "policies"
OTHER = '@id("other") @reason("r") forbid (principal, action, resource) when { principal.subject == "nobody" };\n'


async def changes_itself(world: World, *, polls: int = 200) -> bool:
    """Whether a changed file counts without anybody asking."""
    before = world.house.policies.current().digest
    async with world.house.desks.reloading.listening(watch=world.house.settings.policy.watch):
        await asyncio.sleep(0.05)  # a look at what was there
        (world.folder / "policies" / "local.cedar").write_text(OTHER)
        for _ in range(polls):
            if world.house.policies.current().digest != before:
                return True
            await asyncio.sleep(0.05)
    return False


async def test_watch_loads_a_changed_folder_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "LOOK_S", 0.01)
    for name, polls in (("true", 200), ("false", 5)):
        shutil.copytree(POLICIES, tmp_path / name / "policies")
        async with opened(tmp_path / name, f'[policy]\ndir = "policies"\nwatch = {name}') as world:
            assert await changes_itself(world, polls=polls) is (name == "true")
