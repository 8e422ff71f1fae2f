"""For any bytes, a webhook's answer decides only if it is signed, names the approval and is exactly a decision."""

import json
import sys

from holdfast.contracts import ApprovalId
from holdfast.server.webhook_wire import SIGNATURE, TIMESTAMP, Decided, read_answer, signed

KEY = b"a key for fuzzing, of 32 bytes.."
ID = ApprovalId("0123456789abcdef0123456789abcdef")
NOW = 1_800_000_000.0


def check(data: bytes) -> None:
    head, _, body = data.partition(b"\n")
    written, _, signature = head.decode("latin-1").partition(" ")
    forged = read_answer(KEY, {TIMESTAMP: written, SIGNATURE: signature}, body, approval=ID, now=NOW)
    assert not isinstance(forged, Decided) or signed(KEY, body, float(written))[SIGNATURE] == signature
    answer = read_answer(KEY, signed(KEY, body, NOW), body, approval=ID, now=NOW)
    if isinstance(answer, Decided):
        read = json.loads(body)
        assert read["id"] == ID
        assert read["decision"] == answer.ruling.value
        assert set(read) <= {"id", "decision", "note"}


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
