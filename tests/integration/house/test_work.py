"""What one call costs, counted in things that do not depend on the machine: statements, processes, bytes, syncs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.contracts import Principal

from .conftest import World

pytestmark = pytest.mark.anyio
Fresh = Callable[[], Principal]
RECORD_BYTES = 1_600
"""Both records of an echo, with room for ids."""


def processes() -> set[str]:
    """Processes of this machine whose parent is this one."""
    mine = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if parent == str(os.getpid()):
            mine.add(folder.name)
    return mine


async def test_an_ordinary_call_sends_no_sql_and_starts_no_process(world: World, fresh: Fresh) -> None:
    who = fresh()
    await world.call("echo", {"text": "warm"}, principal=who)
    statements, children = world.house.state.store.statements, processes()

    for number in range(20):
        await world.call("echo", {"text": str(number)}, principal=who)

    assert world.house.state.store.statements == statements
    assert processes() == children


async def test_a_session_that_learns_nothing_new_asks_only_what_labels_the_file_has(world: World, fresh: Fresh) -> None:
    (world.workspace / "a").write_text("x")
    who = fresh()
    await world.call("file_read", {"path": "a"}, principal=who)
    statements = world.house.state.store.statements

    for _ in range(20):
        await world.call("file_read", {"path": "a"}, principal=who)

    assert world.house.state.store.statements == statements + 20


async def test_a_call_writes_two_records_of_bounded_size(world: World, fresh: Fresh) -> None:
    who = fresh()
    await world.call("echo", {"text": "warm"}, principal=who)
    (segment,) = (world.house.data.audit / world.house.audit.chain.name).glob("*.jsonl")
    size = segment.stat().st_size

    await world.call("echo", {"text": "x" * 50_000}, principal=who)

    assert segment.stat().st_size - size < RECORD_BYTES
    assert [record["kind"] for record in world.records(2)] == ["intent", "outcome"]


async def test_calls_that_end_together_share_their_syncs(
    world: World, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    real, syncs = os.fsync, 0

    def counted(fd: int) -> None:
        nonlocal syncs
        syncs += 1
        real(fd)

    monkeypatch.setattr(os, "fsync", counted)
    who = fresh()
    await asyncio.gather(*(world.call("echo", {"text": str(number)}, principal=who) for number in range(50)))

    assert syncs <= 50
