"""`[policy]` beyond folder and profile: each key changes what a real house does."""

import asyncio
import contextlib
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.server import listening, reloading
from holdfast.server.store import RecordedInput

from .world import World, code, opened

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


async def test_record_keeps_what_policy_saw(tmp_path: Path) -> None:
    counts = []
    for value in ("off", "redacted"):
        async with opened(tmp_path / value, f'[policy]\nrecord = "{value}"') as world:
            await world.call("echo", {"text": "x"})
            if world.house.state.recorder is not None:
                await world.house.state.recorder.flush()
            counts.append(await world.house.state.inputs.count())

    assert counts == [0, 1]


async def test_record_days_is_how_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "SWEEP_SECONDS", 0.01)
    left = []
    for days in (2, 4):
        async with opened(tmp_path / str(days), f"[policy]\nrecord_days = {days}") as world:
            state = world.house.state
            row = RecordedInput(call_id="c", at=time.time() - 3 * 86_400, definition="blake3:" + "0" * 64, said={})
            await state.inputs.keep([row], {})
            await state.inputs.keep([replace(row, call_id="new", at=time.time())], {})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(listening._sweep(world.house), 0.5)
            left.append(sorted(one.call_id for one in await state.inputs.since(0)))

    assert left == [["new"], ["c", "new"]]


PARROT = '@id("no-parrot") @reason("r") forbid (principal, action, resource) when { principal.subject == "parrot" };\n'


@pytest.mark.parametrize("key", ['mode = "observe"', 'observe = ["policy/no-parrot"]'])
async def test_mode_and_observe_let_pass_what_would_be_denied(tmp_path: Path, key: str) -> None:
    codes = []
    for number, more in enumerate(("", key)):
        folder = tmp_path / str(number)
        shutil.copytree(POLICIES, folder / "policies")
        (folder / "policies" / "local.cedar").write_text(PARROT)
        async with opened(folder, f'[policy]\ndir = "policies"\n{more}') as world:
            codes.append(code(await world.call("echo", {"text": "x"}, who="parrot")))

    assert codes == ["policy/no-parrot", "ok"]
