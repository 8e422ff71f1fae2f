"""The record holds: every edit, removal, reordering and truncation is found, and a crash leaves nothing unexplained."""

import asyncio
import json
from pathlib import Path

import pytest

from holdfast.contracts import (
    CallId,
    Digest,
    InternalError,
    Principal,
    Scope,
    Status,
    TenantId,
    ToolName,
    ToolResult,
)
from holdfast.server.audit import AuditLog, ChainWriter, Durability, IntentRecord, tail, verify

KEY = bytes(range(32))
ALICE = Principal(subject="alice", tenant=TenantId("t"), scopes=frozenset({Scope.CALL}))


def opened(folder: Path, durability: Durability = Durability.PROCESS) -> AuditLog:
    return AuditLog(ChainWriter(folder, key=KEY, durability=durability))


def intent(call: str) -> IntentRecord:
    return IntentRecord(
        call_id=CallId(call),
        principal=ALICE,
        session="s",
        tool=ToolName("echo"),
        arguments=Digest.keyed(KEY, b"{}"),
        mode="run",
    )


def result(call: str) -> ToolResult:
    return ToolResult(call_id=CallId(call), tool=ToolName("echo"), status=Status.OK, output="x")


async def write(folder: Path, calls: int, durability: Durability = Durability.PROCESS) -> None:
    log = opened(folder, durability)
    for number in range(calls):
        log.intent(intent(f"c{number}"))
        await log.outcome(CallId(f"c{number}"), result(f"c{number}"), output=Digest.of(b"x"), log=None)
    await log.chain.aclose()


def only_segment(folder: Path) -> Path:
    (segment,) = folder.glob("*.jsonl")
    return segment


@pytest.mark.anyio
async def test_an_untouched_chain_holds(tmp_path: Path) -> None:
    await write(tmp_path / "a", 3, Durability.POWER)

    report = verify(tmp_path / "a", KEY)

    assert report.broken is None
    assert (report.records, report.calls) == (6, 3)


@pytest.mark.anyio
@pytest.mark.parametrize("number", range(6))
async def test_an_edited_record_is_found(tmp_path: Path, number: int) -> None:
    await write(tmp_path / "a", 3)
    segment = only_segment(tmp_path / "a")
    lines = segment.read_text().splitlines()
    record = json.loads(lines[number])
    record["call_id"] = "c9"
    lines[number] = json.dumps(record, sort_keys=True, separators=(",", ":"))
    segment.write_text("\n".join(lines) + "\n")

    report = verify(tmp_path / "a", KEY)

    assert report.broken == f"record {number + 1}: its content was changed"


@pytest.mark.anyio
@pytest.mark.parametrize("number", range(5))
async def test_a_removed_record_is_found(tmp_path: Path, number: int) -> None:
    await write(tmp_path / "a", 3)
    segment = only_segment(tmp_path / "a")
    lines = segment.read_text().splitlines()
    del lines[number]
    segment.write_text("\n".join(lines) + "\n")

    assert verify(tmp_path / "a", KEY).broken is not None


@pytest.mark.anyio
async def test_reordered_records_are_found(tmp_path: Path) -> None:
    await write(tmp_path / "a", 3)
    segment = only_segment(tmp_path / "a")
    lines = segment.read_text().splitlines()
    lines[2], lines[4] = lines[4], lines[2]
    segment.write_text("\n".join(lines) + "\n")

    assert verify(tmp_path / "a", KEY).broken is not None


@pytest.mark.anyio
async def test_a_cut_end_is_found_with_a_head_held_elsewhere(tmp_path: Path) -> None:
    await write(tmp_path / "a", 3)
    segment = only_segment(tmp_path / "a")
    whole = verify(tmp_path / "a", KEY)
    assert whole.head is not None
    segment.write_text("\n".join(segment.read_text().splitlines()[:-2]) + "\n")

    assert verify(tmp_path / "a", KEY).broken is None
    broken = verify(tmp_path / "a", KEY, head=(whole.records, whole.head)).broken
    assert broken == "record 6 of the checkpoint is gone; the chain ends at 4"


