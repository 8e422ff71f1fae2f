"""Programs written to get out, to stay, or to use everything up; and answers written by the program itself."""

import pytest

from holdfast.contracts import Completed, Failed, LimitName, Stopped

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]


async def test_a_loop_without_end_is_stopped_by_fuel(sealed) -> None:
    outcome = await sealed.run("while True: pass", fuel=200_000_000)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.FUEL
    assert await sealed.value("1") == 1


async def test_a_loop_without_end_is_stopped_by_the_clock(sealed) -> None:
    outcome = await sealed.run(
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass", wall_ms=500
    )

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.WALL


async def test_a_sleep_beyond_the_deadline_is_ended_with_its_worker(sealed) -> None:
    outcome = await sealed.run("import time\ntime.sleep(600)", wall_ms=500)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.WALL
    assert await sealed.value("1") == 1


@pytest.mark.parametrize(
    "code",
    [
        "x = []\nwhile True: x.append('a' * 1_000_000)",
        "x = [0]\nwhile True: x = x * 2",
        "bytearray(1 << 30)",
        "try:\n    x = ['a' * (1 << 20)] * 3\n    while True: x.append(x[0] + 'b')\nexcept ValueError: pass",
    ],
)
async def test_a_memory_bomb_is_stopped(sealed, code: str) -> None:
    outcome = await sealed.run(code)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.MEMORY
    assert await sealed.value("1") == 1


@pytest.mark.parametrize(
    "code",
    [
        "while True: print('a' * 1000)",
        "import sys\nwhile True: sys.stderr.write('a' * 1000)",
        "import sys\nwhile True: sys.stdout.buffer.write(b'a' * 1000)",
        "while True:\n    try: print('a' * 1000)\n    except Exception: pass",
        "'a' * 1000\nprint('\\x00' * 300_000)",
    ],
)
async def test_an_output_flood_is_stopped(sealed, code: str) -> None:
    outcome = await sealed.run(code, total_output_bytes=1 << 20)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT


async def test_a_recursion_without_end_is_an_exception_of_the_program(sealed) -> None:
    said = await sealed.said("def f(): return f()\nf()")

    assert said["error"]["type"] == "RecursionError"
    assert len(said["error"]["traceback"]) < 2000


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nsys.setrecursionlimit(10 ** 6)\ndef f(): return f()\nf()",
        "class A:\n    def __repr__(self): return repr(self)\nA()",
        "x = []\nfor _ in range(100_000): x = [x]\nx",
    ],
)
async def test_a_recursion_past_what_python_counts_ends_that_call_alone(sealed, code: str) -> None:
    outcome = await sealed.run(code)

    assert isinstance(outcome, Stopped | Completed)
    if isinstance(outcome, Stopped):
        assert outcome.limit is LimitName.STACK
    else:
        assert outcome.structured["error"]["type"] == "RecursionError"
    assert await sealed.value("1") == 1


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/passwd')",
        "open('../../etc/passwd')",
        "import _io; _io.open('/etc/passwd')",
        "import _io; _io.FileIO('/etc/passwd')",
        "import os; os.open('/etc/passwd', os.O_RDONLY)",
        "import posix; posix.open('/etc/passwd', posix.O_RDONLY)",
        "import posix; posix.open('/', posix.O_RDONLY)",
        "import posix; posix.listdir('/')",
        "import posix; posix.mkdir('/made')",
        "import sqlite3; sqlite3.connect('/tmp/x.db').execute('create table t (a)')",
        "import _socket; _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM).connect(('127.0.0.1', 80))",
        "import _socket; _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))",
        "import _socket; _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM).bind(('127.0.0.1', 0))",
        "import _socket; _socket.getaddrinfo('example.com', 80)",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1/')",
        "import os; os.system('true')",
        "import os; os.fork()",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.popen('true')",
        "import _thread; _thread.start_new_thread(print, ())",
        "import os; os.kill(1, 9)",
    ],
)
async def test_there_is_nothing_outside_to_reach(sealed, code: str) -> None:
    said = await sealed.said(code)

    assert said["error"]["type"] not in ("SyntaxError", "NameError")


async def test_there_is_no_environment_and_there_are_no_arguments(sealed) -> None:
    code = "import os, posix, sys\n[dict(os.environ), {str(k): str(v) for k, v in posix.environ.items()}, sys.argv]"

    assert await sealed.value(code) == [{}, {}, ["main.py"]]


_TAKEN_OVER = "import json, sys\nsys.modules['runner.answering'].json = type(sys)('json')\n"


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[]",
        "{}",
        "not json",
        '{"stdout": 1, "stderr": ""}',
        '{"limit": "everything"}',
        '{"limit": ["fuel"]}',
        '{"stdout": "", "stderr": "", "value": "x"}',
        '{"stdout": "", "stderr": "", "error": {"type": "x"}}',
        '{"stdout": "", "stderr": "", "exit": true}',
        '{"stdout": "", "stderr": "", "files": {"a": "!"}}',
        '{"stdout": "", "stderr": "", "stdout": ""}',
        '{"stdout": "", "stderr": "", "value": {"repr": "", "json": NaN}}',
        '{"stdout": "\\ud800", "stderr": ""}',
        "[" * 100_000,
    ],
)
async def test_an_answer_that_the_program_wrote_itself_is_believed_in_its_shape_alone(sealed, answer: str) -> None:
    code = f"{_TAKEN_OVER}sys.modules['runner.answering'].json.dumps = lambda *_: {answer!r}"
    outcome = await sealed.run(code)

    assert isinstance(outcome, Failed)
    assert outcome.code == "python/garbled"
    assert answer[:20] not in outcome.message or not answer


async def test_fields_that_no_answer_has_are_left_out(sealed) -> None:
    told = '{"stdout": "a", "stderr": "", "isolation": "none", "value": {"repr": "r", "more": 1}}'
    said = await sealed.said(f"{_TAKEN_OVER}sys.modules['runner.answering'].json.dumps = lambda *_: {told!r}")

    assert said == {"stdout": "a", "stderr": "", "value": {"repr": "r"}}


async def test_an_answer_over_the_limit_is_stopped_whoever_wrote_it(sealed) -> None:
    code = f"{_TAKEN_OVER}sys.modules['runner.answering'].json.dumps = lambda *_: 'x' * (2 << 20)"
    outcome = await sealed.run(code, total_output_bytes=1 << 20)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT


async def test_a_flood_of_host_calls_reaches_nothing(sealed) -> None:
    code = "for _ in range(500):\n    try: tools.shell(script='true')\n    except ToolCallError: pass\n1"

    assert await sealed.value(code) == 1
