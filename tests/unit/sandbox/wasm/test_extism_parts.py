"""What a plugin may import and export, how it is spoken to, and how what it answers is read."""

import base64
import json

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import Blob, Completed, Failed, Text, Usage
from holdfast.contracts.digests import Digest
from holdfast.contracts.json_values import canonical
from holdfast.sandbox.wasm.abi import EXTISM
from holdfast.sandbox.wasm.describing import description_of, offers_of
from holdfast.sandbox.wasm.extism import speech
from holdfast.sandbox.wasm.extism.answers import DESCRIPTION, TOOLS, plugin_outcome, read_offers
from holdfast.sandbox.wasm.extism.guest import shares
from holdfast.sandbox.wasm.extism.interface import Style, callables, style_of
from holdfast.sandbox.wasm.frames import Ending, Reply
from holdfast.sandbox.wasm.module_scan import scan
from holdfast.sandbox.wasm.report import ModuleRefused, read_report, write_report
from holdfast.sandbox.wasm.supervisor import Died, Exhausted, Garbled, Overdue

ENV = "extism:host/env"
PAGE = 65536


def module(imports: str = "", exports: str = '(func (export "run") (result i32) (i32.const 0))') -> bytes:
    return bytes(wasmtime.wat2wasm(f'(module {imports} (memory (export "memory") 1) {exports})'))


def env(name: str, written: str) -> str:
    return f'(import "{ENV}" "{name}" (func {written}))'


LENGTH = env("input_length", "(result i64)")


def reply(output: bytes, *, code: int = 0, ending: Ending = Ending.RETURNED, detail: bytes = b"") -> Reply:
    return Reply(
        ending=ending, exit_code=code, fuel=1, memory_bytes=1, cpu_us=1, output=output, log=b"aside", detail=detail
    )


def outcome(output: bytes, **said):
    return plugin_outcome(reply(output, **said), usage=Usage(), isolation=("wasm",))


def listing(*tools) -> bytes:
    return speech.TOOL_RESULT + json.dumps({"tools": list(tools)}).encode()


def tool(name: str = "t", **fields) -> dict:
    return {"name": name, "description": "d", "inputSchema": {"type": "object"}} | fields


# The scan


def test_a_plugin_is_known_by_its_imports_and_its_functions_are_offered():
    report = scan(module(LENGTH))

    assert report.abi == EXTISM
    assert [offer.name for offer in report.offers] == ["run"]
    assert report.capabilities == ()
    assert report.wasi == ()
    assert read_report(write_report(report)) == report


def test_what_a_plugin_can_ask_the_broker_for_is_said():
    asks = env("http_request", "(param i64 i64) (result i64)") + env("log_info", "(param i64)")

    assert scan(module(asks)).capabilities == ("http", "log")


def test_the_wasi_of_a_plugin_is_its_wasi_and_nothing_else():
    wasi = '(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))'

    report = scan(module(wasi + LENGTH))

    assert report.wasi == ("random_get",)
    assert any("randomness" in note for note in report.notes)


def test_functions_of_another_host_are_named():
    user = '(import "extism:host/user" "create\\07 `message" (func (param f32) (result f64)))'

    report = scan(module(user))

    assert any("`create? ?message`" in note for note in report.notes)


@pytest.mark.parametrize(
    ("wasm", "why"),
    [
        (module(env("read_file", "(param i64) (result i64)")), "nothing answers the import"),
        (module(env("bound", "(param i64)")), "nothing answers the import"),
        (module(env("short", "(result i32)")), "nothing answers the import"),
        (module(env("alloc", "(param i32) (result i32)")), "another type than Extism"),
        (module(LENGTH + '(import "env" "f" (func))'), "nothing answers the import `env.f`"),
        (module(f'(import "{ENV}" "memory" (global i32))'), "imports functions only, not the global"),
        (module('(import "extism:host/user" "t" (table 1 funcref))'), "imports functions only, not the table"),
        (module(LENGTH, '(func (export "run") (param i32))'), "exports no function without parameters"),
        (module(LENGTH, '(func (export "_initialize"))'), "exports no function without parameters"),
        (module(LENGTH, "".join(f'(func (export "f{n}"))' for n in range(257))), "more than 256 functions"),
        (
            bytes(
                wasmtime.wat2wasm(
                    f'(module {LENGTH} (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))'
                    ' (func (export "run")))'
                )
            ),
            "does not export `memory`",
        ),
    ],
)
def test_a_plugin_that_could_not_be_linked_or_called_is_refused(wasm, why):
    with pytest.raises(ModuleRefused, match=why):
        scan(wasm)


