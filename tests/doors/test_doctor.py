"""The probes of the machine, by the command line: every thread of every confined process tried, and failed."""

import json
from collections import Counter

import pytest

from .server import command_line

pytestmark = pytest.mark.xdist_group("doors-alone")

FROM_EVERY_THREAD = ("open", "socket", "connect", "execve", "fork", "ptrace", "kill", "_exit")
THREADS = ("main", "wasi", "epoch")


def test_every_probe_holds_in_every_thread(tmp_path):
    ended = command_line("doctor", "--format", "json", home=tmp_path)

    checks = json.loads(ended.stdout)
    assert [check for check in checks if not check["held"]] == []
    assert ended.returncode == 0
    counts = Counter(check["part"] for check in checks)
    names = {check["name"] for check in checks if check["part"] == "wasm worker"}
    wanted = {f"{attempt} from the {thread} thread" for attempt in FROM_EVERY_THREAD for thread in THREADS}
    assert wanted <= names
    assert {"open under Landlock alone, main thread", "open under Landlock alone, wasi thread"} <= names
    assert counts["wasm worker"] >= len(wanted) + 10
    assert counts["confined child"] == 20
    assert counts["kernel"] == 1
    grants = {check["name"] for check in checks if check["part"] == "grant"}
    assert grants == {"http", "kv", "log", "now", "random", "secret-exists", "tool-invoke"} | {
        "workspace-read",
        "workspace-write",
    }
