"""The record: a call whose caller went away is in it, and whoever changes it on disk is found out."""

import json
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .callers import Caller
from .server import CANARY, Server, command_line, serving
from .watching import processes_with, until

pytestmark = pytest.mark.xdist_group("doors-alone")


def of_call(server: Server, call: str) -> list[dict[str, object]]:
    return [record for record in server.records() if record.get("call_id") == call]


def waiting_shell(server: Server, agent: Caller) -> tuple[dict[str, object], str, dict[str, str]]:
    """A shell call that will not end by itself: its arguments, its marker, and what lets it run."""
    marker = f"4{secrets.randbelow(10**9):09}"
    arguments = {"script": f"sleep {marker}; echo survived > survived-{marker}"}
    return arguments, marker, server.lifting(agent, "shell", arguments)


def test_a_call_whose_client_goes_away_is_recorded_as_cancelled_and_its_child_is_dead(
    server: Server, agent: Caller, other: Caller
):
    arguments, marker, lifting = waiting_shell(server, agent)
    before = {record.get("call_id") for record in server.records()}
    peer = agent.begin("shell", arguments, **lifting)
    until(lambda: processes_with(marker), "the child of the call")

    peer.close()

    until(lambda: not processes_with(marker), "the end of the child")
    (call,) = {
        record["call_id"]
        for record in server.records()
        if record.get("principal") == agent.name and record["call_id"] not in before
    }
    recorded = until(lambda: len(found := of_call(server, str(call))) == 2 and found, "both records of the call")
    assert [(one["kind"], one.get("status")) for one in recorded] == [("intent", None), ("outcome", "cancelled")]
    assert not (server.workspace / f"survived-{marker}").exists()
    assert other.said()


def test_a_call_that_was_cut_off_is_not_run_again_under_its_key(server: Server, agent: Caller):
    """It may have had its effect."""
    arguments, marker, lifting = waiting_shell(server, agent)
    peer = agent.begin("shell", arguments, **lifting, idempotency_key="once")
    until(lambda: processes_with(marker), "the child of the call")
    peer.close()
    until(lambda: not processes_with(marker), "the end of the child")

    again = agent.call("shell", arguments, **lifting, idempotency_key="once")

    assert again.status in {403, 409}
    assert processes_with(marker) == []


def test_every_call_has_two_records_whatever_became_of_it(server: Server, agent: Caller):
    calls = [
        agent.call("echo", {"text": "x"}),
        agent.call("no_such_tool", {}),
        agent.call("echo", {"wrong": 1}),
        agent.call("file_read", {"path": "../x"}),
        agent.call("shell", {"script": "true"}),
        agent.call("file_read", {"path": ".env"}),
        agent.call("echo", {"text": "x"}, dry_run=True),
    ]

    for answer in calls:
        kinds = [record["kind"] for record in of_call(server, answer.body["call_id"])]
        assert kinds == ["intent", "outcome"]


def test_the_record_holds_no_word_of_what_was_said(server: Server, agent: Caller):
    word = f"unmistakable{secrets.token_hex(8)}"
    agent.call("echo", {"text": word})
    agent.call("file_write", {"path": f"{word}.txt", "content": word})
    agent.call(word, {})
    agent.call("echo", {"text": "x"}, session=word)
    agent.call("shell", {"script": f"echo {word}"})

    written = b"".join(path.read_bytes() for path in (server.data / "audit").rglob("*.jsonl"))
    said = (server.home / "stderr").read_bytes() + (server.home / "stdout").read_bytes()

    assert word.encode() not in written + said
    assert CANARY.encode() not in written + said


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The data directory of a server that has stopped, and the head of its record, held elsewhere."""
    home = tmp_path_factory.mktemp("recorded")
    head = home / "head.json"
    with serving(home) as one:
        agent = one.agent("bookkeeper")
        for number in range(6):
            assert agent.said(f"number {number}")
        head.write_text(one.done("audit", "export", "--head"))
    return home / "data", head


def lines(chain: Path) -> list[bytes]:
    return chain.read_bytes().splitlines(keepends=True)


def edited(chain: Path, at: int, field: str, value: object) -> None:
    every = lines(chain)
    every[at] = (
        json.dumps({**json.loads(every[at]), field: value}, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    )
    chain.write_bytes(b"".join(every))


def rewritten(chain: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    chain.write_bytes(b"".join(change(lines(chain))))


TAMPERING: dict[str, tuple[Callable[[Path], None], str]] = {
    "another principal": (lambda chain: edited(chain, 4, "principal", "somebody-else"), "record 5"),
    "another status": (lambda chain: edited(chain, 5, "status", "denied"), "record 6"),
    "another number": (lambda chain: edited(chain, 4, "seq", 9), "record 5"),
    "another predecessor": (lambda chain: edited(chain, 4, "prev", "blake3:" + "0" * 64), "record 5"),
    "a field more": (lambda chain: edited(chain, 4, "note", "x"), "record 5"),
    "another digest": (lambda chain: edited(chain, 4, "hash", "blake3:" + "0" * 64), "record 5"),
    "the last one changed": (lambda chain: edited(chain, -1, "status", "denied"), "record 1"),
    "one removed": (lambda chain: rewritten(chain, lambda every: every[:4] + every[5:]), "record 5"),
    "the first removed": (lambda chain: rewritten(chain, lambda every: every[1:]), "record 1"),
    "two in another order": (
        lambda chain: rewritten(chain, lambda every: [*every[:4], every[5], every[4], *every[6:]]),
        "record 5",
    ),
    "one twice": (lambda chain: rewritten(chain, lambda every: every[:5] + every[4:]), "record 6"),
    "half a line": (lambda chain: chain.write_bytes(chain.read_bytes()[:-20]), "record"),
    "a line of noise": (lambda chain: rewritten(chain, lambda every: [*every[:4], b"noise\n", *every[4:]]), "record 4"),
    "a key twice": (
        lambda chain: rewritten(
            chain, lambda every: [*every[:4], every[4].replace(b"{", b'{"kind":"x",', 1), *every[5:]]
        ),
        "record 4",
    ),
}


def copied(recorded: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the data directory to tamper with, and its one chain."""
    data = tmp_path / "data"
    shutil.copytree(recorded[0], data, ignore=shutil.ignore_patterns("*.sock"))
    (chain,) = (data / "audit").rglob("*.jsonl")
    return data, chain