def test_what_begins_a_language_is_no_function():
    found = [("run", " -> i32"), ("_start", " -> "), ("hs_init", " -> "), ("__wasm_call_ctors", " -> "),
             ("malloc", "i32 -> i32"), ("wide", " -> i64"), ("quiet", " -> ")]  # fmt: skip

    assert callables(found) == ("run", "quiet")


def test_what_a_compiler_exports_for_itself_is_no_function():
    scheduler = [("asyncify_stop_unwind", " -> "), ("asyncify_get_state", " -> i32"), ("__wasm_call_ctors", " -> ")]
    assert callables([*scheduler, ("run", " -> i32")]) == ("run",)
    assert callables([*scheduler, ("_start", " -> ")]) == ("_start",)
    assert callables([*scheduler, ("_start", "i32 -> ")]) == ()
    assert callables([("_start", " -> "), ("run", " -> i32")]) == ("run",)


@pytest.mark.parametrize(
    ("names", "style"),
    [
        ({"describe", "call"}, Style.V1),
        ({"list_tools", "call_tool", "list_prompts"}, Style.V2),
        ({"describe", "call", "list_tools", "call_tool"}, Style.V1),
        ({"describe", "call_tool"}, Style.PLAIN),
    ],
)
def test_the_exports_say_how_a_plugin_is_spoken_to(names, style):
    assert style_of(names) is style


# What goes in


def test_a_tool_call_goes_in_as_hyper_mcp_says_it():
    arguments = canonical({"text": "é"})

    assert speech.spoken(Style.V1, "t", arguments) == (
        "call",
        '{"params":{"arguments":{"text":"é"},"name":"t"}}'.encode(),
    )
    export, data = speech.spoken(Style.V2, 'q"', arguments)
    assert export == "call_tool"
    assert json.loads(data)["request"] == {"arguments": {"text": "é"}, "name": 'q"'}
    assert set(json.loads(data)["context"]) == {"id", "_meta"}
    assert speech.description_asked(Style.V1) == ("describe", b"")
    assert json.loads(speech.description_asked(Style.V2)[1])["context"]["_meta"] == {}


@pytest.mark.parametrize(
    ("arguments", "data"),
    [
        ({"input": "é"}, "é".encode()),
        ({"input": ""}, b""),
        ({"input": {"a": 1}}, b'{"a":1}'),
        ({"input": None}, b"null"),
        ({"input_base64": base64.b64encode(b"\xff\0").decode()}, b"\xff\0"),
        ({"input": "a", "more": 1}, b'{"input":"a","more":1}'),
        ({}, b"{}"),
        ({"input_base64": 7}, b'{"input_base64":7}'),
    ],
)
def test_the_input_of_a_plain_function_is_the_one_argument_or_all_of_them(arguments, data):
    assert speech.plain_input(canonical(arguments)) == data


def test_bytes_that_are_no_base64_are_said_to_be_none():
    with pytest.raises(speech.Unspeakable, match="not base64"):
        speech.plain_input(b'{"input_base64":"?"}')


# What comes out


def test_an_answer_of_a_plain_function_is_json_text_or_bytes():
    assert outcome(b'R{"n": 1}').structured == {"n": 1}
    assert outcome(b"Rwords").content == (Text(text="words"),)
    assert outcome(b"R\xff").content == (Blob(data=b"\xff", media_type="application/octet-stream"),)
    assert outcome(b"R").content == (Text(text=""),)
    assert outcome(b"Rwords").log == "aside"


