"""The survey of a component: every part is counted before anything compiles; what cannot be counted is refused."""

import json

import pytest
import wasmtime

from holdfast.sandbox.wasm.components import component_scan
from holdfast.sandbox.wasm.components.component_scan import survey
from holdfast.sandbox.wasm.components.docs import Docs
from holdfast.sandbox.wasm.report import ModuleRefused

HEADER = b"\0asm\x0d\0\x01\0"
MEMORY = '(core module $m (memory (export "m") 2 5) (table 3 7 funcref))'


def binary(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def leb(number: int) -> bytes:
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*written, number))


def section(kind: int, content: bytes) -> bytes:
    return bytes((kind,)) + leb(len(content)) + content


def named(name: bytes) -> bytes:
    return leb(len(name)) + name


def test_what_one_call_makes_is_counted_through_components_inside_components() -> None:
    said = survey(
        binary(
            f"""(component {MEMORY} (core instance (instantiate $m))
            (component $c {MEMORY} (core instance (instantiate $m)) (core instance (instantiate $m)))
            (instance (instantiate $c)) (instance (instantiate $c)))"""
        )
    )
    assert said.tally.instances == 5
    assert said.tally.memories == [(2 * 65536, 5 * 65536)] * 5
    assert said.tally.tables == [(3, 7)] * 5
    assert said.modules == 2


def test_imports_and_exports_are_those_of_the_outermost() -> None:
    said = survey(
        binary(
            """(component (import "a:b/c@1.0.0" (instance)) (import "f" (func))
            (component (import "inner" (func)))
            (core module $m (func (export "run"))) (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"""
        )
    )
    assert [(item.module, item.kind) for item in said.imports] == [("a:b/c@1.0.0", "instance"), ("f", "func")]
    assert said.exports == ["run"]


def test_instances_that_double_with_every_level_are_refused() -> None:
    text = f"(component $c0 {MEMORY} (core instance (instantiate $m)))"
    for level in range(1, 12):
        made = f"(instance (instantiate $c{level - 1}))"
        text = f"(component $c{level} {text} {made} {made})"
    with pytest.raises(ModuleRefused, match="memories"):
        survey(binary(text))


def test_a_module_from_outside_cannot_be_counted_and_is_refused() -> None:
    text = '(component (import "m" (core module $m)) (core instance (instantiate $m)))'
    with pytest.raises(ModuleRefused, match="cannot be counted"):
        survey(binary(text))


def test_components_nested_too_deep_are_refused() -> None:
    data = HEADER
    for _ in range(component_scan.NESTING + 1):
        data = HEADER + section(4, data)
    with pytest.raises(ModuleRefused, match="deeper than"):
        survey(data)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (section(9, b""), "unknown or switched off"),
        (section(12, b"\x00"), "unknown or switched off"),
        (section(77, b""), "unknown or switched off"),
        (section(2, b"\x01\x00\x05\x00"), "not there"),
        (section(2, b"\x01\x07"), "unknown"),
        (section(5, b"\x01\x00\x00\x00"), "not there"),
        (section(6, leb(component_scan.ITEMS + 1)), "more than"),
        (section(7, leb(component_scan.ITEMS + 1)), "more than"),
        (section(8, leb(component_scan.ITEMS + 1)), "more than"),
        (section(10, leb(1001)), "more than 1000 imports"),
        (section(10, b"\x01\x00" + named(b"v") + b"\x02\x00\x00"), "value"),
        (section(11, leb(1001)), "more than 1000 exports"),
        (section(1, b"\0asm\x02\0\0\0"), "unknown version"),
        (section(4, b"\0asm\x01\0\0\0"), "unknown version"),
        (section(0, named(b"package-docs") + bytes(5 << 20)), "custom sections"),
        (b"\x01", "cut short"),
        (b"\x01\xff\xff\xff\xff\xff", "out of range"),
    ],
)
def test_what_is_too_large_unknown_or_broken_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(ModuleRefused, match=says):
        survey(HEADER + content)


def test_caps_of_core_modules_hold_inside() -> None:
    deep = "(block " * 4001 + ")" * 4001
    with pytest.raises(ModuleRefused, match="nests"):
        survey(binary(f"(component (core module (func {deep})))"))
    with pytest.raises(ModuleRefused, match="memories"):
        survey(binary("(component (core module (memory 1) (memory 1)))"))


@pytest.mark.parametrize("version", [b"\x00", b"\x01", b""])
def test_descriptions_come_from_package_docs(version: bytes) -> None:
    said = {
        "worlds": {"tools": {"func_exports": {"run": {"docs": "Runs."}}}},
        "interfaces": {"shapes": {"funcs": {"move": "Moves a point."}}},
    }
    module = HEADER + section(0, named(b"package-docs") + version + json.dumps(said).encode())
    docs = Docs(survey(module).docs)
    assert docs.of(("run",)) == "Runs."
    assert docs.of(("demo:every/shapes@0.1.0", "move")) == "Moves a point."
    assert docs.of(("other",)) == ""


@pytest.mark.parametrize(
    "section", [b"", b"\x01{", b"\x01[]", b"\x01" + b'{"worlds": 7}', b"\x01" + b'{"worlds": {"w": []}}']
)
def test_descriptions_that_cannot_be_read_are_none(section: bytes) -> None:
    assert Docs(section).of(("run",)) == ""
    assert Docs(section).of(("a/b", "run")) == ""
