"""Versions stand side by side, any that was approved can be gone back to, and a source goes with all it brought."""

import pytest

from holdfast.contracts import Forbidden, NotFound, ToolName
from holdfast.server.principals import OPERATOR

from .conftest import somebody

pytestmark = pytest.mark.anyio
ALICE, MALLORY = somebody("alice"), somebody("mallory")


async def test_a_version_that_waits_leaves_the_approved_one_in_service(opened):
    async with opened() as living:
        await living.install("tool", "first")
        await living.add("tool", "second", version="2.0.0")

        assert await living.said("tool") == "first"
        versions = await living.verb("tools.versions", name="tool")
        assert [(one["version"], one["state"]) for one in versions] == [("1.0.0", "approved"), ("2.0.0", "pending")]
        assert versions[0]["approved_by"] == "operator"


async def test_any_version_that_was_approved_can_be_gone_back_to(opened):
    async with opened() as living:
        for number, word in enumerate(("first", "second", "third"), 1):
            await living.install("tool", word, version=f"{number}.0.0")

        await living.verb("tools.rollback", name="tool")
        assert await living.said("tool") == "second"
        await living.verb("tools.rollback", name="tool", version="1.0.0")
        assert await living.said("tool") == "first"
        with pytest.raises(NotFound):
            await living.verb("tools.rollback", name="tool", version="9.0.0")
        assert await living.said("tool") == "first"


async def test_a_source_goes_with_everything_it_registered_and_nothing_else(opened):
    async with opened() as living:
        await living.install("mine", "mine", who=ALICE)
        await living.install("served", "served", who=MALLORY)
        await living.add("waiting", "waiting", who=MALLORY)
        await living.install("shared", "alice's", who=ALICE)
        await living.install("shared", "mallory's", who=MALLORY, version="2.0.0")

        answer = await living.verb("tools.withdraw", source="mallory")

        assert answer["removed"] == ["served", "shared", "waiting"]
        assert await living.states() == {"mine": "approved"}
        assert [await living.said(name) for name in ("mine", "served", "shared")] == [
            "mine",
            "tools/unknown",
            "tools/unknown",
        ]
        assert living.decisions("served")[-1] == "withdrawn"
        assert (await living.verb("tools.withdraw", source="mallory"))["removed"] == []


async def test_no_rollback_brings_a_source_back(opened):
    async with opened() as living:
        await living.install("tool", "mallory's", who=MALLORY)
        await living.install("tool", "alice's", who=ALICE, version="2.0.0")
        await living.verb("tools.withdraw", source="mallory")

        assert await living.said("tool") == "alice's"
        with pytest.raises(NotFound):
            await living.house.registrar.rollback(ToolName("tool"), OPERATOR)


async def test_an_agent_host_removes_only_its_own(opened):
    async with opened() as living:
        await living.install("mine", "mine", who=ALICE)
        with pytest.raises(Forbidden):
            await living.house.registrar.withdraw("alice", MALLORY)
        assert await living.house.registrar.withdraw("alice", somebody("alice", "another tenant")) == ()
        assert await living.said("mine") == "mine"

        assert await living.house.registrar.withdraw("alice", ALICE) == ("mine",)
        assert await living.said("mine") == "tools/unknown"
