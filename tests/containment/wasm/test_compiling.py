"""Modules are judged and compiled in a confined process, and what cannot be compiled is refused in one sentence."""

import asyncio
from pathlib import Path

import pytest

from holdfast.contracts import Failed, OperatorError
from holdfast.sandbox.wasm.compiling import Compiler
from holdfast.sandbox.wasm.report import ModuleRefused

from . import guests
from .conftest import assembled

pytestmark = pytest.mark.anyio


async def test_a_good_module_is_reported_before_it_is_compiled(world):
    report = await world.runtime.inspect(assembled(guests.SLEEP))

    assert report.abi == "wasi-command"
    assert report.wasi == ("poll_oneoff",)
    assert "asks for the clock: poll_oneoff" in report.notes


@pytest.mark.parametrize("cut", [0, 4, 7, 9, 20, -1])
async def test_a_truncated_module_is_refused(world, cut):
    with pytest.raises(OperatorError):
        await world.runtime.inspect(assembled(guests.STATE)[:cut])


async def test_text_is_never_taken_for_a_module(world):
    with pytest.raises(OperatorError, match="must be assembled first"):
        await world.runtime.inspect(b"(module)")


async def test_text_is_assembled(world):
    assert await world.runtime.assemble("(module)") == b"\0asm\x01\0\0\0"


async def test_text_that_does_not_assemble_is_refused_in_one_line(world):
    with pytest.raises(OperatorError) as refused:
        await world.runtime.assemble("(module\n (oops `\x1b[31m`))")

    assert "does not assemble" in str(refused.value)
    assert all(" " <= char <= "~" for char in str(refused.value))


async def test_a_module_that_is_well_formed_but_invalid_is_refused_when_compiled(world):
    """The scan reads sections; types inside functions are wasmtime's to check."""
    good = assembled(guests.core("(i64.const 0)"))
    bad = good.replace(b"\x42\x00\x0b", b"\x41\x00\x0b")  # i32.const where an i64 is due
    assert bad != good
    spec = world.tool(bad)

    outcome = await world.call(spec)

    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/module"
    assert "does not compile" in outcome.detail


@pytest.mark.parametrize(
    ("feature", "text"),
    [
        ("threads", '(module (memory (export "memory") 1 1 shared) (func (export "_start")))'),
        ("memory64", '(module (memory (export "memory") i64 1) (func (export "_start")))'),
        ("tail calls", '(module (memory (export "memory") 1) (func $f (export "_start") return_call $f))'),
        ("exceptions", '(module (tag $e) (memory (export "memory") 1) (func (export "_start") throw $e))'),
        ("gc", '(module (type (struct)) (memory (export "memory") 1) (func (export "_start")))'),
        (
            "relaxed simd",
            """(module (memory (export "memory") 1) (func (export "_start")
              (drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0)))))""",
        ),
    ],
)
async def test_a_feature_that_is_off_is_refused(world, feature, text):
    outcome = await world.call(world.tool(text))

    assert isinstance(outcome, Failed), feature
    assert outcome.code == "wasm/module"


async def test_compiling_that_takes_too_long_is_ended():
    compiler = Compiler(unprivileged=65534, seconds=0.001)

    with pytest.raises(ModuleRefused, match="longer to compile"):
        await compiler.compile(assembled(guests.STATE))


async def test_a_cancelled_compilation_leaves_no_process(world):
    before = _descriptors()
    running = asyncio.ensure_future(world.runtime.inspect(assembled(guests.STATE)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert _descriptors() <= before + 1


async def test_compiling_that_takes_too_much_memory_is_ended():
    """One function with a great many values alive at once; small, valid, and dear to compile."""
    count = 20_000
    body = bytearray([0x01, *_leb(count), 0x7F])
    for index in range(count):
        body += bytes([0x20, *_leb(index), 0x20, *_leb((index * 7) % count), 0x6A, 0x21, *_leb(index)])
    module = _module(bytes(body) + b"\x0b")

    with pytest.raises(ModuleRefused, match="more memory"):
        await Compiler(unprivileged=65534, memory_bytes=4 << 20).compile(module)
    assert (await Compiler(unprivileged=65534).compile(module)).report.functions == 1


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _leb(number: int) -> bytes:
    out = bytearray()
    while True:
        byte, number = number & 0x7F, number >> 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _section(kind: int, content: bytes) -> bytes:
    return bytes([kind, *_leb(len(content))]) + content


def _module(body: bytes) -> bytes:
    return b"".join(
        (
            b"\0asm\x01\0\0\0",
            _section(1, b"\x01\x60\0\0"),
            _section(3, b"\x01\0"),
            _section(5, b"\x01\0\x01"),
            _section(7, b"\x02\x06_start\0\0\x06memory\x02\0"),
            _section(10, b"\x01" + _leb(len(body)) + body),
        )
    )
