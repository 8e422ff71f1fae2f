"""An instance that is made before its call comes: it shows in the time of the call, and in nothing else."""

import json
from collections.abc import AsyncIterator

import pytest

from holdfast.contracts.limits import PYTHON
from holdfast.sandbox.wasm.abi import PYTHON as ABI
from holdfast.sandbox.wasm.birth import Birth
from holdfast.sandbox.wasm.frames import Ending, Reply, Request
from holdfast.sandbox.wasm.runtime import UNPRIVILEGED
from holdfast.sandbox.wasm.supervisor import Worker

pytestmark = pytest.mark.anyio

MIB = 1 << 20
TOUCH = {"touch": True}
SEEN = """
import builtins, codecs, gc, linecache, os, random, re, sys, warnings
try:
    1 / 0
except ZeroDivisionError as error:
    at = error.__traceback__.tb_frame.f_code.co_filename
{
    "modules": sorted(sys.modules), "main": sorted(vars(sys.modules["__main__"])), "builtins": sorted(vars(builtins)),
    "argv": sys.argv, "path": sys.path, "streams": [type(one).__name__ for one in (sys.stdin, sys.stdout, sys.stderr)],
    "cached": sorted(linecache.cache), "files": os.listdir("/"), "at": at, "gc": [gc.isenabled(), gc.garbage],
    "frozen": gc.get_freeze_count(), "patterns": len(re._cache), "filters": len(warnings.filters),
    "recursion": sys.getrecursionlimit(), "digits": sys.get_int_max_str_digits(), "hooks": sys.excepthook.__name__,
}
"""


def asked(code: str) -> dict[str, object]:
    return {"code": code, "input": None, "files": {}, "output_bytes": MIB, "keep": False}


@pytest.fixture
async def worker(anyio_backend: str, sealed) -> AsyncIterator[Worker]:
    """One confined worker of the interpreter, spoken to in its own words."""
    artifact = await sealed.interpreter._artifact()
    birth = Birth(
        abi=ABI,
        wasi=(),
        clock=True,
        random=True,
        tables=0,
        table_elements=0,
        declared_memory_bytes=0,
        memory_bytes=PYTHON.memory_bytes,
        cpu_seconds=60,
        unprivileged=UNPRIVILEGED,
    )
    raised = await Worker.born(birth, artifact.native)
    yield raised
    await raised.end()


async def say(worker: Worker, what: object, *, memory_bytes: int = PYTHON.memory_bytes, keep: bool = False) -> Reply:
    request = Request(
        fuel=PYTHON.fuel,
        memory_bytes=memory_bytes,
        wall_ms=20_000,
        output_bytes=MIB,
        name="python",
        arguments=json.dumps(what).encode(),
        keep=keep,
    )
    answer = await worker.call(request)
    assert isinstance(answer, Reply), answer
    return answer


async def test_a_program_finds_the_same_whether_its_instance_waited_or_not(worker: Worker) -> None:
    found = []
    for touches in (0, 1, 3):
        await say(worker, asked("0"))  # ends the instance before
        for _ in range(touches):
            assert (await say(worker, TOUCH, keep=True)).output == b'{"touched":true}'
        found.append(json.loads((await say(worker, asked(SEEN), keep=True)).output))
        assert "error" not in found[-1]
    assert found[0] == found[1] == found[2]


async def test_what_one_call_leaves_behind_is_in_no_instance_after_it(worker: Worker) -> None:
    leave = "import sys, builtins\nbuiltins.left = sys.left = 1\nopen('left', 'w').write('x')\n"
    look = "import sys, os, builtins\n(hasattr(builtins, 'left'), hasattr(sys, 'left'), os.listdir('/'))"
    for _ in range(10):
        assert json.loads((await say(worker, asked(leave))).output)["files"]
        assert json.loads((await say(worker, asked(look))).output)["value"]["repr"] == "(False, False, [])"


async def test_an_instance_made_ahead_has_the_limit_of_its_call(worker: Worker) -> None:
    bomb = asked("x = bytearray(60 << 20)\nlen(x)")
    assert json.loads((await say(worker, bomb)).output)["value"]["json"] == 60 * MIB
    stopped = await say(worker, bomb, memory_bytes=48 * MIB)
    assert stopped.ending is Ending.MEMORY or json.loads(stopped.output) == {"limit": "memory_bytes"}
    assert json.loads((await say(worker, bomb)).output)["value"]["json"] == 60 * MIB


async def test_the_fuel_of_a_call_is_its_own(worker: Worker) -> None:
    """Neither making an instance nor what it practises with is on the bill, so that it is the same every time."""
    used = [(await say(worker, asked("sum(range(1000))"))).fuel for _ in range(12)]
    assert max(used) < 1.2 * min(used)


async def test_random_numbers_differ_between_instances(worker: Worker) -> None:
    code = "import random, secrets, uuid\n(random.random(), secrets.token_hex(8), str(uuid.uuid4()))"
    said = [json.loads((await say(worker, asked(code))).output)["value"]["repr"] for _ in range(5)]
    assert len(set(said)) == 5
