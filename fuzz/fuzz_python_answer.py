"""For any bytes as an interpreter's answer, the outcome has an answer's fields alone, within caps, or is a failure."""

import sys

from holdfast.contracts import Completed, Failed, Stopped
from holdfast.contracts.json_values import canonical
from holdfast.sandbox.wasm.frames import Ending, Reply
from holdfast.sandbox.wasm.interpreter.answers import FILES_BYTES, MOST_FILES, outcome_of

FIELDS = {"stdout", "stderr", "value", "error", "exit", "files"}


def check(data: bytes) -> None:
    reply = Reply(
        ending=Ending.RETURNED, exit_code=0, fuel=1, memory_bytes=0, cpu_us=0, output=data, log=b"", detail=b""
    )
    outcome = outcome_of(reply, wall_ms=1.0)
    assert outcome.isolation == ("wasm", "landlock", "seccomp")
    if isinstance(outcome, Failed):
        assert (outcome.code, outcome.detail) == ("python/garbled", "")
        return
    if isinstance(outcome, Stopped):
        return
    assert isinstance(outcome, Completed)
    said = outcome.structured
    assert isinstance(said, dict)
    assert {"stdout", "stderr"} <= set(said) <= FIELDS
    assert outcome.is_error == ("error" in said or said.get("exit", 0) != 0)
    files = said.get("files", [])
    assert len(files) <= MOST_FILES + 1
    assert sum(file["bytes"] for file in files if "left_out" not in file) <= FILES_BYTES
    canonical(said)


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
