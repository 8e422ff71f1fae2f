"""What a program prints, answers, raises, reads and writes, and that nothing of it stays for the next one."""

import base64

import pytest

from holdfast.contracts import Completed, Failed, Text

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]


async def test_what_is_printed_and_the_value_of_the_last_expression_come_back(sealed) -> None:
    said = await sealed.said("import sys\nprint('out')\nprint('err', file=sys.stderr)\n{'a': [1, None, 2.5]}")

    assert said["stdout"] == "out\n"
    assert said["stderr"] == "err\n"
    assert said["value"] == {"repr": "{'a': [1, None, 2.5]}", "json": {"a": [1, None, 2.5]}}
    assert "error" not in said


@pytest.mark.parametrize(
    "code", ["(1, 2)", "{1: 2}", "float('nan')", "2 ** 64", "b'x'", "[{1}]", "'\\ud800'", "object"]
)
async def test_a_value_that_json_cannot_say_exactly_comes_as_its_repr_alone(sealed, code: str) -> None:
    assert set((await sealed.said(code))["value"]) == {"repr"}


async def test_a_program_that_ends_with_none_or_a_statement_has_no_value(sealed) -> None:
    assert "value" not in await sealed.said("None")
    assert "value" not in await sealed.said("x = 1")
    assert "value" not in await sealed.said("")


async def test_an_exception_names_the_lines_of_the_program_and_none_of_ours(sealed) -> None:
    said = await sealed.said("def halve(x):\n    return x / 0\n\nhalve(\n    1)\n")

    assert said["error"]["type"] == "ZeroDivisionError"
    assert said["error"]["message"] == "division by zero"
    assert said["error"]["line"] == 2
    trace = said["error"]["traceback"]
    assert 'File "<code>", line 4' in trace
    assert "return x / 0" in trace
    assert "runner" not in trace
    assert "app.py" not in trace


async def test_an_exception_out_of_our_own_files_shows_only_the_program(sealed) -> None:
    said = await sealed.said("try:\n    open('nothing')\nexcept OSError as error:\n    raise KeyError('k') from error")

    assert "/runner/" not in said["error"]["traceback"]
    assert "direct cause" in said["error"]["traceback"]
    assert said["error"]["line"] == 4


async def test_a_syntax_error_names_its_line(sealed) -> None:
    said = await sealed.said("x = 1\ny = (\n")

    assert said["error"]["type"] == "SyntaxError"
    assert said["error"]["line"] == 2
    assert "never closed" in said["error"]["message"]


async def test_a_program_that_failed_is_an_error_and_keeps_what_it_printed(sealed) -> None:
    outcome = await sealed.run("print('before')\n1 / 0")

    assert isinstance(outcome, Completed)
    assert outcome.is_error
    assert outcome.content[0] == Text(text="before\n")
    assert outcome.isolation == ("wasm", "landlock", "seccomp")
    assert outcome.usage.fuel > 0


@pytest.mark.parametrize(("code", "exit_code"), [("0", 0), ("3", 3), ("None", 0), ("'bye'", 1)])
async def test_an_exit_has_its_code(sealed, code: str, exit_code: int) -> None:
    outcome = await sealed.run(f"import sys\nsys.exit({code})")

    assert outcome.structured["exit"] == exit_code
    assert outcome.is_error == (exit_code != 0)


async def test_the_input_is_there_as_a_value(sealed) -> None:
    assert await sealed.value("input_data['n'] * 2", given={"n": 21}) == 42
    assert await sealed.value("input_data is None") is True


