"""A real server reads its policies again: by signal, by verb, by itself. A broken set never takes the place of one."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .server import Server, serving
from .watching import until

pytestmark = pytest.mark.xdist_group("doors-policy")
POLICIES = Path(__file__).parents[2] / "policies"


def forbid(name: str) -> str:
    return (
        f'@id("{name}") @reason("not now")\nforbid (principal, action == Action::"echo", resource)\n'
        'when { principal.subject == "parrot" };\n'
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("reload")
    shutil.copytree(POLICIES, home / "policies")
    with serving(home, '\n[policy]\ndir = "policies"\nwatch = true\n') as one:
        yield one


def test_signal_verb_and_change_load_the_set_and_a_broken_one_changes_nothing(server: Server) -> None:
    own, parrot = server.home / "policies" / "local.cedar", server.caller("parrot")

    def code() -> str:
        reason = parrot.call("echo", {"text": "x"}).body["reason"]
        return reason["code"] if reason else "ok"

    own.write_text(forbid("by-signal"))
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: code() == "policy/by-signal", "the set that the signal loads")

    own.write_text("permit (")
    refused = server.verb("policy", "reload")
    assert refused.returncode == 2
    assert "local.cedar" in refused.stderr
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: (server.home / "stderr").read_text().count("policy.refused") >= 2, "two refusals in the log")
    assert code() == "policy/by-signal"
    told = server.verb("status")
    assert told.returncode == 1
    assert "refused    `local.cedar`" in told.stdout

    own.write_text(forbid("by-verb"))
    assert "loaded" in server.done("policy", "reload")
    assert "refused" not in server.done("status")
    assert code() == "policy/by-verb"

    own.write_text(forbid("by-itself"))
    until(lambda: code() == "policy/by-itself", "the set that is loaded because its file changed")
