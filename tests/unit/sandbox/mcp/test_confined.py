"""A stdio server is given its program, that program's libraries, its script, and its grants."""

import sys
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError
from holdfast.sandbox.children import SYSTEM_READABLE
from holdfast.sandbox.mcp import UpstreamConfig
from holdfast.sandbox.mcp.confined import child_spec


def granted(*command, **more):
    spec = child_spec(UpstreamConfig(name="a", command=command, **more))
    return set(spec.readable) - set(SYSTEM_READABLE)


def test_an_interpreter_comes_with_its_libraries_and_not_with_the_folder_around_them(tmp_path):
    for folder in ("bin", "lib", "share"):
        (tmp_path / folder).mkdir()
    program = tmp_path / "bin" / "tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    readable = granted(str(program))

    assert str(program) in readable
    assert str(tmp_path / "lib") in readable
    assert not readable & {str(tmp_path), str(tmp_path / "bin"), str(tmp_path / "share")}


def test_a_virtual_environment_is_readable_with_the_python_it_is_made_of():
    readable = granted(sys.executable, "-m", "x")

    assert str(Path(sys.prefix) / "lib") in readable
    assert str(Path(sys.base_prefix).resolve() / "lib") in {str(Path(path).resolve()) for path in readable}


def test_the_script_that_is_named_first_is_readable_and_nothing_beside_it(tmp_path):
    script, other = tmp_path / "server.py", tmp_path / "other.py"
    for file in (script, other):
        file.write_text("")

    readable = granted("/bin/sh", "-e", str(script), str(other))

    assert str(script) in readable
    assert not readable & {str(other), str(tmp_path)}


def test_the_environment_is_what_the_entry_says_and_a_path(monkeypatch):
    monkeypatch.setenv("SECRET", "hunter2")

    spec = child_spec(UpstreamConfig(name="a", command=("/bin/sh",), env=(("A", "b"),)))

    assert dict(spec.env) == {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "A": "b"}


def test_a_program_that_is_not_there_is_refused():
    with pytest.raises(OperatorError, match="not there"):
        child_spec(UpstreamConfig(name="a", command=("no-such-program-anywhere",)))


@pytest.mark.parametrize("network", ["example.com:443", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:0"])
def test_a_network_grant_is_an_address_with_a_port(network):
    with pytest.raises(OperatorError):
        child_spec(UpstreamConfig(name="a", command=("/bin/sh",), network=(network,)))
