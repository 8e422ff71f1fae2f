"""A module that changed on disk puts its tool in quarantine, until what is wrong is put right and approved."""

import pytest

from holdfast.contracts import Conflict, OperatorError, ToolName
from holdfast.server.principals import OPERATOR

from ...doors.guests import saying
from .conftest import somebody

pytestmark = pytest.mark.anyio


async def test_a_changed_module_fails_one_call_and_denies_the_next(opened):
    async with opened() as living:
        kept = await living.install("tool", "honest")
        await living.install("other", "other")
        living.file(kept.module).write_bytes(saying("swapped"))

        assert await living.said("tool") == "wasm/integrity"
        result = await living.call("tool")
        assert (result.status.value, result.reason.code) == ("denied", "tool/quarantined")
        assert await living.states() == {"tool": "quarantined", "other": "approved"}
        assert await living.said("other") == "other"
        assert living.decisions("tool") == ["registered", "approved", "quarantined"]
        assert "tool" not in {spec.name for spec in living.house.registry.specs()}


async def test_a_module_that_is_gone_is_changed_too(opened):
    async with opened() as living:
        kept = await living.install("tool", "honest")
        living.file(kept.module).unlink()

        assert [await living.said("tool"), await living.said("tool")] == ["wasm/integrity", "tool/quarantined"]


async def test_every_tool_of_the_module_is_withheld(opened):
    async with opened() as living:
        kept = await living.install("one", "same")
        await living.install("two", "same")
        living.file(kept.module).write_bytes(b"")

        assert await living.said("one") == "wasm/integrity"
        assert await living.said("two") == "tool/quarantined"


async def test_quarantine_outlives_the_server(opened):
    async with opened() as living:
        kept = await living.install("tool", "honest")
        good = living.file(kept.module).read_bytes()
        living.file(kept.module).write_bytes(b"changed")
        await living.said("tool")

    async with opened() as living:
        living.file(kept.module).write_bytes(good)  # repaired is not approved
        assert await living.said("tool") == "tool/quarantined"


async def test_approving_lifts_it_once_the_bytes_are_the_registered_ones(opened):
    async with opened() as living:
        kept = await living.install("tool", "honest")
        good = living.file(kept.module).read_bytes()
        living.file(kept.module).write_bytes(b"changed")
        await living.said("tool")

        with pytest.raises(OperatorError, match="not the one that was registered"):
            await living.house.registrar.approve(ToolName("tool"), OPERATOR)
        assert await living.said("tool") == "tool/quarantined"

        living.file(kept.module).write_bytes(good)
        await living.house.registrar.approve(ToolName("tool"), OPERATOR)
        assert await living.said("tool") == "honest"
        assert await living.states() == {"tool": "approved"}


async def test_adding_it_again_repairs_the_bytes_and_approving_that_lifts_it(opened):
    async with opened() as living:
        kept = await living.install("tool", "honest")
        living.file(kept.module).write_bytes(b"changed")
        await living.said("tool")

        await living.install("tool", "honest")

        assert await living.said("tool") == "honest"
        assert await living.states() == {"tool": "approved"}
        assert [one["state"] for one in await living.verb("tools.versions", name="tool")] == ["withdrawn", "approved"]


async def test_what_somebody_else_registered_is_lifted_only_by_its_definition(opened):
    async with opened() as living:
        kept = await living.install("tool", "honest", who=somebody("alice"))
        good = living.file(kept.module).read_bytes()
        living.file(kept.module).write_bytes(b"changed")
        await living.said("tool")
        living.file(kept.module).write_bytes(good)

        with pytest.raises(Conflict):
            await living.house.registrar.approve(ToolName("tool"), OPERATOR)
        await living.house.registrar.approve(ToolName("tool"), OPERATOR, seen=kept.definition)
        assert await living.said("tool") == "honest"


async def test_a_module_that_changed_while_pending_is_not_approved(opened):
    async with opened() as living:
        registered = await living.add("tool", "honest")
        living.file(registered.module).write_bytes(saying("swapped"))

        with pytest.raises(OperatorError, match="not the one that was registered"):
            await living.house.registrar.approve(ToolName("tool"), OPERATOR)
        assert await living.said("tool") == "tools/unknown"


async def test_a_rollback_leads_out_of_quarantine_only_to_bytes_that_hold(opened):
    async with opened() as living:
        first = await living.install("tool", "first")
        second = await living.install("tool", "second", version="2.0.0")
        good = living.file(first.module).read_bytes()
        living.file(first.module).write_bytes(b"changed")
        living.file(second.module).write_bytes(b"changed")
        assert await living.said("tool") == "wasm/integrity"

        with pytest.raises(OperatorError, match="not the one that was registered"):
            await living.house.registrar.rollback(ToolName("tool"), OPERATOR)
        assert await living.said("tool") == "tool/quarantined"

        living.file(first.module).write_bytes(good)
        await living.house.registrar.rollback(ToolName("tool"), OPERATOR)
        assert await living.said("tool") == "first"
