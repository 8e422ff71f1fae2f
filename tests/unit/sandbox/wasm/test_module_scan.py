"""The scan refuses what is malformed, too large or switched off, and tells the calling conventions apart."""

import contextlib

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.wasm import module_scan
from holdfast.sandbox.wasm.module_scan import scan
from holdfast.sandbox.wasm.preview1 import SIGNATURES
from holdfast.sandbox.wasm.report import ModuleRefused, read_report, shown, write_report

CORE = """(module (memory (export "memory") 2 7) (table 5 funcref)
  (func (export "alloc") (param i32) (result i32) i32.const 8)
  (func (export "run") (param i32 i32) (result i64) i64.const 0)
  (func $deep (param f64) (local v128 i64)
    block loop i32.const 1 if (result f32) f32.const 1 else f32.const 2 end drop i32.const 0 br_table 0 1 0 end end)
  (data (i32.const 0) "abc"))"""
HEADER = b"\0asm\x01\0\0\0"


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def leb(number: int) -> bytes:
    out = bytearray()
    while True:
        byte, number = number & 0x7F, number >> 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


def section(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + leb(len(content)) + content


def command(*, extra: bytes = b"", body: bytes = b"\0\x0b", after: bytes = b"") -> bytes:
    """The smallest wasi-command, with room for more."""
    return b"".join(
        (
            HEADER,
            section(1, b"\x01\x60\0\0"),
            section(3, b"\x01\0"),
            section(5, b"\x01\0\x01"),
            extra,
            section(7, b"\x02\x06_start\0\0\x06memory\x02\0"),
            section(10, b"\x01" + leb(len(body)) + body),
            after,
        )
    )


def refusal(wasm: bytes) -> str:
    with pytest.raises(ModuleRefused) as refused:
        scan(wasm)
    return str(refused.value)


def test_a_report_says_what_the_module_declares():
    report = scan(wat(CORE))

    assert report.abi == "core-json"
    assert (report.memory_bytes, report.memory_limit_bytes) == (131072, 458752)
    assert (report.tables, report.table_elements) == (1, 5)
    assert (report.functions, report.data_segments) == (3, 1)
    assert read_report(write_report(report)) == report


def test_a_command_reports_its_imports_once():
    one = '(import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))'

    report = scan(wat(f'(module {one} {one} (memory (export "memory") 1) (func (export "_start")))'))

    assert report.abi == "wasi-command"
    assert report.wasi == ("fd_close",)


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_every_wasi_function_is_accepted_with_its_own_type_only(name):
    parameters, results = SIGNATURES[name]
    written = f"(param {' '.join(parameters)}) (result {' '.join(results)})" if results else f"(param {parameters[0]})"
    good = f"""(module (import "wasi_snapshot_preview1" "{name}" (func {written}))
      (memory (export "memory") 1) (func (export "_start")))"""

    assert scan(wat(good)).wasi == (name,)
    assert "another type" in refusal(wat(good.replace("(param", "(param f32", 1)))


@given(cut=st.integers(0, len(command()) - 1))
def test_no_prefix_of_a_module_is_taken(cut):
    """A cut between sections leaves something well-formed, but then the exports or the bodies are missing."""
    with pytest.raises(ModuleRefused):
        scan(command()[:cut])


@given(place=st.integers(0, len(wat(CORE)) - 1), value=st.integers(0, 255))
def test_a_changed_byte_is_taken_or_refused_and_nothing_else(place, value):
    changed = bytearray(wat(CORE))
    changed[place] = value

    try:
        scan(bytes(changed))
        said = ""
    except ModuleRefused as refused:
        said = str(refused)
    assert all(" " <= char <= "~" for char in said)


@pytest.mark.parametrize(
    ("wasm", "why"),
    [
        (b"", "not a WebAssembly binary"),
        (b"(module)", "must be assembled first"),
        (b"\0asm\x0d\0\x01\0", "this is a component"),
        (b"\0asm\x02\0\0\0", "unknown version"),
        (HEADER, "neither `_start` nor"),
        (HEADER + section(1, b"\0") + section(1, b"\0"), "out of order"),
        (HEADER + section(3, b"\0") + section(1, b"\0"), "out of order"),
        (HEADER + section(13, b"\0"), "unknown or switched off"),
        (HEADER + section(1, b"\x01\x5f\0"), "type that is switched off"),
        (HEADER + section(1, b"\x01\x60\x01\x6e\0"), "type of value"),
        (HEADER + section(5, b"\x01\x03\x01\x01"), "shared, 64-bit"),
        (HEADER + section(5, b"\x01\x04\x01"), "shared, 64-bit"),
        (HEADER + section(5, b"\x01\x08\x01\x01"), "shared, 64-bit"),
        (HEADER + section(5, b"\x02\0\x01\0\x01"), "more than 1 memories"),
        (HEADER + section(4, b"\x01\x40\0\x70\0\x01"), "table that is switched off"),
        (HEADER + section(1, b"\xff\xff\xff\xff\x7f"), "out of range"),
        (HEADER + section(1, leb(10_001)), "more than 10000 types"),
        (HEADER + section(2, leb(1_001)), "more than 1000 imports"),
        (HEADER + section(3, leb(100_001)), "more than 100000 functions"),
        (HEADER + section(7, leb(1_001)), "more than 1000 exports"),
        (HEADER + section(9, leb(10_001)), "more than 10000 element segments"),
        (HEADER + section(11, leb(100_001)), "more than 100000 data segments"),
        (HEADER + section(12, leb(100_001)), "more than 100000 data segments"),
        (HEADER + section(1, b"\x01\x60" + leb(1001)), "more than 1000 values"),
        (HEADER + section(7, b"\x01\x01x\0\0"), "not there"),
        (HEADER + section(3, b"\x01\0"), "not there"),
        (HEADER + section(5, b"\x01\0\x01") + section(7, b"\x02\x01x\x02\0\x01x\x02\0"), "one name twice"),
        (HEADER + section(7, b"\x01\x02\xff\xfe\0\0"), "not UTF-8"),
        (HEADER + section(1, b"\x01\x60\0\0") + section(3, b"\x01\0"), "without bodies"),
        (HEADER + b"\x01", "cut short"),
        (HEADER + b"\x01\x05\0", "cut short"),
    ],
)
def test_a_module_that_will_not_do_is_refused_with_its_reason(wasm, why):
    assert why in refusal(wasm)


def test_custom_sections_share_a_cap():
    half = section(0, b"\x01x" + bytes(8 << 20))

    assert scan(command(after=half)).custom_bytes == (8 << 20) + 2
    assert "custom sections" in refusal(command(after=half * 2))


def test_a_module_over_the_size_cap_is_refused_before_anything_is_read(monkeypatch):
    monkeypatch.setattr(module_scan, "MODULE_BYTES", 10)

    assert "more than 10 bytes" in refusal(command())


def test_blocks_nest_four_thousand_deep_and_no_deeper():
    def nested(depth: int) -> bytes:
        return b"\0" + b"\x02\x40" * depth + b"\x0b" * depth + b"\x0b"

    assert scan(command(body=nested(3999))).functions == 1
    assert "deeper than 4000" in refusal(command(body=nested(4000)))


def test_constants_that_look_like_blocks_do_not_count():
    """Every immediate here is the byte that opens a block."""
    body = (
        b"\0"
        + b"\x41\x02\x1a\x42\x03\x1a\x43\x02\x03\x04\x02\x1a\x44\x02\x03\x04\x02\x03\x04\x02\x03\x1a" * 500
        + b"\x0b"
    )

    assert scan(command(body=body)).functions == 1


@given(body=st.binary(max_size=400))
def test_reading_any_function_body_ends(body):
    with contextlib.suppress(ModuleRefused):
        scan(command(body=b"\0" + b"\x02\x40" * 4001 + body))


def test_every_instruction_that_wasmtime_takes_is_read_to_its_end():
    """A wrong length would lose the thread; here only the right one finds the last block."""
    text = """(module (memory (export "memory") 1) (table $t 1 funcref) (global $g (mut i32) (i32.const 0))
      (func $f (param i32) (result i32) local.get 0) (elem declare func $f) (data $d "x") (elem $e func $f)
      (func (export "_start") (local i32 i64 f32 f64 v128 funcref)
        (local.set 0 (i32.load offset=300 (i32.const 0))) (i64.store32 offset=2 (i32.const 4) (i64.const -3))
        (drop (select (result i32) (i32.const 2) (i32.const 3) (i32.const 4)))
        (drop (i32.trunc_sat_f64_u (f64.const 2))) (memory.copy (i32.const 0) (i32.const 2) (i32.const 3))
        (memory.fill (i32.const 0) (i32.const 2) (i32.const 3)) (memory.init $d (i32.const 0) (i32.const 0)
          (i32.const 1))
        (data.drop $d) (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $e)
        (table.copy $t $t (i32.const 0) (i32.const 0) (i32.const 1)) (drop (table.size $t))
        (drop (table.grow $t (ref.null func) (i32.const 1))) (table.fill $t (i32.const 0) (ref.null func) (i32.const 1))
        (table.set $t (i32.const 0) (ref.func $f)) (drop (ref.is_null (table.get $t (i32.const 0))))
        (drop (call_indirect (param i32) (result i32) (i32.const 1) (i32.const 0)))
        (local.set 4 (v128.const i32x4 2 3 4 2)) (local.set 4 (i8x16.shuffle 2 3 4 2 3 4 2 3 4 2 3 4 2 3 4 2
          (local.get 4) (local.get 4))) (drop (i8x16.extract_lane_s 3 (local.get 4)))
        (local.set 4 (v128.load8_lane offset=2 align=1 3 (i32.const 0) (local.get 4)))
        (local.set 4 (v128.load32_zero (i32.const 2))) (v128.store (i32.const 2) (local.get 4))
        (local.set 4 (i32x4.add (local.get 4) (f64x2.ceil (local.get 4))))
        (global.set $g (i32.extend8_s (memory.size))) (drop (memory.grow (i32.const 0)))
        (br_if 0 (i32.const 2)) (return) NEST))"""

    def nested(depth: int) -> bytes:
        return wat(text.replace("NEST", "block " * depth + "end " * depth))

    assert scan(nested(3999)).functions == 2
    assert "deeper than 4000" in refusal(nested(4000))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            '(module (import "extism:host/env" "alloc" (func (param i64) (result i64))))',
            "the plugin exports no function",
        ),
        ('(module (memory (export "memory") 1) (func (export "_start") (param i32)))', "does not export `_start`"),
        ('(module (func (export "_start")))', "does not export `memory`"),
        (CORE.replace("(param i32 i32) (result i64)", "(param i32) (result i64)"), "does not export `run` as"),
        (CORE.replace("(module", '(module (import "env" "sys\\1b\\n`" (func))'), "imports `env.sys???`"),
        (
            '(module (import "env" "f" (func)) (memory (export "memory") 1) (func (export "_start")))',
            "nothing answers the import `env.f`",
        ),
        (
            """(module (import "wasi_snapshot_preview1" "fd_close" (global i32))
            (memory (export "memory") 1) (func (export "_start")))""",
            "nothing answers",
        ),
        (
            '(module (import "wasi_unstable" "f" (func)) (memory (export "memory") 1) (func (export "_start")))',
            "nothing answers",
        ),
    ],
)
def test_other_conventions_and_imports_are_refused(text, why):
    assert why in refusal(wat(text))


@given(text=st.text())
def test_guest_text_in_a_message_is_short_printable_ascii(text):
    said = shown(text)

    assert len(said) <= 60
    assert all(" " <= char <= "~" and char != "`" for char in said)
