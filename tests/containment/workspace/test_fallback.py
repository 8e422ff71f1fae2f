"""Where openat2 is filtered or missing, the workspace still opens, by walking, and says so when asked for more."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = r"""
import ctypes, os, struct, sys
from pathlib import Path
from holdfast.contracts import OperatorError, Refusal
from holdfast.sandbox.workspace import Resolution, WorkspaceBroker

def instruction(code, yes, no, operand):
    return struct.pack("HBBI", code, yes, no, operand)

filtered = b"".join([
    instruction(0x20, 0, 0, 0),                            # load the number of the system call
    instruction(0x15, 0, 1, 437),                          # openat2?
    instruction(0x06, 0, 0, 0x00050000 | int(sys.argv[2])),  # answer this errno
    instruction(0x06, 0, 0, 0x7FFF0000),                   # allow
])
program = ctypes.create_string_buffer(filtered, len(filtered))
header = struct.pack("HxxxxxxP", len(filtered) // 8, ctypes.addressof(program))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0                     # no new privileges
assert libc.prctl(22, 2, ctypes.c_char_p(header), 0, 0) == 0  # seccomp, filter mode

root = Path(sys.argv[1])
with WorkspaceBroker(root) as broker:
    assert broker.read("notes.txt") == (b"inside", 6)
    try:
        broker.read("away/passwd")
    except Refusal as refused:
        assert refused.reason.code == "workspace/outside-root"
    else:
        raise SystemExit("led out")
try:
    WorkspaceBroker(root, resolution=Resolution.KERNEL)
except OperatorError:
    print("fell back")
"""


@pytest.mark.parametrize("answer", [errno.ENOSYS, errno.EPERM])
def test_a_filter_on_openat2_means_walking(tmp_path: Path, answer: int) -> None:
    (tmp_path / "notes.txt").write_bytes(b"inside")
    (tmp_path / "away").symlink_to("/etc")

    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), str(answer)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("fell back\n", "")