def verified(data: Path, *more: str) -> tuple[int, str]:
    ended = command_line("audit", "verify", "--data-dir", str(data), *more, home=data.parent)
    return ended.returncode, ended.stdout + ended.stderr


def test_a_record_that_nobody_touched_holds(recorded: tuple[Path, Path], tmp_path: Path):
    data, _ = copied(recorded, tmp_path)

    assert verified(data)[0] == 0
    assert verified(data, "--head", str(recorded[1]))[0] == 0


@pytest.mark.parametrize("way", TAMPERING)
def test_a_record_that_was_changed_is_found_and_named(recorded: tuple[Path, Path], tmp_path: Path, way: str):
    data, chain = copied(recorded, tmp_path)
    before = chain.read_bytes()
    tamper, named = TAMPERING[way]
    tamper(chain)
    assert chain.read_bytes() != before

    code, said = verified(data)

    assert code == 1
    assert named in said
    assert "broken" in said


@pytest.mark.parametrize("count", [1, 2, 9])
def test_an_end_that_was_cut_off_is_found_with_a_head_held_elsewhere(
    recorded: tuple[Path, Path], tmp_path: Path, count: int
):
    data, chain = copied(recorded, tmp_path)
    total = len(lines(chain))
    last = json.loads(recorded[1].read_text())["seq"]
    rewritten(chain, lambda every: every[: last - count])

    code, said = verified(data, "--head", str(recorded[1]))

    assert total >= last
    assert code == 1
    assert f"record {last}" in said
    assert verified(data)[0] == 0  # nothing within the chain shows it: that is why heads are held elsewhere


def test_a_head_that_somebody_else_wrote_proves_nothing(recorded: tuple[Path, Path], tmp_path: Path):
    data, chain = copied(recorded, tmp_path)
    rewritten(chain, lambda every: every[:-2])
    last = json.loads(lines(chain)[-1])
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps({**json.loads(recorded[1].read_text()), "seq": last["seq"], "hash": last["hash"]}))

    assert verified(data, "--head", str(forged))[0] != 0


def test_a_chain_that_is_gone_is_found_with_a_head_held_elsewhere(recorded: tuple[Path, Path], tmp_path: Path):
    data, chain = copied(recorded, tmp_path)
    shutil.rmtree(chain.parent)

    code, said = verified(data, "--head", str(recorded[1]))

    assert code == 1
    assert chain.parent.name in said


def test_a_record_made_under_another_key_does_not_hold(recorded: tuple[Path, Path], tmp_path: Path):
    """Whoever lost the key cannot go on as if nothing had happened."""
    data, _ = copied(recorded, tmp_path)
    (data / "keys" / "audit").unlink()

    assert verified(data)[0] != 0


def test_a_server_does_not_go_on_from_an_end_that_does_not_hold(recorded: tuple[Path, Path], tmp_path: Path):
    data, chain = copied(recorded, tmp_path)
    edited(chain, -1, "status", "denied")
    (tmp_path / "workspace").mkdir()
    config = tmp_path / "holdfast.toml"
    config.write_text('[server]\nport = 0\nallow_root = true\n[workspace]\nroot = "workspace"\n')

    ended = command_line("serve", "--data-dir", str(data), "--config", str(config), home=tmp_path)

    assert ended.returncode == 2
    assert "does not hold" in ended.stderr
    assert "listening" not in ended.stdout
