"""Bytes that are no text, wherever a guest can put them: answers, logs, errors, names of functions, requests."""

import json

import pytest

from holdfast.contracts import Blob, Completed, Failed

from . import guests
from .plugins import plugin, text

pytestmark = pytest.mark.anyio

BAD = ["\\ff\\fe\\fd", "\\ed\\a0\\80", "\\c0\\80\\80", "a\\f8\\88", "\\e2\\82"]
"""No lead, half a character, an overlong zero, five bytes, a character cut short."""


def size(data: str) -> int:
    return data.count("\\") + data.startswith("a")


def writing(data: str, descriptor: int, after: str = "") -> str:
    return guests.command(
        f"""(i32.store (i32.const 0) (i32.const 512)) (i32.store (i32.const 4) (i32.const {size(data)}))
        (drop (call $fd_write (i32.const {descriptor}) (i32.const 0) (i32.const 1) (i32.const 16))) {after}""",
        guests.WRITE,
        parts=f'(data (i32.const 512) "{data}")',
    )


@pytest.mark.parametrize("data", BAD)
async def test_a_command_that_writes_no_text_answers_replacements(world, data):
    outcome = await world.call(world.tool(writing(data, 1)))
    assert isinstance(outcome, Completed)
    assert "\ufffd" in outcome.content[0].text
    assert outcome.structured is None


@pytest.mark.parametrize("data", BAD)
async def test_a_log_that_is_no_text_is_a_log_of_replacements(world, data):
    outcome = await world.call(world.tool(writing(data, 2)))
    assert "\ufffd" in outcome.log
    outcome.log.encode()


@pytest.mark.parametrize("data", BAD)
async def test_last_words_that_are_no_text_do_no_harm(world, data):
    outcome = await world.call(world.tool(writing(data, 2, after="unreachable")))
    assert isinstance(outcome, Failed)
    outcome.detail.encode()


@pytest.mark.parametrize("data", BAD)
async def test_a_plugin_may_answer_bytes_and_they_stay_bytes(world, data):
    put = f"(call $put (i32.const 512) (i32.const {size(data)}))"
    body = f"(call $output_set {put} (i64.const {size(data)})) (i32.const 0)"
    parts = text("x") + f'(data (i32.const 512) "{data}")'
    outcome = await world.call(
        world.tool(plugin(body, "alloc", "store_u8", "output_set", parts=parts), memory_bytes=1 << 20)
    )
    assert isinstance(outcome, Completed)
    assert isinstance(outcome.content[0], Blob)


@pytest.mark.parametrize("data", BAD)
@pytest.mark.parametrize("function", ["error_set", "log_error", "http_request", "config_get", "var_get"])
async def test_a_host_function_of_a_plugin_takes_any_bytes(world, data, function):
    """What it makes of them is an answer, an error or a stop; the worker and what is told stay whole."""
    asked = f"(call $put (i32.const 512) (i32.const {size(data)}))"
    calls = {
        "http_request": f"(drop (call $http_request {asked} {asked}))",
        "config_get": f"(drop (call $config_get {asked}))",
        "var_get": f"(drop (call $var_get {asked}))",
    }
    body = f"{calls.get(function, f'(call ${function} {asked})')} (i32.const 0)"
    parts = text("x") + f'(data (i32.const 512) "{data}")'
    spec = world.tool(plugin(body, "alloc", "store_u8", function, parts=parts), memory_bytes=1 << 20)
    outcome = await world.call(spec)
    assert isinstance(outcome, Completed | Failed)
    said = (
        outcome.detail if isinstance(outcome, Failed) else outcome.log + json.dumps([c.text for c in outcome.content])
    )
    said.encode()
    assert len(world.runtime.worker_pids) == (1 if isinstance(outcome, Completed) else 0)


async def test_a_module_whose_names_are_no_text_is_refused_or_named_safely(world):
    """The name section is not part of what is read; its names come out in the text of a trap."""
    module = bytearray(world.modules[world.tool(guests.core("unreachable", parts="(func $aaaa)")).runtime.module])
    at = module.find(b"run")
    assert at > 0
    module[at : at + 3] = b"\xff\xfe\xfd"
    outcome = await world.call(world.tool(bytes(module), abi="core-json"))
    assert isinstance(outcome, Failed)
    outcome.detail.encode()
