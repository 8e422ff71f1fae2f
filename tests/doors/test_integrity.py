"""Modules and compiled code on disk are changed behind the server's back: what was approved runs, or nothing does."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.contracts import Digest

from . import guests
from .callers import Caller
from .server import Server, serving

pytestmark = pytest.mark.xdist_group("doors-tools")

MARKER = "swapped-" + secrets.token_hex(8)
MARKED = guests.saying(MARKER)


def fresh(server: Server, name: str) -> tuple[bytes, Path]:
    """Install a tool nobody else has, and never call it; answers its module, and where its compiled code is."""
    native = server.data / "native" / "wasm"
    before = set(native.iterdir())
    module = guests.saying(f"honest {name}")
    guests.install(server, name, module)
    (compiled,) = set(native.iterdir()) - before
    return module, compiled


@pytest.fixture(scope="module")
def marked(server: Server) -> bytes:
    """Compiled code that this server itself made, of a module that says the marker."""
    native = server.data / "native" / "wasm"
    before = set(native.iterdir())
    assert guests.hand_in(server.registrar, guests.manifest("marked", MARKED), MARKED).status == 201
    (compiled,) = set(native.iterdir()) - before
    return compiled.read_bytes()


def test_a_module_that_was_swapped_on_disk_never_runs(server: Server, agent: Caller):
    module, _ = fresh(server, "swapped_module")
    (server.data / "modules" / Digest.of(module).hex).write_bytes(MARKED)

    answer = agent.call("swapped_module", {})

    assert (answer.body["status"], answer.code) == ("error", "wasm/integrity")
    assert MARKER not in answer.raw.decode()


def test_a_module_that_was_swapped_together_with_its_compiled_code_never_runs(
    server: Server, agent: Caller, marked: bytes
):
    module, compiled = fresh(server, "swapped_both")
    (server.data / "modules" / Digest.of(module).hex).write_bytes(MARKED)
    compiled.write_bytes(marked)

    answer = agent.call("swapped_both", {})

    assert answer.code == "wasm/integrity"
    assert MARKER not in answer.raw.decode()


def test_compiled_code_of_another_module_is_not_used_in_its_place(server: Server, agent: Caller, marked: bytes):
    _, compiled = fresh(server, "forged_other")
    compiled.write_bytes(marked)

    answer = agent.call("forged_other", {})

    assert answer.body["structured"] == "honest forged_other"
    assert MARKER not in answer.raw.decode()


FORGERIES = {
    "a changed last byte": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "a changed byte in the middle": lambda data: data[: len(data) // 2] + b"\xcc" + data[len(data) // 2 + 1 :],
    "a cut end": lambda data: data[: len(data) - 100],
    "another tag": lambda data: bytes(32) + data[32:],
    "nothing": lambda data: b"",
    "noise": lambda data: secrets.token_bytes(len(data)),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_compiled_code_that_was_changed_is_made_again(server: Server, agent: Caller, forgery: str):
    name = "forged_" + forgery.replace(" ", "_")
    _, compiled = fresh(server, name)
    forged = FORGERIES[forgery](compiled.read_bytes())
    compiled.write_bytes(forged)

    answer = agent.call(name, {})

    assert answer.body["structured"] == f"honest {name}"
    assert compiled.read_bytes() != forged


def test_a_link_in_the_place_of_compiled_code_is_not_followed(server: Server, agent: Caller, marked: bytes):
    _, compiled = fresh(server, "forged_link")
    elsewhere = server.home / "elsewhere.native"
    elsewhere.write_bytes(marked)
    compiled.unlink()
    compiled.symlink_to(elsewhere)

    answer = agent.call("forged_link", {})

    assert answer.body["structured"] == "honest forged_link"


@pytest.fixture(scope="module")
def started_again(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Caller]]:
    """A server with an approved tool, stopped, its database's manifest left alone and its module swapped, started."""
    home = tmp_path_factory.mktemp("again")
    module = guests.saying("honest")
    with serving(home) as first:
        guests.install(first, "kept", module)
        assert first.agent().call("kept", {}).body["structured"] == "honest"
    (home / "data" / "modules" / Digest.of(module).hex).write_bytes(MARKED)
    with serving(home) as second:
        yield second, second.agent()


def test_a_module_swapped_while_the_server_was_down_never_runs(started_again: tuple[Server, Caller]):
    _, agent = started_again

    answer = agent.call("kept", {})

    assert answer.code == "wasm/integrity"
    assert MARKER not in answer.raw.decode()
    assert agent.said()