async def test_files_are_opened_by_name_and_what_is_written_comes_back(sealed) -> None:
    code = (
        "import csv, pathlib\n"
        "rows = list(csv.DictReader(open('in/data.csv')))\n"
        "pathlib.Path('out.txt').write_text(rows[0]['b'])\n"
        "with open('out.bin', 'wb') as file:\n    file.write(b'\\xff\\x00')\n"
        "with open('log', 'a') as file:\n    file.write('1')\n"
        "with open('log', 'a') as file:\n    file.write('2')\n"
        "open('unclosed', 'w').write('kept')\n"
    )
    said = await sealed.said(code, files={"in/data.csv": b"a,b\n1,two\n", "untouched": b"x"})

    written = {file["name"]: file for file in said["files"]}
    assert set(written) == {"out.txt", "out.bin", "log", "unclosed"}
    assert written["out.txt"] == {"name": "out.txt", "bytes": 3, "text": "two"}
    assert base64.b64decode(written["out.bin"]["base64"]) == b"\xff\x00"
    assert written["log"]["text"] == "12"
    assert written["unclosed"]["text"] == "kept"


async def test_more_files_than_are_handed_back_are_counted(sealed) -> None:
    said = await sealed.said("for n in range(70):\n    open(f'{n:02}', 'w').close()")

    assert len(said["files"]) == 65
    assert "6 more files" in said["files"][-1]["name"]


async def test_a_file_beyond_the_room_is_named_and_left_out(sealed) -> None:
    said = await sealed.said("open('large', 'w').write('x' * (5 << 20)) and None")

    assert said["files"] == [{"name": "large", "bytes": 5 << 20, "left_out": True}]


async def test_programs_with_too_much_handed_in_are_refused(sealed) -> None:
    outcome = await sealed.run("1", files={"large": bytes(3 << 20)})

    assert isinstance(outcome, Failed)
    assert outcome.code == "python/arguments"


async def test_nothing_of_a_program_is_there_for_the_next(sealed) -> None:
    leave = (
        "import builtins, json, sys, os\n"
        "left = builtins.left = json.left = sys.left = 1\n"
        "sys.modules['planted'] = json\nos.environ['LEFT'] = '1'\nopen('left', 'w').write('x')\n"
        "json.loads = None\nbuiltins.print = None\nsys.setrecursionlimit(50)\n"
    )
    look = (
        "import builtins, json, sys, os\n"
        "['left' in globals(), hasattr(builtins, 'left'), hasattr(json, 'left'), hasattr(sys, 'left'),"
        " 'planted' in sys.modules, 'LEFT' in os.environ, os.path.exists('left'), json.loads is None, print is None,"
        " sys.getrecursionlimit() == 50]"
    )
    await sealed.said(leave)
    workers = sealed.runtime.worker_pids

    assert await sealed.value(look) == [False] * 10
    assert sealed.runtime.worker_pids == workers


async def test_randomness_is_fresh_in_every_call_and_hashes_are_the_same(sealed) -> None:
    code = "import random, secrets, uuid\n[random.random(), secrets.token_hex(8), str(uuid.uuid4()), hash('a')]"
    one, two = await sealed.value(code), await sealed.value(code)

    assert all(a != b for a, b in zip(one[:3], two[:3], strict=True))
    assert one[3] == two[3]


async def test_two_tenants_have_workers_of_their_own(sealed) -> None:
    await sealed.said("1", tenant="one")
    await sealed.said("1", tenant="two")

    assert len(sealed.runtime.worker_pids) == 2


async def test_names_bound_at_the_top_behave_as_in_a_module(sealed) -> None:
    code = (
        "from __future__ import annotations\n"
        "import dataclasses, pickle\n"
        "@dataclasses.dataclass\nclass Point:\n    x: int\n    tag: Undefined | None = None\n"
        "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n"
        "[__name__, pickle.loads(pickle.dumps(Point(2))).x, fib(15)]"
    )
    assert await sealed.value(code) == ["__main__", 2, 610]


async def test_a_call_of_another_tool_without_a_caller_is_refused_as_an_exception(sealed) -> None:
    code = "try:\n    tools.echo(text='x')\nexcept ToolCallError as error:\n    told = [error.status, error.code]\ntold"

    assert await sealed.value(code) == ["denied", "host/not-granted"]


async def test_usage_says_how_much_memory_a_program_had(sealed):
    small, large = await sealed.run("pass"), await sealed.run("kept = bytearray(30 << 20)")

    assert small.usage.memory_bytes > 10 << 20
    assert large.usage.memory_bytes > small.usage.memory_bytes + (25 << 20)
