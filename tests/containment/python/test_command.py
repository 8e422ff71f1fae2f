"""`holdfast python`: exit codes, what goes where, and nothing of the program's that a terminal would act on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("sealed")]


def run(code: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "holdfast", "python", *words],
        cwd=cwd,
        input=code,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_program_from_standard_input_prints_and_shows_its_value(tmp_path: Path) -> None:
    done = run("import sys\nprint('out')\nprint('err', file=sys.stderr)\n2 ** 64", cwd=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n18446744073709551616\n", "err\n")
    assert list(tmp_path.iterdir()) == []


def test_a_program_from_a_file_reads_what_it_is_handed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("print(open('in').read(), input_data)\nopen('beside.txt')", encoding="utf-8")
    (tmp_path / "beside.txt").write_text("not handed in", encoding="utf-8")
    (tmp_path / "data").write_text("handed in", encoding="utf-8")
    done = run("", "program.py", "--file", "in=data", "--input", "[1]", cwd=tmp_path)

    assert done.returncode == 3
    assert done.stdout == "handed in [1]\n"
    assert "FileNotFoundError" in done.stderr


def test_json_has_all_of_the_answer(tmp_path: Path) -> None:
    done = run("open('x', 'w').write('y')", "--format", "json", cwd=tmp_path)

    assert json.loads(done.stdout) == {
        "stdout": "",
        "stderr": "",
        "value": {"repr": "1", "json": 1},
        "files": [{"name": "x", "bytes": 1, "text": "y"}],
    }


def test_a_program_that_is_stopped_says_by_what(tmp_path: Path) -> None:
    done = run("while True: 1", "--wall-ms", "300", cwd=tmp_path)

    assert done.returncode == 3
    assert "wall_ms" in done.stderr


def test_what_a_terminal_would_act_on_is_taken_out(tmp_path: Path) -> None:
    done = run("print('\\x1b[31mred\\x07')\n'\\x9b'", cwd=tmp_path)

    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout


def test_words_that_cannot_be_used_are_usage_errors(tmp_path: Path) -> None:
    assert run("1", "--input", "{", cwd=tmp_path).returncode == 2
    assert run("1", "missing.py", cwd=tmp_path).returncode == 2
    assert run("1", "--file", "missing", cwd=tmp_path).returncode == 2
