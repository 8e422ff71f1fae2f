"""Programs written to get out, to stay, or to use everything up; and answers written by the program itself."""

import json

import pytest

from holdfast.contracts import Completed, Failed, LimitName, Stopped

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]


async def test_a_loop_without_end_is_stopped_by_fuel(sealed) -> None:
    outcome = await sealed.run("for (;;) { try { for (;;); } catch {} }", fuel=200_000_000)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.FUEL
    assert await sealed.value("1") == 1


@pytest.mark.parametrize(
    "code",
    [
        "for (;;);",
        "/(a+)+b/.test('a'.repeat(60))",
        "setInterval(() => 0, 1)",
        "(async () => { for (;;) await null })()",
        "const f = () => queueMicrotask(f); f()",
        "const f = () => setTimeout(f, 0); f()",
    ],
)
async def test_work_without_end_is_stopped_by_the_clock(sealed, code: str) -> None:
    outcome = await sealed.run(code, wall_ms=500)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.WALL
    assert await sealed.value("1") == 1


async def test_a_sleep_beyond_the_deadline_is_ended_with_its_worker(sealed) -> None:
    outcome = await sealed.run("await new Promise(resolve => setTimeout(resolve, 600_000))", wall_ms=500)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.WALL
    assert await sealed.value("1") == 1


@pytest.mark.parametrize(
    "code",
    [
        "let a = []; for (;;) a.push('a'.repeat(100_000) + a.length)",
        "let a = []; for (;;) a.push({x: [1]})",
        "let a = []; for (;;) a.push(new Uint8Array(1000))",
        "let a = []; for (;;) a.push(a.length + 0.5)",
        "let a = null; for (;;) a = {a}",
        "let a = []; for (;;) a.push(() => a)",
        "const m = new Map(); for (let n = 0; ; n++) m.set(n, n)",
        "new Uint8Array(1 << 30)",
        "new Array(1e9).fill(1)",
        "const a = []; while (true) { a.push(new ArrayBuffer(1 << 20)) }",
        "let s = 'ab'; for (;;) s = [s, s].join('x')",
        "let n = 1n; for (;;) n = n * n + 3n",
    ],
)
async def test_a_memory_bomb_is_stopped(sealed, code: str) -> None:
    outcome = await sealed.run(code)

    if isinstance(outcome, Completed):  # what the engine counts itself, before memory is full
        assert outcome.structured["error"]["type"] in ("InternalError", "RangeError")
    else:
        assert isinstance(outcome, Stopped), outcome
        assert outcome.limit is LimitName.MEMORY
    assert await sealed.value("1") == 1


@pytest.mark.parametrize(
    "code",
    [
        "for (;;) console.log('a'.repeat(1000))",
        "for (;;) console.error('a'.repeat(1000))",
        "for (;;) { try { console.log('a'.repeat(1000)) } catch {} }",
        "setInterval(() => console.log('a'.repeat(300_000)), 1)",
        "console.log('\\x00'.repeat(300_000))",
        "'\\x00'.repeat(300_000) && files.write('x', 'a'.repeat(1 << 20))",
    ],
)
async def test_an_output_flood_is_stopped(sealed, code: str) -> None:
    outcome = await sealed.run(code, total_output_bytes=1 << 20)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT
    assert outcome.usage.fuel < 40_000_000_000


@pytest.mark.parametrize(
    "code",
    [
        "(function f() { return f() })()",
        "let x = []; for (let n = 0; n < 1e5; n++) x = [x]; JSON.stringify(x)",
        "eval('('.repeat(100_000))",
        "new Proxy({}, {get(t, k, r) { return r[k] }}).x",
        "let a = {}; a.toString = () => a + ''; a + ''",
        "await 1; " + "(" * 20_000 + "1" + ")" * 20_000,
        "let x = []; for (let n = 0; n < 1e6; n++) x = [x]; x",
    ],
)
async def test_a_recursion_without_end_ends_that_call_alone(sealed, code: str) -> None:
    outcome = await sealed.run(code)

    if isinstance(outcome, Stopped):
        assert outcome.limit in (LimitName.STACK, LimitName.MEMORY)
    else:
        assert isinstance(outcome, Completed), outcome
        error = outcome.structured.get("error")
        assert error is None or error["type"] in ("InternalError", "RangeError", "SyntaxError")
        assert error is None or len(error["traceback"]) < 25_000
    assert await sealed.value("1") == 1


