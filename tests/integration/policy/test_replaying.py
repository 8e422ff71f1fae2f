"""A candidate is judged by what was recorded, and a diff says what it could not judge; both need no server."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError
from holdfast.server.cli import comparing
from holdfast.server.config import StoreSettings
from holdfast.server.policy_files import read_policy_set
from holdfast.server.policy_history import History, diff, read_history, replay, since_of
from tests.keys.world import opened

from .conftest import policies_in
from .test_recording import READS_TEXT, TOKEN

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, History]:
    """A data directory in which three calls of somebody were recorded, one of them with a secret; and candidates."""
    folder = tmp_path_factory.mktemp("day")
    policies_in(folder, READS_TEXT)
    async with opened(folder, '[policy]\ndir = "policies"\nrecord = "redacted"') as world:
        for text in ("LOUD", "quiet", TOKEN):
            await world.call("echo", {"text": text}, who="someone")
    shutil.copytree(folder / "policies", folder / "wider")
    (folder / "wider" / "local.cedar").write_text(READS_TEXT.replace("*LOUD*", "*LOUDER*"))
    shutil.copytree(folder / "policies", folder / "narrower")
    whispers = READS_TEXT.replace("*LOUD*", "*quiet*").replace("no-sh", "no-wh")
    (folder / "narrower" / "local.cedar").write_text(whispers + READS_TEXT)
    return folder, await read_history(folder / "data", StoreSettings(), 0)


async def test_a_replay_names_the_calls_that_would_have_gone_otherwise(day: tuple[Path, History]) -> None:
    folder, history = day

    (same,), code = replay(read_policy_set(str(folder / "policies")), history)
    assert (same["recorded"], same["same"], same["changed"], code) == (3, 2, [], 0)
    assert same["not_reconstructed"] == [{"why": "`input.text` was redacted when the call was recorded", "calls": 1}]

    (wider,), code = replay(read_policy_set(str(folder / "wider")), history)
    (one,) = wider["changed"]
    assert (one["then"]["decision"], one["now"]["decision"], one["wider"], code) == ("deny", "allow", True, 1)
    assert one["call"] == history.rows[0].call_id

    (narrower,), code = replay(read_policy_set(str(folder / "narrower")), history)
    assert ([one["now"]["decision"] for one in narrower["changed"]], code) == (["deny"], 0)


async def test_calls_that_do_not_open_are_counted_and_no_replay_calls_them_the_same(
    day: tuple[Path, History], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With another key, a replay used to say that no calls were recorded, and exit 0."""
    folder, _ = day
    shutil.copytree(folder / "data", tmp_path / "data")
    (tmp_path / "data" / "keys" / "decision-inputs").write_bytes(b"k" * 32)

    history = await read_history(tmp_path / "data", StoreSettings(), 0)
    assert (history.rows, history.unopened) == ((), 3)
    assert comparing._unopened(history) == 3
    assert "3 recorded calls do not open" in capsys.readouterr().err


async def test_a_diff_exits_1_on_any_widening_and_says_what_it_could_not_reconstruct(day: tuple[Path, History]) -> None:
    folder, history = day
    old = read_policy_set(str(folder / "policies"))

    (report,), code = diff(old, read_policy_set(str(folder / "wider")), history, profile="supervised", most=500)
    assert (code, report["wider"], report["recorded"]) == (1, True, 3)
    assert [one["calls"] for one in report["not_reconstructed"]] == [1]
    assert report["counts"]["newly allowed"] > 1
    assert report["differences"][0]["call"] == history.rows[0].call_id

    (report,), code = diff(old, read_policy_set(str(folder / "narrower")), history, profile="supervised", most=500)
    assert (code, report["wider"], report["counts"]["newly allowed"]) == (0, False, 0)
    assert report["counts"]["newly denied"] > 0

    (report,), code = diff(old, old, History(), profile="supervised", most=500)
    assert (code, report["differences"], report["made"]) == (0, [], 0)


def test_a_set_is_read_as_a_git_revision_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policies_in(tmp_path, READS_TEXT)
    who = ("-c", "user.name=x", "-c", "user.email=x@example.invalid")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    held = read_policy_set(str(tmp_path / "policies"))
    (tmp_path / "policies" / "local.cedar").write_text("permit (")
    monkeypatch.chdir(tmp_path)

    assert read_policy_set("HEAD:policies") == held
    for wrong in ("HEAD:nowhere", "nothing:policies", "nowhere"):
        with pytest.raises(OperatorError):
            read_policy_set(wrong)


def test_a_revision_is_never_an_option_of_git() -> None:
    with pytest.raises(OperatorError, match="does not begin"):
        read_policy_set("--output=x:policies")


async def test_a_folder_without_a_store_has_no_history_and_gets_none(tmp_path: Path) -> None:
    assert await read_history(tmp_path / "none", StoreSettings(), 0) == History()
    assert await read_history(tmp_path, StoreSettings(), 0) == History()
    assert not (tmp_path / "holdfast.db").exists()


def test_since_is_a_span_or_a_date() -> None:
    now = time.time()
    assert [since_of(one, now) for one in (None, "30m", "24h", "7d")] == [0, now - 1800, now - 86_400, now - 604_800]
    assert since_of("2026-11-21", now) == 1_795_219_200
    with pytest.raises(OperatorError, match="since"):
        since_of("yesterday", now)
