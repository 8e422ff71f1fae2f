"""What was wrong with wrapped servers and configured ones, and is not any more."""

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.contracts import HoldfastError, NotFound, ToolName
from holdfast.sandbox.mcp import PinState
from holdfast.server.config import Settings
from holdfast.server.demo.stage import package_root
from holdfast.server.faces import wrap_folder
from holdfast.server.house import House, Opening, Proving, open_house
from holdfast.server.upstream_settings import UpstreamGrants, UpstreamSettings
from holdfast.server.upstreams import desk
from holdfast.server.verbs import run_verb

LEAN = Opening(proving=Proving.EACH_WORKER, builtins=frozenset())
ASK = "from holdfast.server.faces import _asked; raise SystemExit(0 if _asked(2) else 1)"


def lengths(*, effects: tuple[str, ...] = ()) -> UpstreamSettings:
    return UpstreamSettings(
        name="lengths",
        command=(sys.executable, "-m", "holdfast.server.mcp.sample_server"),
        effects=effects,
        grants=UpstreamGrants(read=(package_root(),)),
    )


def answered(words: bytes) -> int:
    """What somebody at a real terminal says to the question: the exit code of a process that asks it."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASK])
    said = b""
    while b"[y/N]" not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, words)
    _pid, status = os.waitpid(process, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize(("words", "code"), [(b"y\n", 0), (b"YES\n", 0), (b"n\n", 1), (b"\n", 1)])
def test_somebody_at_the_terminal_can_approve(words: bytes, code: int):
    assert answered(words) == code


def test_without_a_terminal_nothing_is_approved():
    asked = subprocess.run([sys.executable, "-c", ASK], start_new_session=True, check=False, timeout=60)
    assert asked.returncode == 1


def states(house: House) -> set[PinState]:
    (status,) = house.upstreams.status()
    return {entry.state for entry in status.catalogue.entries}


@pytest.mark.anyio
async def test_a_verb_under_another_configuration_forgets_no_approval(tmp_path: Path):
    """`holdfast audit tail` from another folder used to take away what was approved of configured servers."""
    settings = Settings(upstreams=(lengths(),))
    async with open_house(settings, tmp_path / "data") as house:
        await house.upstreams.approve("lengths", ())
        assert states(house) == {PinState.APPROVED}

    async with open_house(Settings(), tmp_path / "data") as house:
        assert house.upstreams.status() == ()

    async with open_house(settings, tmp_path / "data") as house:
        await house.upstreams.looks.done()
        assert states(house) == {PinState.APPROVED}


@pytest.mark.anyio
async def test_a_name_that_another_program_had_starts_without_its_approvals(tmp_path: Path):
    async with open_house(Settings(upstreams=(lengths(),)), tmp_path / "data") as house:
        await house.upstreams.approve("lengths", ())
    other = lengths().model_copy(update={"command": (*(lengths().command or ()), "--other")})
    async with open_house(Settings(), tmp_path / "data") as house:
        await house.upstreams.add(other)
        assert states(house) == {PinState.NEW}
        assert "another command" in (house.upstreams.fault("lengths") or "")
    async with open_house(Settings(), tmp_path / "data") as house:
        assert states(house) == {PinState.NEW}


@pytest.mark.anyio
async def test_approving_a_tool_that_is_not_listed_is_refused(tmp_path: Path):
    async with open_house(Settings(upstreams=(lengths(),)), tmp_path / "data") as house:
        with pytest.raises(NotFound):
            await run_verb(house, "upstreams.approve", {"name": "lengths", "tools": ["convert", "typo"]})
        assert states(house) == {PinState.NEW}


@pytest.mark.anyio
async def test_a_kept_server_that_cannot_be_started_can_be_removed(tmp_path: Path):
    async with open_house(Settings(), tmp_path / "data") as house:
        await house.state.upstreams.put("broken", {"name": "broken", "no": "such key"}, by="operator")
    async with open_house(Settings(), tmp_path / "data") as house:
        await house.upstreams.remove("broken")
        with pytest.raises(NotFound):
            await house.upstreams.remove("broken")


@pytest.mark.anyio
async def test_a_server_that_could_not_be_added_leaves_its_name_free(tmp_path: Path):
    """Also when whoever added it did not wait for the end."""
    dies = UpstreamSettings(name="lengths", command=("/bin/false",))
    silent = UpstreamSettings(name="lengths", command=("/bin/sleep", "60"))
    async with open_house(Settings(), tmp_path / "data") as house:
        with pytest.raises(HoldfastError):
            await house.upstreams.add(dies)
        adding = asyncio.create_task(house.upstreams.add(silent))
        while not house.upstreams.status():  # noqa: ASYNC110 -- nothing announces it  # noqa: ASYNC110 -- waits for a task of its own loop
            await asyncio.sleep(0)
        adding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await adding
        await house.upstreams.add(lengths())


@pytest.mark.anyio
async def test_the_record_names_what_was_approved_of_a_server_by_digest(tmp_path: Path):
    async with open_house(Settings(), tmp_path / "data") as house:
        await run_verb(house, "upstreams.add", {"entry": lengths().model_dump(mode="json", exclude_none=True)})
        await run_verb(house, "upstreams.approve", {"name": "lengths"})
        record = (house.data.audit / house.audit.chain.name / "000000000001.jsonl").read_text()

    assert '"decision":"added"' in record
    assert '"tools":{"convert":"blake3:' in record


def test_two_wraps_of_one_command_with_other_grants_do_not_share_approvals(tmp_path: Path):
    assert wrap_folder(tmp_path, lengths()) == wrap_folder(tmp_path, lengths())
    assert wrap_folder(tmp_path, lengths()) != wrap_folder(tmp_path, lengths(effects=("egress",)))


@pytest.mark.anyio
async def test_a_verb_waits_for_the_slow_server_that_its_tool_belongs_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """`holdfast call git__git_status` without a server said `tools/unknown` of an approved tool on a busy machine."""
    settings = Settings(upstreams=(lengths(),))
    async with open_house(settings, tmp_path / "data", LEAN) as house:
        await house.upstreams.approve("lengths", ())

    monkeypatch.setattr(desk, "OPEN_SECONDS", 0.0)
    async with open_house(settings, tmp_path / "data", LEAN) as house:
        assert house.registry.get(ToolName("lengths__convert")) is None, "it is not there yet"
        said = await run_verb(
            house, "call", {"tool": "lengths__convert", "arguments": {"value": 1, "unit": "mile", "into": "foot"}}
        )

    assert isinstance(said, dict)
    assert said["status"] == "ok", said
