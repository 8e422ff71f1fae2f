"""What was wrong with the command line, and is not any more: traces, codes, and text that a terminal acts on."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import holdfast
from holdfast.contracts import InvalidRequest, OperatorError
from holdfast.server.cli import app as command_line
from holdfast.server.cli.explaining import explain
from holdfast.server.cli.locating import located_here
from holdfast.server.cli.reading import MAX_INPUT_BYTES, read_text
from holdfast.server.cli.rendering import show_json
from holdfast.server.cli.scanning import _rows
from holdfast.server.cli.tokens import seconds
from holdfast.server.founding import lay_out
from holdfast.server.terminal import counted


def run(*words: str, cwd: Path, **more: object) -> subprocess.CompletedProcess[str]:
    # A home of its own, and the cache of who tests: what is compiled for one is there for all.
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    environment = {**os.environ, "HOME": str(cwd), "XDG_CACHE_HOME": cache}
    return subprocess.run(
        [sys.executable, "-m", "holdfast", *words],
        cwd=cwd,
        env=environment | dict(more.pop("env", {})),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        **more,
    )


@pytest.mark.parametrize(
    "words",
    [
        ("init", "file"),
        ("init", "file/below"),
        ("call", "echo", "--data-dir", "file"),
        ("audit", "export", "--data-dir", "nowhere"),
        ("audit", "tail", "--data-dir", "nowhere"),
        ("token", "issue", "--sub", "x", "--ttl", "²d"),
        ("token", "issue", "--sub", "x", "--ttl", "9" * 5000),
    ],
)
def test_misuse_is_one_line_and_exit_2(tmp_path: Path, words: tuple[str, ...]):
    (tmp_path / "file").write_text("x")
    done = run(*words, cwd=tmp_path)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "error" in done.stderr


def test_what_breaks_inside_shows_where_and_nothing_of_what_it_held(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def broken(**_options: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(command_line, "app", broken)
    assert command_line.main() == 3

    said = capsys.readouterr().err
    assert "RuntimeError" in said
    assert "hunter2" not in said


def test_a_reader_that_goes_away_early_leaves_no_trace_and_the_verbs_own_code(tmp_path: Path):
    reading, writing = os.pipe()
    os.close(reading)
    (tmp_path / "clean.txt").write_text("nothing to see")
    with os.fdopen(writing, "w") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "holdfast", "scan", "clean.txt", "--clean"],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_charset_that_lacks_a_letter_is_no_reason_to_break(tmp_path: Path):
    (tmp_path / "text").write_text("caf\u00e9 \u2192", encoding="utf-8")
    done = run("scan", "text", "--clean", cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})

    assert (done.returncode, done.stdout) == (0, "caf\\xe9 \\u2192")


def test_json_for_people_holds_nothing_a_terminal_acts_on(capsys: pytest.CaptureFixture[str]):
    """An approver who looks at a call must see what it is, not what it plays."""
    show_json({"arguments": "rm \u202etxt.harmless\u202c \x9b2J \u200b caf\u00e9"})

    written = capsys.readouterr().out
    assert "caf\u00e9" in written
    assert "\\u202e" in written
    assert all(char.isprintable() or char == "\n" for char in written)


def test_a_device_has_no_end_and_is_not_read_to_it():
    with pytest.raises(OperatorError, match=str(MAX_INPUT_BYTES)):
        read_text("/dev/zero")


def test_a_row_ends_at_a_newline_and_nowhere_else():
    assert [text for _name, text in _rows('{"id": 1, "text": "a\u2028b\u0085c"}\n')] == ["a\u2028b\u0085c"]


@pytest.mark.parametrize("text", ["²d", "9" * 5000, "", "d", "-1d"])
def test_a_duration_is_a_number_and_a_unit(text: str):
    with pytest.raises(InvalidRequest):
        seconds(text)


def test_init_does_not_write_through_a_link(tmp_path: Path):
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "holdfast.toml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OperatorError):
        lay_out(tmp_path / "my", as_root="")
    assert not (tmp_path / "elsewhere").exists()


def test_a_script_named_from_here_is_found_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "server.py").write_text("")
    (tmp_path / "package").write_text("")
    (tmp_path / "run").write_text("")
    (tmp_path / "run").chmod(0o755)

    assert located_here(["sh", "-u", "server.py", "x"]).command == (
        "/usr/bin/sh",
        "-u",
        str(tmp_path / "server.py"),
        "x",
    )
    assert located_here(["./run"]).command == (str(tmp_path / "run"),)
    with pytest.raises(InvalidRequest, match="`package` is not installed"):
        located_here(["npx", "package"])


def test_a_long_page_is_scanned_as_a_page(tmp_path: Path):
    """It was escaped whole: only a server had a process for it."""
    (tmp_path / "page").write_text("<!doctype html>" + "<p onclick=x>a <b>b</b></p>\n" * 3_000)

    done = run("scan", "page", "--clean", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stdout.count("<p>a <b>b</b></p>") == 3_000


def test_the_version_is_that_of_the_package(tmp_path: Path):
    said = run("--version", cwd=tmp_path)

    assert (said.returncode, said.stdout, said.stderr) == (0, f"holdfast {version('holdfast')}\n", "")
    assert version("holdfast") == holdfast.__version__


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is nothing in it"),
        ("a: 1\n", "there is no `call` in it"),
        ("cases: []\n", "`cases` is a list of one or more of them"),
    ],
)
def test_a_file_without_a_call_is_said_to_be_one(tmp_path: Path, text: str, why: str):
    file = tmp_path / "call.yaml"
    file.write_text(text)

    with pytest.raises(OperatorError, match=re.escape(f"`{file}`: a call is written as a case")) as said:
        explain(call=str(file))

    assert str(said.value).endswith(why)


def test_one_is_not_counted_as_many():
    assert [counted(count, "policy", "policies") for count in (0, 1, 2)] == ["0 policies", "1 policy", "2 policies"]
    assert [counted(count, "tool") for count in (0, 1, 2)] == ["0 tools", "1 tool", "2 tools"]
