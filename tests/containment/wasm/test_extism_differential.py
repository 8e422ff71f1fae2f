"""The same plugin gives the same answer here as under Extism itself."""

from dataclasses import replace

import extism
import pytest
import wasmtime

from holdfast.contracts import Completed, Text

from . import plugins
from .plugins import plugin, text

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(200)]

SAY = ("alloc", "store_u8", "output_set")
FIRST = "(local.set $p (call $text))"
ANSWER = "(call $output_set (local.get $p) (i64.const 4)) (i32.const 0)"


def _digit(expression: str, *imports: str) -> tuple[str, str]:
    """A plugin that writes the i32 *expression* as the first of four characters."""
    body = f"{FIRST} (call $store_u8 (local.get $p) (i32.add (i32.const 48) {expression})) {ANSWER}"
    return plugin(body, *dict.fromkeys((*SAY, *imports)), parts=text("oops")), "run"


def _plugin(body: str, *imports: str, parts: str = "", function: str = "run") -> tuple[str, str]:
    return plugin(body, *dict.fromkeys((*SAY, *imports)), parts=text("oops") + parts), function


def _begun(*starters: tuple[str, str, int]) -> tuple[str, str]:
    parts = "".join(
        f'(func (export "{name}") {taken}'
        f" (i32.store (i32.const 100) (i32.add (i32.const {add}) (i32.load (i32.const 100)))))"
        for name, taken, add in starters
    )
    return _plugin("(call $output_set (call $text) (i64.load32_u (i32.const 100))) (i32.const 0)", parts=parts)


CASES = {
    "echo": (plugins.ECHO, "echo"),
    "an error and zero": _plugin("(call $error_set (call $text)) (i32.const 0)", "error_set"),
    "an error and a number": _plugin("(call $error_set (call $text)) (i32.const 5)", "error_set"),
    "a number alone": _plugin("(i32.const 5)"),
    "an error without a result": _plugin(
        "(i32.const 0)", "error_set", parts='(func (export "v") (call $error_set (call $text)))', function="v"
    ),
    "no result": _plugin(
        "(i32.const 0)", parts='(func (export "v") (call $output_set (call $text) (i64.const 4)))', function="v"
    ),
    "no output": _plugin("(i32.const 0)"),
    "the second output is nowhere": _plugin(
        "(call $output_set (call $text) (i64.const 4)) (call $output_set (i64.const 0) (i64.const 0)) (i32.const 0)"
    ),
    "the length inside a block": _digit(
        "(i32.wrap_i64 (call $length (i64.add (local.get $p) (i64.const 1))))", "length"
    ),
    "a byte far away": _digit("(call $load_u8 (i64.const 0xffffffffff))", "load_u8"),
    "a byte after the input": _digit("(call $input_load_u8 (i64.const 5))", "input_load_u8"),
    "a word over the input's end": _digit(
        "(i64.ne (i64.const 0) (call $input_load_u64 (i64.const 0)))", "input_load_u64"
    ),
    "the length of the input": _digit("(i32.wrap_i64 (call $input_length))", "input_length"),
    "the input is freed": _plugin(
        f"(call $free (call $input_offset)) {FIRST}"
        "(call $store_u8 (local.get $p) (i32.add (i32.const 48) (i32.wrap_i64 (call $input_length))))" + ANSWER,
        "free", "input_offset", "input_length",
    ),
    "a block is freed twice": _plugin(
        f"{FIRST} (call $free (local.get $p)) (call $free (local.get $p)) (local.set $q (call $text))"
        f" {FIRST} (call $store_u8 (local.get $q) (i32.const 65)) {ANSWER}",
        "free",
    ),
    "a variable": _plugin(
        "(call $var_set (call $text) (call $text)) (local.set $p (call $var_get (call $text)))"
        "(call $output_set (local.get $p) (call $length (local.get $p))) (i32.const 0)",
        "var_set", "var_get", "length",
    ),
    "a variable taken away": _plugin(
        "(call $var_set (call $text) (call $text)) (call $var_set (call $text) (i64.const 0))"
        "(call $output_set (call $text) (i64.add (i64.const 2) (call $var_get (call $text)))) (i32.const 0)",
        "var_set", "var_get",
    ),
    "a variable that is too large": _plugin(
        "(call $var_set (call $text) (call $alloc (i64.const 1100000))) (i32.const 0)", "var_set"
    ),
    "no configuration": _digit("(i32.wrap_i64 (call $config_get (call $text)))", "config_get"),
    "no answer over HTTP yet": _digit(
        "(i32.add (i32.wrap_i64 (call $http_headers)) (call $http_status_code))", "http_headers", "http_status_code"
    ),
    "a request that is not granted": _plugin(
        "(drop (call $http_request (call $text) (i64.const 0))) (i32.const 0)", "http_request"
    ),
    "a reactor and its constructors": _begun(("_initialize", "", 1), ("__wasm_call_ctors", "", 2)),
    "a reactor": _begun(("_initialize", "", 1)),
    "haskell": _begun(("_initialize", "", 1), ("hs_init", "(param i32 i32)", 2)),
    "a trap": _plugin("(unreachable)"),
    "a program": (plugins.says("oops", name="_start"), "_start"),
    "a program that ends itself": (
        plugins.plugin("(call $output_set (call $text) (i64.const 4)) (call $exit (i32.const 0)) (i32.const 0)", *SAY,
                       more='(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))',
                       parts=text("oops"), name="_start"), "_start"),
}  # fmt: skip


def _theirs(wasm: bytes, function: str, said: str) -> str | None:
    """What Extism answers, or None for an error."""
    try:
        with extism.Plugin(wasm, wasi=True) as loaded:
            return bytes(loaded.call(function, said.encode())).decode()
    except extism.Error:
        return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
async def test_the_answer_is_the_one_that_extism_gives(world, case):
    written, function = CASES[case]
    wasm = bytes(wasmtime.wat2wasm(written))
    spec = world.tool(wasm, memory_bytes=16 << 20)

    outcome = await world.call(replace(spec, runtime=replace(spec.runtime, function=function)), input="hello")

    wanted = _theirs(wasm, function, "hello")
    if wanted is None:
        assert not isinstance(outcome, Completed) or outcome.is_error
    else:
        assert outcome.content == (Text(text=wanted),)
