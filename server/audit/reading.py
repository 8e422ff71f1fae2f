"""Reads chains: the tail a writer continues from, and the check of every record. It never writes."""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from holdfast.contracts import Digest, IntegrityError, Json, MalformedJson, OperatorError
from holdfast.contracts.json_values import canonical, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """Where a chain stands, and which calls it began and did not close."""

    seq: int
    head: Digest | None
    segment: Path | None
    unclosed: tuple[str, ...]
    """Call ids with an intent and no outcome, oldest first."""
    torn_bytes: int = 0
    """Length of a last line that was never finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What a check of one chain found. `broken` is None when every record holds."""

    chain: str
    records: int
    calls: int
    head: Digest | None
    broken: str | None
    """Which record, and what is wrong with it."""


def genesis(key: bytes, chain: str) -> Digest:
    """What the first record of *chain* names as its predecessor."""
    return Digest.keyed(key, f"holdfast audit chain {chain}".encode())


def read_tail(folder: Path, key: bytes) -> Tail:
    """Find where to continue in *folder*, past any last line that a crash cut short.

    Raises: IntegrityError when the end of the chain does not hold.
    """
    segments = sorted(folder.glob("*.jsonl"))
    begun: dict[str, None] = {}
    last: dict[str, Json] | None = None
    torn = _torn_bytes(segments[-1]) if segments else 0
    for segment in segments[-2:]:
        for record in _records(segment, skip_end=torn if segment == segments[-1] else 0):
            last = record
            _follow(record, begun)
    if last is None:
        return Tail(seq=0, head=None, segment=segments[-1] if segments else None, unclosed=(), torn_bytes=torn)
    if not _holds(last, key):
        raise IntegrityError(
            f"the last record of audit chain `{folder.name}` does not hold",
            remedy="run `holdfast audit verify`; move the folder away to begin a new chain",
        )
    seq, head = last["seq"], Digest.parse(str(last["hash"]))
    if not isinstance(seq, int):
        raise IntegrityError(f"the last record of audit chain `{folder.name}` has no number")
    return Tail(seq=seq, head=head, segment=segments[-1], unclosed=tuple(begun), torn_bytes=torn)


def verify(folder: Path, key: bytes, *, head: tuple[int, Digest] | None = None) -> ChainReport:
    """Check every record of the chain in *folder*, and that it still reaches *head* when one is held elsewhere."""
    previous, seq, calls = genesis(key, folder.name), 0, 0
    wanted = head
    try:
        for segment in sorted(folder.glob("*.jsonl")):
            for record in _records(segment):
                wrong = _judge(record, key, seq=seq + 1, previous=previous, chain=folder.name)
                if wrong is not None:
                    return _report(folder, seq, calls, previous, f"record {seq + 1}: {wrong}")
                seq, previous = seq + 1, Digest.parse(str(record["hash"]))
                calls += record.get("kind") == "intent"
                if wanted is not None and wanted[0] == seq:
                    if wanted[1] != previous:
                        return _report(folder, seq, calls, previous, f"record {seq}: not the one in the checkpoint")
                    wanted = None
    except OperatorError as error:
        return _report(folder, seq, calls, previous, f"after record {seq}: {error.message}")
    if wanted is not None:
        missing = f"record {wanted[0]} of the checkpoint is gone; the chain ends at {seq}"
        return _report(folder, seq, calls, previous, missing)
    return _report(folder, seq, calls, previous, None)


def tail(folder: Path, count: int) -> list[dict[str, Json]]:
    """The last *count* records of the chain in *folder*, oldest first, unchecked. Only what is shown is parsed.

    Raises: IntegrityError when one of them is no record.
    """
    newest: deque[dict[str, Json]] = deque()
    for segment in sorted(folder.glob("*.jsonl"), reverse=True)[:2]:
        lines = segment.read_bytes().split(b"\n")[:-1]  # what follows the last newline is not a record yet
        for line in reversed(lines[-(count - len(newest)) :] if count > len(newest) else ()):
            newest.appendleft(_record(line, f"the tail of `{segment.name}`"))
    return list(newest)


def newest(audit: Path, count: int) -> list[dict[str, Json]]:
    """The last *count* records of all chains under *audit*, each chain in its own order, the latest last; unchecked.

    Raises: IntegrityError as `tail`.
    """
    chains = [tail(folder, count) for folder in sorted(audit.iterdir()) if folder.is_dir()]
    return list(heapq.merge(*chains, key=lambda record: str(record.get("at"))))[-count:]


def _report(folder: Path, seq: int, calls: int, head: Digest, broken: str | None) -> ChainReport:
    return ChainReport(chain=folder.name, records=seq, calls=calls, head=head if seq else None, broken=broken)


def _torn_bytes(segment: Path) -> int:
    data = segment.read_bytes()
    return len(data) - (data.rfind(b"\n") + 1)


def _records(segment: Path, *, skip_end: int = 0) -> Iterator[dict[str, Json]]:
    room = segment.stat().st_size - skip_end
    with segment.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            room -= len(line)
            if room < 0:
                return
            yield _record(line if line.endswith(b"\n") else b"", f"line {number} of `{segment.name}`")


def _record(line: bytes, where: str) -> dict[str, Json]:
    try:
        record = parse(line)
    except MalformedJson:
        record = None
    if not isinstance(record, dict):
        raise IntegrityError(f"{where} is not a whole record")
    return record


def _follow(record: dict[str, Json], begun: dict[str, None]) -> None:
    call = str(record.get("call_id"))
    match record.get("kind"):
        case "intent":
            begun[call] = None
        case "outcome":
            begun.pop(call, None)
        case _:
            pass


def _holds(record: dict[str, Json], key: bytes) -> bool:
    body = {name: value for name, value in record.items() if name != "hash"}
    try:
        return Digest.parse(str(record.get("hash"))) == Digest.keyed(key, canonical(body))
    except OperatorError:
        return False


def _judge(record: dict[str, Json], key: bytes, *, seq: int, previous: Digest, chain: str) -> str | None:
    if not _holds(record, key):
        return "its content was changed"
    if record.get("chain") != chain:
        return "it belongs to another chain"
    if record.get("seq") != seq:
        return "a record before it was removed or moved"
    if record.get("prev") != str(previous):
        return "it does not follow the record before it"
    return None
