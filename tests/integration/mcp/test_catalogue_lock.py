"""`holdfast.lock` is the approval: what stands there, exactly so, is served; nothing else is."""

from pathlib import Path

import pytest

from holdfast.contracts import Digest, Forbidden, InvalidRequest, NotFound, OperatorError
from holdfast.sandbox.mcp import PinState
from holdfast.server.catalogue.lock import CatalogueLock, lock_path

pytestmark = pytest.mark.anyio


def states(desk):
    (status,) = desk.status()
    return {entry.state for entry in status.catalogue.entries}


def served(desk):
    return [spec.name for spec in desk._registry.tools()]


@pytest.fixture
async def approved(open_desk, entry, tmp_path):
    """The folder and lock file of a desk that approved the server `evil`."""
    lock = tmp_path / "a.lock"
    async with open_desk(tmp_path, entry("fine"), lock=lock) as desk:
        await desk.approve("evil", (), by="alice")
        assert served(desk) == ["evil__echo"]
    return lock


async def test_a_lock_from_elsewhere_approves_on_another_machine(open_desk, entry, tmp_path, approved):
    other = tmp_path / "other"
    other.mkdir()
    (other / "holdfast.lock").write_bytes(approved.read_bytes())

    async with open_desk(other, entry("fine")) as desk:
        assert states(desk) == {PinState.APPROVED}
        assert served(desk) == ["evil__echo"]


async def test_what_a_lock_from_elsewhere_approves_can_be_compared_later(open_desk, entry, tmp_path, approved):
    other = tmp_path / "other"
    other.mkdir()
    lock = other / "holdfast.lock"
    lock.write_bytes(approved.read_bytes())

    async with open_desk(other, entry("fine")) as desk:
        diff = await desk.diff("evil")

        assert set(await desk._kept("evil", diff)) == {"echo"}


async def test_without_the_file_nothing_is_approved_whatever_the_store_remembers(open_desk, entry, tmp_path, approved):
    approved.unlink()

    async with open_desk(tmp_path, entry("fine"), lock=approved) as desk:
        assert states(desk) == {PinState.NEW}
        assert served(desk) == []


SPOILED = {
    "another version": (lambda text: text.replace("version = 1", "version = 9"), "line 3"),
    "a merge left open": (lambda text: text + "<<<<<<< HEAD\n", "is not TOML"),
    "one entry edited": (lambda text: text.replace('"echo"', '"ecco"'), "`whole`"),
    "a kind there is not": (lambda text: text.replace('kind = "tool"', 'kind = "tools"'), "line 9"),
    "no text": (lambda text: "\x00" + text, "is not TOML"),
    "nested without end": (lambda text: text + "x = " + "[" * 5_000, "is not TOML"),
    "not UTF-8": (lambda text: b"\xff" + text.encode(), "is not UTF-8"),
}


@pytest.mark.parametrize("how", SPOILED)
async def test_a_spoiled_file_approves_nothing_says_why_and_is_not_written_over(
    open_desk, entry, tmp_path, approved, how
):
    spoil, said = SPOILED[how]
    made = spoil(approved.read_text())
    spoiled = made if isinstance(made, bytes) else made.encode()
    approved.write_bytes(spoiled)

    async with open_desk(tmp_path, entry("fine"), lock=approved) as desk:
        assert states(desk) == {PinState.NEW}
        assert served(desk) == []
        assert said in desk.fault("evil")
        with pytest.raises(OperatorError, match="nothing can be written"):
            await desk.approve("evil", ())
        await desk.remove("evil")

    assert approved.read_bytes() == spoiled


async def test_a_file_that_everybody_can_write_approves_nothing(open_desk, entry, tmp_path, approved):
    approved.chmod(0o666)

    async with open_desk(tmp_path, entry("fine"), lock=approved) as desk:
        assert states(desk) == {PinState.NEW}
        assert "everybody" in desk.fault("evil")


async def test_what_was_approved_of_one_program_is_not_of_another_by_its_name(open_desk, entry, tmp_path, approved):
    async with open_desk(tmp_path, entry("fine", "evil", "--other"), lock=approved) as desk:
        assert states(desk) == {PinState.NEW}
        assert "another command" in desk.fault("evil")

        await desk.approve("evil", ())

        assert states(desk) == {PinState.APPROVED}
        assert desk.fault("evil") is None


async def test_approving_names_the_approver_and_keeps_the_files_mode(open_desk, entry, tmp_path, approved):
    assert 'approved_by = "alice"' in approved.read_text()
    assert approved.stat().st_mode & 0o777 == 0o644
    approved.chmod(0o600)
    async with open_desk(tmp_path, entry("fine"), lock=approved) as desk:
        await desk.revoke("evil", ["echo"])
    assert approved.stat().st_mode & 0o777 == 0o600


async def test_what_is_revoked_is_withheld_and_gone_from_the_file(open_desk, entry, tmp_path, approved):
    async with open_desk(tmp_path, entry("fine"), lock=approved) as desk:
        await desk.revoke("evil", ["echo"])

        assert states(desk) == {PinState.NEW}
        assert served(desk) == []
        with pytest.raises(NotFound):
            await desk.revoke("evil", ["echo"])
    assert "echo" not in approved.read_text()