@pytest.mark.anyio
async def test_a_chain_rebuilt_without_the_key_is_found(tmp_path: Path) -> None:
    log = AuditLog(ChainWriter(tmp_path / "a", key=bytes(32), durability=Durability.PROCESS))
    log.intent(intent("c1"))
    await log.chain.aclose()

    assert verify(tmp_path / "a", KEY).broken == "record 1: its content was changed"


@pytest.mark.anyio
async def test_what_had_begun_is_closed_as_unknown_after_a_crash(tmp_path: Path) -> None:
    log = opened(tmp_path / "a")
    log.intent(intent("c1"))
    log.intent(intent("c2"))
    await log.outcome(CallId("c1"), result("c1"), output=Digest.of(b"x"), log=None)
    await log.chain.aclose()

    again = opened(tmp_path / "a")
    await again.chain.aclose()

    (last,) = tail(tmp_path / "a", 1)
    assert (last["kind"], last["call_id"], last["status"]) == ("outcome", "c2", "unknown")
    assert verify(tmp_path / "a", KEY).broken is None


@pytest.mark.anyio
async def test_half_a_line_left_by_a_power_cut_is_dropped_and_recorded(tmp_path: Path) -> None:
    await write(tmp_path / "a", 2)
    segment = only_segment(tmp_path / "a")
    with segment.open("ab") as file:
        file.write(b'{"kind":"inte')

    log = opened(tmp_path / "a")
    await log.chain.aclose()

    (last,) = tail(tmp_path / "a", 1)
    assert (last["kind"], last["bytes"]) == ("torn", 13)
    assert verify(tmp_path / "a", KEY).broken is None


@pytest.mark.anyio
async def test_two_writers_cannot_share_a_chain(tmp_path: Path) -> None:
    log = opened(tmp_path / "a")

    with pytest.raises(BlockingIOError):
        opened(tmp_path / "a")

    await log.chain.aclose()


@pytest.mark.anyio
async def test_a_closed_chain_takes_no_record(tmp_path: Path) -> None:
    log = opened(tmp_path / "a")
    await log.chain.aclose()

    with pytest.raises(InternalError):
        log.intent(intent("c1"))


@pytest.mark.anyio
async def test_many_that_wait_share_their_syncs_and_all_are_answered(tmp_path: Path) -> None:
    log = opened(tmp_path / "a", Durability.POWER)

    async def one(number: int) -> None:
        log.intent(intent(f"c{number}"))
        await log.outcome(CallId(f"c{number}"), result(f"c{number}"), output=Digest.of(b"x"), log=None)

    await asyncio.gather(*(one(number) for number in range(64)))
    await log.chain.aclose()

    report = verify(tmp_path / "a", KEY)
    assert (report.broken, report.calls) == (None, 64)


@pytest.mark.anyio
async def test_a_full_segment_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.server.audit.chain.SEGMENT_BYTES", 2_000)
    await write(tmp_path / "a", 20)
    await write(tmp_path / "a", 3)

    assert len(list((tmp_path / "a").glob("*.jsonl"))) > 3
    report = verify(tmp_path / "a", KEY)
    assert (report.broken, report.calls) == (None, 23)


@pytest.mark.anyio
async def test_a_record_that_follows_another_is_found(tmp_path: Path) -> None:
    """Somebody with the key forked the chain: each record holds by itself, and one does not follow the one before."""
    from holdfast.contracts.json_values import canonical

    await write(tmp_path / "a", 2)
    segment = only_segment(tmp_path / "a")
    lines = segment.read_text().splitlines()
    record = json.loads(lines[1])
    del record["hash"]
    record["prev"] = str(Digest.of(b"another head"))
    record["hash"] = str(Digest.keyed(KEY, canonical(record)))
    lines[1] = canonical(record).decode()
    segment.write_text("\n".join(lines) + "\n")

    assert verify(tmp_path / "a", KEY).broken == "record 2: it does not follow the record before it"
