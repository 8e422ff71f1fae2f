"""An answer of a webhook decides only under our key, now, for the approval it names; nobody else has the key."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import ApprovalId, OperatorError
from holdfast.server.store import Ruling
from holdfast.server.webhook_wire import (
    FRESH_S,
    SIGNATURE,
    TIMESTAMP,
    Decided,
    Ignored,
    read_answer,
    read_key,
    signed,
)

KEY = b"k" * 32
NOW = 1_800_000_000.0
ID = ApprovalId("0123456789abcdef0123456789abcdef")


def body(**more: object) -> bytes:
    return json.dumps({"id": ID, "decision": "approve"} | more).encode()


def read(data: bytes, headers: dict[str, str] | None = None, *, now: float = NOW) -> Decided | Ignored:
    return read_answer(KEY, signed(KEY, data, NOW) if headers is None else headers, data, approval=ID, now=now)


@pytest.mark.parametrize(("word", "ruling"), [("approve", Ruling.APPROVE), ("deny", Ruling.DENY)])
def test_a_signed_answer_decides(word: str, ruling: Ruling):
    assert read(body(decision=word)) == Decided(ruling, None)
    assert read(body(decision=word, note="seen")) == Decided(ruling, "seen")


def test_the_signature_is_what_the_page_says():
    """A vector made with openssl: `printf '1800000000.{}' | openssl dgst -sha256 -hmac kkkk…`."""
    assert signed(KEY, b"{}", NOW) == {
        TIMESTAMP: "1800000000",
        SIGNATURE: "v1=724b379a5efd76c30d6bed85a07a8e2b9b8b6ef15e94c73b8f67d4ed35412105",
    }


@given(st.integers(0, len(body()) - 1), st.integers(1, 255))
def test_a_changed_byte_decides_nothing(place: int, change: int):
    data = bytearray(body())
    headers = signed(KEY, bytes(data), NOW)
    data[place] ^= change

    assert isinstance(read(bytes(data), headers), Ignored)


@pytest.mark.parametrize("late", [FRESH_S + 1, -FRESH_S - 1, 10**9])
def test_an_answer_of_another_time_decides_nothing(late: int):
    assert read(body(), now=NOW + late) == Ignored("its time is not now")


@pytest.mark.parametrize("late", [0, FRESH_S, -FRESH_S])
def test_clocks_may_differ_a_little(late: int):
    assert isinstance(read(body(), now=NOW + late), Decided)


@pytest.mark.parametrize("written", ["", "-1", "1e9", " 1800000000", "1800000000.0", "١٨٠٠٠٠٠٠٠٠", "9" * 13, "0x1"])
def test_a_time_that_is_no_number_decides_nothing(written: str):
    """Even where its signature holds over it."""
    import hashlib
    import hmac

    mac = hmac.new(KEY, written.encode() + b"." + body(), hashlib.sha256).hexdigest()

    assert read(body(), {TIMESTAMP: written, SIGNATURE: f"v1={mac}"}) == Ignored("its time is no time")


@given(st.dictionaries(st.sampled_from([TIMESTAMP, SIGNATURE]), st.text(max_size=80)), st.binary(max_size=200))
def test_no_bytes_without_our_signature_decide(headers: dict[str, str], data: bytes):
    assert isinstance(read(data, headers), Ignored)
    assert isinstance(read(body(), headers), Ignored)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"approve"',
        b"{}",
        body(id="other"),
        body(id=[ID]),
        body(id=ID.upper()),
        body(decision="APPROVE"),
        body(decision=["approve"]),
        body(decision=None),
        body(note=7),
        body(note="x" * 1001),
        body(arguments={}),
        body(approved=True),
        b'{"id":"%s","id":"%s","decision":"approve"}' % (b"x", ID.encode()),
        b'\xef\xbb\xbf{"id":"%s","decision":"approve"}' % ID.encode(),
        b"[" * 10_000,
    ],
)
def test_a_signed_answer_that_is_no_decision_on_this_one_decides_nothing(data: bytes):
    assert isinstance(read(data), Ignored)


def write(path: Path, data: bytes = KEY, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_key_is_every_byte_of_its_file(tmp_path: Path):
    data = b" \n" + bytes(range(30)) + b"\n"

    assert read_key(write(tmp_path / "key", data)) == data


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o601])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int):
    with pytest.raises(OperatorError, match="others may read"):
        read_key(write(tmp_path / "key", mode=mode))


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_key_of_somebody_else_is_refused(tmp_path: Path):
    path = write(tmp_path / "key")
    os.chown(path, 12345, 12345)

    with pytest.raises(OperatorError, match="belongs to another user"):
        read_key(path)


@pytest.mark.parametrize("size", [0, 31, 4097])
def test_a_key_of_no_fitting_size_is_refused(tmp_path: Path, size: int):
    with pytest.raises(OperatorError, match="32 to 4096 bytes"):
        read_key(write(tmp_path / "key", b"k" * size))


def test_a_key_that_is_no_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe", 0o600)

    for path in (tmp_path, tmp_path / "pipe", tmp_path / "absent"):
        with pytest.raises(OperatorError):
            read_key(path)
