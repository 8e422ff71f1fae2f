"""What was wrong with keys, the record and the library's state, and is not any more."""

import asyncio
import os
import sys
import time
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from holdfast.contracts import CallId, Digest, InternalError, OperatorError, ToolName
from holdfast.server.assembly import KeyedFiles
from holdfast.server.assembly.state import _free_chain
from holdfast.server.audit import ChainWriter, Durability, newest
from holdfast.server.config import Settings
from holdfast.server.data_dir import DataDir, find_data_dir, key_at, user_cache
from holdfast.server.demo.stage import word_count
from holdfast.server.house import open_house
from holdfast.server.principals import OPERATOR
from holdfast.server.store import ToolState
from tests.unit.server.audit.test_chain import KEY, intent, opened, result, write

MAKE_KEY = (
    "import sys, time; from pathlib import Path; from holdfast.server.data_dir import key_at\n"
    "while time.time() < float(sys.argv[2]): pass\n"
    "print(''.join(key_at(Path(f'{sys.argv[1]}/{n}')).hex() for n in range(100)))"
)


def test_two_processes_that_make_a_key_at_once_have_the_same_whole_one(tmp_path: Path):
    """A second `wrap` that started with the first found half a key, and called it damaged."""
    start = str(time.time() + 2)
    processes = [Popen([sys.executable, "-c", MAKE_KEY, str(tmp_path), start], stdout=PIPE) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert said[0] == said[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(str(number) for number in range(100))


def test_a_key_is_in_its_place_only_once_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A crash between the two left an empty file, which no start got past."""
    there: list[bool] = []
    sync = os.fsync

    def looked(descriptor: int) -> None:
        there.append((tmp_path / "key").exists())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", looked)
    assert key_at(tmp_path / "key") == key_at(tmp_path / "key")
    assert there == [False]


def test_a_key_that_is_not_whole_is_still_refused(tmp_path: Path):
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(OperatorError, match="damaged"):
        key_at(tmp_path / "key")


def test_a_user_without_a_home_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "HOLDFAST_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", homeless)

    assert user_cache() is None
    with pytest.raises(OperatorError, match="home"):
        find_data_dir(None)


def test_a_cache_that_cannot_be_written_keeps_nobody_from_working(tmp_path: Path):
    KeyedFiles(tmp_path / "gone", bytes(32)).save("leaks", b"database")


@pytest.mark.parametrize("place", ["file", "file/below", "data"])
def test_a_data_directory_that_will_not_do_is_an_operators_error(tmp_path: Path, place: str):
    (tmp_path / "file").write_text("x")
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "audit").write_text("x")
    with pytest.raises(OperatorError):
        DataDir.open(tmp_path / place)


@pytest.mark.anyio
async def test_a_stray_file_beside_the_chains_is_no_chain(tmp_path: Path):
    data = DataDir.open(tmp_path / "data")
    (data.audit / "note.txt").write_text("x")
    chain = _free_chain(data, Durability.PROCESS)
    await chain.aclose()


@pytest.mark.anyio
async def test_a_call_that_ended_and_was_then_cut_off_has_one_outcome(tmp_path: Path):
    log = opened(tmp_path / "a")
    log.intent(intent("c"))
    await log.outcome(CallId("c"), result("c"), output=Digest.of(b"x"), log=None)
    log.cancelled(CallId("c"))
    await log.chain.aclose()

    assert [record["kind"] for record in newest(tmp_path, 10)] == ["intent", "outcome"]


@pytest.mark.anyio
async def test_a_disk_that_once_did_not_take_a_record_is_not_trusted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The kernel reports a failed write-back once; a second fsync would say all is well."""
    chain = ChainWriter(tmp_path / "a", key=KEY, durability=Durability.POWER)
    receipt = chain.append({"kind": "x"})
    with monkeypatch.context() as patch:

        def broken(_descriptor: int) -> None:
            raise OSError(5, "Input/output error")

        patch.setattr(os, "fsync", broken)
        with pytest.raises(InternalError):
            await chain.durable(receipt.seq)

    assert not chain.writable
    with pytest.raises(InternalError):
        chain.append({"kind": "x"})
    await chain.aclose()


@pytest.mark.anyio
async def test_the_newest_records_of_all_chains_are_shown_while_one_is_being_written(tmp_path: Path):
    await write(tmp_path / "a", 3)
    await write(tmp_path / "b", 2)
    (segment,) = (tmp_path / "b").glob("*.jsonl")
    with segment.open("ab") as file:
        file.write(b'{"kind": "half a')

    assert [record["seq"] for record in newest(tmp_path, 4)] == [1, 2, 3, 4]
    assert len(newest(tmp_path, 100)) == 10


@pytest.mark.anyio
async def test_what_is_served_of_a_tool_is_what_is_kept_when_the_store_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    manifest, module = await word_count()
    name = ToolName("word_count_wat")
    async with open_house(Settings(), tmp_path / "data") as house:
        await house.registrar.register(manifest, module, OPERATOR)

        async def full(*_what: object, **_how: object) -> None:
            raise RuntimeError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(type(house.state.tools), "approve", full)
            with pytest.raises(RuntimeError):
                await house.registrar.approve(name, OPERATOR)
        assert house.registry.get(name) is None

        await house.registrar.approve(name, OPERATOR)
        await house.registrar.register(manifest.replace('"1.0.0"', '"1.0.1"'), module, OPERATOR)
        await house.registrar.approve(name, OPERATOR)
        served = house.registry.get(name)

        with monkeypatch.context() as patch:
            patch.setattr(house.registrar, "_refit", _unfit)
            with pytest.raises(OperatorError):
                await house.registrar.rollback(name, OPERATOR)
        kept = await house.state.tools.get(name, ToolState.APPROVED)
        assert kept is not None
        assert served is not None
        assert house.registry.get(name) == served
        assert kept.definition == served.digest

        back = await house.registrar.rollback(name, OPERATOR)
        assert back.version == "1.0.0"
        again = house.registry.get(name)
        assert again is not None
        assert again.digest == back.definition


def _unfit(_specs: object) -> None:
    raise OperatorError("policy does not fit")


@pytest.mark.anyio
async def test_a_key_taken_by_a_call_that_was_cut_off_at_that_moment_is_given_back(tmp_path: Path):
    from holdfast.server.dispatch import Once
    from holdfast.server.store import Idempotency
    from tests.integration.house.conftest import someone, wanted

    async with open_house(Settings(), tmp_path / "data") as house:
        keys: Idempotency = house.state.idempotency
        once, digest = Once(keys), Digest.of(b"x")
        call = wanted("echo", {"text": "x"}, idempotency_key="k")
        taking = asyncio.create_task(once.begin(call, someone("a"), digest))
        await asyncio.sleep(0)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking

        assert await once.begin(call, someone("a"), digest) is None
