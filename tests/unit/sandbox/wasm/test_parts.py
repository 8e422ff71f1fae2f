"""Small laws of the runtime's parts: the settings are what they say, and what is checked at registration."""

from dataclasses import replace

import pytest
import wasmtime

from holdfast.contracts import Digest, Grants, Limits, OperatorError, ToolName, ToolSpec, Wasm
from holdfast.contracts.limits import MIB
from holdfast.sandbox.wasm import abi as sandbox_abi
from holdfast.sandbox.wasm import artifacts
from holdfast.sandbox.wasm.fitting import check_fit
from holdfast.sandbox.wasm.module_scan import scan
from holdfast.sandbox.wasm.preview1 import CLOCK, RANDOM, SIGNATURES, meter
from holdfast.sandbox.wasm.settings import ENGINE, WASI_CALLS
from holdfast.tools import abi as tools_abi

COMMAND = '(module (memory (export "memory") 4) (table 10 funcref) (func (export "_start")))'


def test_both_parts_name_the_same_conventions():
    """They may not import each other, so they could drift."""
    assert set(sandbox_abi.RUNNABLE) == set(tools_abi.Abi)
    assert set(sandbox_abi.SOURCES) == tools_abi.SOURCES
    assert all(name in sandbox_abi.UNSUPPORTED for name in sandbox_abi.RUNNABLE)


def test_every_setting_is_one_that_wasmtime_has():
    for name, _value in ENGINE:
        assert isinstance(vars(wasmtime.Config).get(name), property), name


def test_a_setting_that_changes_changes_the_fingerprint(monkeypatch):
    before = artifacts.fingerprint()

    monkeypatch.setattr(artifacts, "ENGINE", (("consume_fuel", False), *ENGINE[1:]))

    assert artifacts.fingerprint() != before


def test_another_wasmtime_changes_the_fingerprint(monkeypatch):
    before = artifacts.fingerprint()

    monkeypatch.setattr(artifacts, "version", lambda _name: "50.0.2")

    assert artifacts.fingerprint() != before


def test_meter_and_relay_of_every_wasi_function_assemble():
    for withheld in (frozenset(), CLOCK | RANDOM):
        counter, relay = meter(SIGNATURES, withheld)
        assert wasmtime.wat2wasm(counter)
        assert wasmtime.wat2wasm(relay)
        assert f"i32.const {WASI_CALLS}" in counter
        assert ("$wasi_clock_time_get" in relay) == (not withheld)


def _spec(**changes) -> ToolSpec:
    fields = {
        "name": ToolName("tool"),
        "description": "d",
        "input_schema": {"type": "object"},
        "effects": frozenset(),
        "runtime": Wasm(module=Digest.of(b""), abi="wasi-command"),
        "limits": Limits(fuel=1, memory_bytes=MIB, wall_ms=1, output_bytes=1, host_calls=0),
    }
    return ToolSpec(**(fields | changes))


def test_a_module_that_fits_its_manifest_is_taken_with_notes():
    notes = check_fit(scan(bytes(wasmtime.wat2wasm(COMMAND))), _spec(grants=Grants(clock=False)))

    assert any("empty for it" in note for note in notes)
    assert any("grants.clock" in note for note in notes)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"runtime": Wasm(module=Digest.of(b""), abi="core-json")}, "`tool.abi` says core-json"),
        ({"limits": Limits(fuel=1, memory_bytes=1000, wall_ms=1, output_bytes=1, host_calls=0)}, "limits.memory_bytes"),
    ],
)
def test_a_module_that_does_not_fit_its_manifest_is_refused(change, why):
    with pytest.raises(OperatorError, match=why):
        check_fit(scan(bytes(wasmtime.wat2wasm(COMMAND))), _spec(**change))


def test_a_table_that_can_never_start_is_refused():
    report = replace(scan(bytes(wasmtime.wat2wasm(COMMAND))), table_elements=100_001)

    with pytest.raises(OperatorError, match="tables"):
        check_fit(report, _spec())