@pytest.mark.parametrize(
    "code",
    [
        "fetch('http://127.0.0.1/')",
        "new Request('http://127.0.0.1/')",
        "new Headers()",
        "new XMLHttpRequest()",
        "new WebSocket('ws://127.0.0.1')",
        "new EventSource('http://127.0.0.1')",
        "new Worker('x')",
        "require('fs')",
        "process.env",
        "Deno.readTextFileSync('/etc/passwd')",
        "WebAssembly.compile(new Uint8Array(8))",
        "new SharedArrayBuffer(8)",
        "Atomics.wait",
        "readFile('/etc/passwd')",
        "location.href",
        "hostCall('tool-invoke', '{}')",
        "stop('output_bytes')",
        "files.read('/etc/passwd')",
        "files.read('etc/passwd')",
        "await import('/etc/passwd')",
        'eval("imp" + "ort(\'fs\')").constructor.x.y',
    ],
)
async def test_there_is_nothing_outside_to_reach(sealed, code: str) -> None:
    outcome = await sealed.run(code)

    assert isinstance(outcome, Failed) or outcome.structured["error"]["type"] != "SyntaxError"
    assert await sealed.value("1") == 1


@pytest.mark.parametrize(
    "code",
    [
        "Object.prototype.toJSON = () => 1; 1",
        "Object.prototype.toJSON = () => { throw 1 }; ({})",
        "Object.keys = () => ['limit']; 1",
        "Object.keys = () => []; 1",
        "String.prototype.toWellFormed = () => null; console.log(1)",
        "Promise.prototype.then = () => null; Promise.resolve(1)",
        "Array.prototype[Symbol.iterator] = null; 1",
        "Array.prototype.map = () => [['a', '!']]; files.write('a', 'b')",
    ],
)
async def test_a_program_that_spoils_the_language_hurts_itself_alone(sealed, code: str) -> None:
    outcome = await sealed.run(code)

    if isinstance(outcome, Completed):
        assert set(outcome.structured) <= {"stdout", "stderr", "value", "error", "files"}
    else:
        assert isinstance(outcome, Failed)
        assert outcome.code in ("javascript/garbled", "wasm/trap")
    assert await sealed.value("1") == 1


def forged(fields: str) -> str:
    """A program whose answer has *fields*, JSON, beside its own."""
    text = json.dumps(f'a",{fields},"z":"')
    return f"console.log('a'); String.prototype.slice = () => {text}; undefined"


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "not json",
        '"stdout":""',
        '"limit":"everything"',
        '"limit":["fuel"]',
        '"value":"x"',
        '"value":{"repr":"","json":NaN}',
        '"error":{"type":"x"}',
        '"exit":true',
        '"files":{}',
        '"stderr":1,"y":"\\ud800"',
        f'"y":{"[" * 100_000}',
    ],
)
async def test_an_answer_that_the_program_wrote_itself_is_believed_in_its_shape_alone(sealed, fields: str) -> None:
    outcome = await sealed.run(forged(fields))

    assert isinstance(outcome, Failed)
    assert outcome.code == "javascript/garbled"


async def test_fields_that_no_answer_has_are_left_out(sealed) -> None:
    said = await sealed.said(forged('"isolation":"none","value":{"repr":"r","more":1}'))

    assert said == {"stdout": "a", "stderr": "", "value": {"repr": "r"}}


async def test_an_answer_over_the_limit_is_stopped_whoever_wrote_it(sealed) -> None:
    code = "console.log('a'); String.prototype.slice = () => 'x'.repeat(1_100_000); 1"
    outcome = await sealed.run(code, total_output_bytes=1 << 20)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT


async def test_a_flood_of_host_calls_reaches_nothing(sealed) -> None:
    code = "for (let n = 0; n < 500; n++) try { tools.shell({script: 'true'}) } catch (e) {}\n1"

    assert await sealed.value(code) == 1


async def test_what_a_program_holds_is_gone_when_its_call_was_stopped(sealed) -> None:
    await sealed.run("globalThis.kept = 1; for (;;);", fuel=200_000_000)

    assert await sealed.value("typeof kept") == "undefined"