def test_the_result_of_a_tool_call_becomes_content():
    said = {"content": [{"type": "text", "text": "a", "_meta": None}], "structuredContent": None, "isError": True}

    found = outcome(b"T" + json.dumps(said).encode())

    assert found == Completed(content=(Text(text="a"),), is_error=True, log="aside", isolation=("wasm",))


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"null", b"{", b'{"content":{}}', b'{"content":[{"type":"x"}]}', b'{"a":1,"a":2}', b"\xff"]
)
def test_what_is_no_result_of_a_tool_call_fails_the_call(said):
    found = outcome(b"T" + said)

    assert isinstance(found, Failed)
    assert found.code == "wasm/abi"


def test_an_answer_of_no_kind_fails_the_call():
    assert outcome(b"X").code == outcome(b"").code == "wasm/abi"


def test_an_error_of_a_plugin_is_an_answer_that_says_so():
    assert outcome(b"Eit broke", code=3).content == (Text(text="it broke"),)
    assert outcome(b"E", code=3).content == (Text(text="the plugin answered 3"),)
    assert outcome(b"E", code=3).is_error


def test_the_tools_that_a_plugin_lists_are_read():
    (offer, other) = read_offers(listing(tool(outputSchema={"type": "object"}), tool("u", description=None)))

    assert (offer.name, offer.description, offer.output_schema) == ("t", "d", {"type": "object"})
    assert other.description == "Calls `u` of a plugin"


def test_a_long_description_is_cut():
    assert len(read_offers(listing(tool(description="x" * 9000)))[0].description) == DESCRIPTION


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (b"R{}", "does not say"),
        (b"T{", "not JSON"),
        (b"T[]", "lists no tools"),
        (listing(), "lists no tools"),
        (listing(*(tool(f"t{n}") for n in range(TOOLS + 1))), "more than"),
        (listing(tool(), tool()), "two tools of one name"),
        (listing(tool("a b")), "no name"),
        (listing(tool("")), "no name"),
        (listing(7), "no name"),
        (listing(tool(description=7)), "description"),
        (listing(tool(inputSchema=None)), "no `inputSchema`"),
        (listing(tool(inputSchema={"type": "string"})), "no schema of an object"),
        (listing(tool(inputSchema={"type": "object", "title": "x" * 70_000})), "larger than"),
        (listing(tool(inputSchema={"type": "object", "x": json.loads("[" * 40 + "]" * 40)})), "nested deeper"),
        (b"T" + b" " * ((1 << 20) + 1), "does not say"),
    ],
)
def test_a_list_that_is_malformed_or_too_large_is_refused(output, why):
    with pytest.raises(ModuleRefused, match=why):
        read_offers(output)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Overdue(), "takes too long"),
        (Exhausted(), "too often"),
        (Died(signal=9), "broke its worker"),
        (Garbled(), "broke its worker"),
        (reply(b"", ending=Ending.TRAPPED, detail=b"bad\x1b[0m\n"), r"ended in `trapped`.*: bad\?"),
        (reply(b"Ewhy", code=2), "ended in `returned`.*: why"),
        (reply(b"", ending=Ending.FUEL), "ended in `fuel`"),
    ],
)
def test_a_plugin_that_does_not_say_what_it_has_is_refused_with_the_reason(answer, why):
    with pytest.raises(ModuleRefused, match=why):
        offers_of(answer, EXTISM)


def test_a_plugin_is_described_for_nobody():
    identity, request = description_of(Digest.of(b""), EXTISM)

    assert identity.tenant == ""
    assert request.name == ""


@given(total=st.integers(0, 1 << 30), declared=st.integers(0, 1 << 12).map(lambda pages: pages * PAGE))
def test_plugin_and_kernel_together_never_have_more_than_the_limit(total, declared):
    plugin, kernel = shares(total, declared)

    assert plugin + kernel <= total
    assert kernel % PAGE == 0
    if plugin:
        assert kernel >= PAGE
        assert plugin >= declared
        assert kernel <= plugin
    else:
        assert total - declared < PAGE or total < 4 * PAGE