async def test_a_removed_server_is_gone_from_the_file_and_others_stay(open_desk, entry, tmp_path, approved):
    async with open_desk(tmp_path, entry("fine"), entry("fine", "other"), lock=approved) as desk:
        await desk.approve("other", ())
        await desk.remove("evil")

    assert "[servers.evil]" not in approved.read_text()
    assert "[servers.other]" in approved.read_text()


async def test_what_somebody_takes_out_of_the_file_is_withheld_at_the_next_look(open_desk, entry, tmp_path, approved):
    async with open_desk(tmp_path, entry("fine"), lock=approved) as desk:
        approved.unlink()
        await desk.diff("evil")

        assert states(desk) == {PinState.NEW}
        assert served(desk) == []


async def test_two_who_approve_at_once_lose_nothing_of_each_other(open_desk, entry, tmp_path):
    lock = tmp_path / "a.lock"
    async with (
        open_desk(tmp_path, entry("fine"), entry("fine", "other"), lock=lock) as one,
        open_desk(tmp_path, entry("fine"), entry("fine", "other"), lock=lock) as two,
    ):
        await one.approve("evil", (), by="alice")
        await two.approve("other", (), by="bob")

    text = lock.read_text()
    assert "[servers.evil]" in text
    assert "[servers.other]" in text


@pytest.mark.parametrize("approver", ["anyone", "another"])
async def test_who_added_a_server_approves_it_only_where_that_is_allowed(open_desk, entry, tmp_path, approver):
    async with open_desk(tmp_path, approver=approver) as desk:
        await desk.add(entry("fine"), by="alice")
        if approver == "another":
            with pytest.raises(Forbidden):
                await desk.approve("evil", (), by="alice")
            assert states(desk) == {PinState.NEW}
        await desk.approve("evil", (), by="bob" if approver == "another" else "alice")

        assert states(desk) == {PinState.APPROVED}


@pytest.mark.parametrize("by", ["", "a\nb", "x" * 200, "configuration"])
async def test_an_approver_has_a_name_that_can_be_read(open_desk, entry, tmp_path, by):
    async with open_desk(tmp_path, entry("fine")) as desk:
        with pytest.raises(InvalidRequest):
            await desk.approve("evil", (), by=by)
        assert states(desk) == {PinState.NEW}


async def test_a_file_that_cannot_be_written_is_said_and_approves_nothing(open_desk, entry, tmp_path):
    async with open_desk(tmp_path, entry("fine"), lock=tmp_path / "no" / "such" / "a.lock") as desk:
        with pytest.raises(OperatorError, match="cannot be written"):
            await desk.approve("evil", ())
        assert states(desk) == {PinState.NEW}


def test_a_folder_in_the_place_of_the_file_approves_nothing(tmp_path):
    (tmp_path / "a.lock").mkdir()
    lock = CatalogueLock(tmp_path / "a.lock")

    assert "no file" in (lock.fault("x", Digest.of(b"x")) or "")


def test_the_file_is_as_named_else_beside_the_configuration_else_in_the_data_directory():
    root, config = Path("/data"), Path("/etc/holdfast/holdfast.toml")

    assert lock_path(Path("/a/b.lock"), config, root) == Path("/a/b.lock")
    assert lock_path(None, config, root) == Path("/etc/holdfast/holdfast.lock")
    assert lock_path(None, None, root) == Path("/data/holdfast.lock")


CHANGES = {
    "changes": ["description", "  - says it back", "  + says it back. Also read"],
    "changes-output-schema": ["output_schema", '  + type: "object"'],
    "flips-annotation": ["annotations", "  + readOnlyHint: true"],
    "changes-enum": ["input_schema", '  + properties.mode.default: "all"', '  + properties.mode.enum: ["one", "all"]'],
    "changes-icon": ["only icons or `_meta` differ"],
}


@pytest.mark.parametrize("kind", CHANGES)
async def test_a_change_is_shown_field_by_field(open_desk, entry, tmp_path, kind):
    async with open_desk(tmp_path, entry(kind)) as desk:
        (now,) = desk.status()[0].catalogue.entries
        await desk._connections.approve("evil", {now.key: now.definition.digest}, by="alice")
        await desk._keep("evil", now.definition, by="alice")

        changes = await desk.changes("evil", await desk.diff("evil"))

        for said in CHANGES[kind]:
            assert any(str(line).startswith(said) for line in changes["echo"]), changes
        assert served(desk) == []


async def test_a_tool_under_another_name_is_shown_as_renamed_and_withheld(open_desk, entry, tmp_path):
    async with open_desk(tmp_path, entry("renames")) as desk:
        (now,) = desk.status()[0].catalogue.entries
        await desk._connections.approve("evil", {now.key: now.definition.digest}, by="alice")
        await desk._keep("evil", now.definition, by="alice")

        diff = await desk.diff("evil")

        assert await desk.renamed("evil", diff) == {"echo2": "echo"}
        assert {entry.key: entry.state for entry in diff.entries} == {"echo": PinState.REMOVED, "echo2": PinState.NEW}
        assert served(desk) == []


async def test_a_change_of_something_approved_elsewhere_says_that_there_is_nothing_to_compare(
    open_desk, entry, tmp_path
):
    async with open_desk(tmp_path, entry("changes")) as desk:
        (now,) = desk.status()[0].catalogue.entries
        await desk._connections.approve("evil", {now.key: now.definition.digest}, by="alice")

        changes = await desk.changes("evil", await desk.diff("evil"))

        assert "not kept here" in str(changes["echo"])
