"""`holdfast secrets`: values go in by the terminal, unseen, or by standard input; no door lets one out."""

import json
import os
import pty
import secrets
import subprocess
import sys

import pytest

from .server import command_line, environment
from .watching import until

VALUE = "hunter2-" + secrets.token_hex(12)


def typed(server, name: str, *lines: str) -> tuple[int, str]:
    """Set a secret at a terminal of our own, typing *lines*; answers the exit code and all that the terminal showed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "holdfast", "secrets", "set", name, "--data-dir", str(server.data)]
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=server.home,
        env=environment(),
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = bytearray()

        def asks(prompt: bytes) -> bool:
            shown.extend(_read(ours))
            return shown.count(b": ") >= prompt.count(b": ") and shown.endswith(b": ")

        for number, line in enumerate(lines, 1):
            until(lambda number=number: asks(b": " * number), "the question", seconds=60)
            os.write(ours, line.encode() + b"\n")
        while piece := _read(ours):
            shown.extend(piece)
        code = process.wait(60)
    os.close(ours)
    return code, shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other side is closed
        return b""


def listed(server) -> list[str]:
    return [row["name"] for row in json.loads(server.done("secrets", "list", "--format", "json"))]


def test_a_value_from_standard_input_is_set_and_shown_nowhere(server) -> None:
    ended = server.verb("secrets", "set", "piped", said=VALUE + "\n")

    assert ended.returncode == 0, ended.stderr
    assert "piped" in listed(server)
    everything = (
        ended.stdout + ended.stderr + server.done("secrets", "list") + server.done("audit", "tail", "--format", "json")
    )
    assert VALUE not in everything
    assert '"secret"' in everything
    logs = (server.home / "stdout").read_bytes() + (server.home / "stderr").read_bytes()
    kept = [file.read_bytes() for file in server.data.rglob("*") if file.is_file()]
    assert VALUE.encode() not in b"".join((logs, *kept))


def test_a_value_is_typed_twice_and_not_echoed(server) -> None:
    code, shown = typed(server, "typed", VALUE, VALUE)

    assert code == 0, shown
    assert VALUE not in shown
    assert "typed" in listed(server)


def test_two_that_differ_set_nothing(server) -> None:
    code, shown = typed(server, "differs", VALUE, VALUE + "x")

    assert code == 2, shown
    assert "not the same" in shown
    assert VALUE not in shown
    assert "differs" not in listed(server)


@pytest.mark.parametrize("words", [(VALUE,), ("--", VALUE), (VALUE, VALUE)])
def test_a_value_as_an_argument_is_refused_and_not_repeated(server, words) -> None:
    ended = server.verb("secrets", "set", "argued", *words, said="")

    assert ended.returncode == 2
    assert "never given as an argument" in ended.stderr
    assert VALUE not in ended.stdout + ended.stderr
    assert "argued" not in listed(server)


def test_a_value_in_the_environment_is_not_taken(server, monkeypatch) -> None:
    monkeypatch.setenv("SECRET_VALUE", VALUE)
    ended = server.verb("secrets", "set", "from-environment", said="")

    assert ended.returncode == 2
    assert "from-environment" not in listed(server)


@pytest.mark.parametrize("said", ["", "\n", "short\n", "x" * 65537])
def test_a_value_that_will_not_do_is_refused(server, said) -> None:
    ended = server.verb("secrets", "set", "will-not-do", said=said)

    assert ended.returncode == 2
    assert "a secret has" in ended.stderr
    assert "short\n" not in ended.stderr


def test_what_is_removed_is_gone(server) -> None:
    assert server.verb("secrets", "set", "removed", said=VALUE).returncode == 0

    server.done("secrets", "remove", "removed")

    assert "removed" not in listed(server)
    assert server.verb("secrets", "remove", "removed").returncode == 2


def test_tenants_have_secrets_of_their_own(server) -> None:
    assert server.verb("secrets", "set", "ours", "--tenant", "acme", said=VALUE).returncode == 0

    assert "ours" not in listed(server)
    assert "ours" in server.done("secrets", "list", "--tenant", "acme")


def test_without_a_server_the_data_directory_itself_is_written(tmp_path) -> None:
    data = str(tmp_path / "data")

    ended = command_line("secrets", "set", "alone", "--data-dir", data, home=tmp_path, said=VALUE)

    assert ended.returncode == 0, ended.stderr
    assert "alone" in command_line("secrets", "list", "--data-dir", data, home=tmp_path).stdout
    assert VALUE.encode() not in b"".join(
        file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file()
    )


def test_no_agent_reaches_the_store_over_http(server, agent) -> None:
    for path in ("/v1/secrets", "/v1/secrets/piped"):
        assert agent.get(path).status == 404
