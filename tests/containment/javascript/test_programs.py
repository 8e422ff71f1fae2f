"""What a program prints, answers, throws, reads and writes, and that nothing of it stays for the next one."""

import base64

import pytest

from holdfast.contracts import Completed, Failed, Text

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]


async def test_what_is_printed_and_the_value_of_the_last_statement_come_back(sealed) -> None:
    said = await sealed.said("console.log('out'); console.error('err');\n({a: [1, null, 2.5]})")

    assert said == {
        "stdout": "out\n",
        "stderr": "err\n",
        "value": {"repr": "{ a: [ 1, null, 2.5 ] }", "json": {"a": [1, None, 2.5]}},
    }


@pytest.mark.parametrize(
    "code",
    [
        "NaN",
        "-0",
        "1n",
        "[,1]",
        "[undefined]",
        "new Map()",
        "({get a() { return 1 }})",
        "({toJSON() { return 1 }})",
        "(() => 1)",
        "'\\ud800'",
        "Symbol('x')",
        "new Uint8Array(2)",
        "class A {}; new A",
    ],
)
async def test_a_value_that_json_cannot_say_exactly_comes_as_its_text_alone(sealed, code: str) -> None:
    assert set((await sealed.said(code))["value"]) == {"repr"}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("'it\\'s'", '"it\'s"'),
        ("new Map([['a', new Set([1])]])", "Map(1) { 'a' => Set(1) { 1 } }"),
        ("class A { x = 1 }; new A", "A { x: 1 }"),
        ("const a = {}; a.self = a; a", "{ self: [Circular] }"),
        ("new Uint8Array(3)", "Uint8Array(3) [ 0, 0, 0 ]"),
        ("(function f() {})", "[Function: f]"),
        ("new TypeError('t')", "[TypeError: t]"),
        ("new Date(0)", "1970-01-01T00:00:00.000Z"),
        ("({get a() { throw 1 }})", "{ a: [Getter] }"),
        ("[[[[[1]]]]]", "[ [ [ [ [Array] ] ] ] ]"),
        ("new Proxy({}, {ownKeys() { throw 1 }})", "<a value that cannot be shown>"),
    ],
)
async def test_values_are_shown_as_people_write_them(sealed, code: str, text: str) -> None:
    assert (await sealed.said(code))["value"]["repr"] == text


async def test_a_program_that_ends_with_undefined_or_a_declaration_has_no_value(sealed) -> None:
    assert "value" not in await sealed.said("undefined")
    assert "value" not in await sealed.said("const x = 1")
    assert "value" not in await sealed.said("")


async def test_the_console_formats_as_programs_expect(sealed) -> None:
    code = (
        "console.log('%s=%d', 'x', 3, {y: 1}); console.log('100%'); console.group('g'); console.info([1, 'a'])\n"
        "console.groupEnd(); console.warn('w'); console.assert(1 > 2, 'no'); console.table([1]); console.count()"
    )
    said = await sealed.said(code)

    assert said["stdout"] == "x=3 { y: 1 }\n100%\ng\n  [ 1, 'a' ]\n[ 1 ]\ndefault: 1\n"
    assert said["stderr"] == "w\nAssertion failed no\n"


async def test_an_exception_names_the_lines_of_the_program_and_none_of_ours(sealed) -> None:
    said = await sealed.said("function halve(x) {\n  throw new TypeError('no half')\n}\n\nhalve(\n  1)\n")

    assert (said["error"]["type"], said["error"]["message"], said["error"]["line"]) == ("TypeError", "no half", 2)
    trace = said["error"]["traceback"]
    assert trace.splitlines()[:3] == ["code.js:2", "      throw new TypeError('no half')", "TypeError: no half"]
    assert "at halve (code.js:2:9)" in trace
    assert "at code.js:5:6" in trace
    assert "runner" not in trace
    assert "app.js" not in trace


async def test_columns_of_the_first_line_are_those_of_the_program(sealed) -> None:
    assert "at code.js:1:7" in (await sealed.said("throw new Error('x')"))["error"]["traceback"]
    assert "at code.js:1:16" in (await sealed.said("await 1; throw new Error('x')"))["error"]["traceback"]


async def test_an_exception_has_its_causes_and_any_value_can_be_thrown(sealed) -> None:
    said = await sealed.said("throw new Error('a', {cause: new RangeError('b')})")
    thrown = await sealed.said("throw {a: 1}")

    assert "caused by RangeError: b" in said["error"]["traceback"]
    assert thrown["error"]["traceback"] == "Uncaught { a: 1 }\n"


@pytest.mark.parametrize(
    ("code", "line"), [("let x = 1\nlet y = (", 2), ("let x = ;", 1), ("await 1\nlet y = (\n\n", 4)]
)
async def test_a_syntax_error_names_its_line(sealed, code: str, line: int) -> None:
    error = (await sealed.said(code))["error"]

    assert (error["type"], error["line"]) == ("SyntaxError", line)


async def test_a_program_that_failed_is_an_error_and_keeps_what_it_printed(sealed) -> None:
    outcome = await sealed.run("console.log('before'); null.x")

    assert isinstance(outcome, Completed)
    assert outcome.is_error
    assert outcome.content[0] == Text(text="before\n")
    assert outcome.isolation == ("wasm", "landlock", "seccomp")
    assert outcome.usage.fuel > 0


async def test_await_works_at_the_top_and_the_last_statement_is_still_the_value(sealed) -> None:
    assert await sealed.value("const a = await Promise.resolve(20);\na * 2 + 2 // the answer") == 42
    assert await sealed.value("for await (const x of [1, 2]) console.log(x);\n'done'") == "done"
    assert "value" not in await sealed.said("await 1; if (true) { 5 }")


async def test_a_promise_is_awaited_and_its_rejection_is_the_programs(sealed) -> None:
    assert await sealed.value("new Promise(resolve => setTimeout(() => resolve(5), 20))") == 5
    said = await sealed.said("(async () => {\n  throw new Error('no')\n})()")

    assert (said["error"]["message"], said["error"]["line"]) == ("no", 2)


async def test_timers_run_to_their_end_and_what_they_throw_is_the_programs(sealed) -> None:
    code = "let n = 0; const t = setInterval(() => { console.log(++n); if (n === 3) clearInterval(t) }, 2); 'first'"
    said = await sealed.said(code)
    thrown = await sealed.said("setTimeout(() => {\n  throw new Error('late')\n}, 1); 1")

    assert (said["stdout"], said["value"]["json"]) == ("1\n2\n3\n", "first")
    assert (thrown["error"]["message"], thrown["error"]["line"]) == ("late", 2)


async def test_what_a_promise_does_later_is_waited_for(sealed) -> None:
    said = await sealed.said("Promise.resolve().then(() => 0).then(() => console.log('later')); 1")

    assert (said["stdout"], said["value"]["json"]) == ("later\n", 1)


async def test_a_promise_that_nothing_can_settle_is_an_error_and_no_wait(sealed) -> None:
    assert "nothing can settle" in (await sealed.said("new Promise(() => {})"))["error"]["message"]


@pytest.mark.parametrize(
    "code",
    [
        "import fs from 'fs'",
        "await import('node:fs')",
        "import('fs')",
        "const load = async () => {\n  const {x} = await import('./x.js')\n}\nload()",
    ],
)
async def test_there_is_nothing_to_import_and_it_is_said(sealed, code: str) -> None:
    assert "nothing to import" in (await sealed.said(code))["error"]["message"]


async def test_the_words_await_and_import_in_text_change_nothing(sealed) -> None:
    assert await sealed.value("const await_ = 'import(x)';\n/* await */ await_.length") == 9


async def test_the_input_is_there_as_a_value(sealed) -> None:
    assert await sealed.value("input.n + input_data.n", given={"n": 21}) == 42
    assert await sealed.value("input_data === null") is True


async def test_files_are_read_by_name_and_what_is_written_comes_back(sealed) -> None:
    code = (
        "const [, row] = files.read('in/data.csv').trim().split('\\n').map(line => line.split(','))\n"
        "files.write('out.txt', row[1]); files.write('out.bin', new Uint8Array([255, 0]))\n"
        "files.append('log', '1'); files.append('log', '2'); files.write('./gone', 'x'); files.remove('gone')\n"
        "files.list()"
    )
    said = await sealed.said(code, files={"in/data.csv": b"a,b\n1,two\n", "untouched": b"x"})

    assert said["value"]["json"] == ["in/data.csv", "log", "out.bin", "out.txt", "untouched"]
    written = {file["name"]: file for file in said["files"]}
    assert set(written) == {"out.txt", "out.bin", "log"}
    assert written["out.txt"] == {"name": "out.txt", "bytes": 3, "text": "two"}
    assert base64.b64decode(written["out.bin"]["base64"]) == b"\xff\x00"
    assert written["log"]["text"] == "12"


async def test_bytes_that_are_no_text_are_read_as_bytes(sealed) -> None:
    assert await sealed.value("[...files.readBytes('x')]", files={"x": b"\xff\x00"}) == [255, 0]
    assert (await sealed.said("files.read('x')", files={"x": b"\xff\x00"}))["error"]["type"] == "TypeError"


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../b", "a//b", "", "a\\0b"])
async def test_a_file_has_a_plain_name(sealed, name: str) -> None:
    assert (await sealed.said(f"files.write('{name}', 'x')"))["error"]["type"] in ("RangeError", "TypeError")


async def test_more_files_than_are_handed_back_are_counted(sealed) -> None:
    said = await sealed.said("for (let n = 0; n < 70; n++) files.write(String(n), '')")

    assert len(said["files"]) == 65
    assert "6 more files" in said["files"][-1]["name"]


@pytest.mark.parametrize("length", [200_000, 1_500_000, 2 << 20, 9_000_000])
async def test_long_output_and_long_files_come_back_whole(sealed, length: int) -> None:
    said = await sealed.said(f"console.log('\\n' + 'é'.repeat({length} / 2)); files.write('x', 'y'.repeat(1000)); 1")

    assert said["stdout"] == "\n" + "é" * (length // 2) + "\n"
    assert said["files"][0]["bytes"] == 1000


async def test_a_value_too_long_for_the_engine_to_write_as_json_comes_as_its_text(sealed) -> None:
    said = await sealed.said("['x'.repeat(2 << 20)]", total_output_bytes=1 << 20)

    assert set(said["value"]) == {"repr"}
    assert "more characters" in said["value"]["repr"]


async def test_programs_with_too_much_handed_in_are_refused(sealed) -> None:
    outcome = await sealed.run("1", files={"large": bytes(3 << 20)})

    assert isinstance(outcome, Failed)
    assert outcome.code == "javascript/arguments"


async def test_nothing_of_a_program_is_there_for_the_next(sealed) -> None:
    leave = (
        "var left = 1; globalThis.planted = 1; Object.prototype.left = 1; Array.prototype.map = null\n"
        "JSON.parse = null; console.log = null; files.write('left', 'x'); Promise.prototype.then = null\n"
        "setTimeout = null; String.prototype.split = () => ['poison']; Object.freeze(Map.prototype); 1"
    )
    look = (
        "[typeof left, typeof planted, {}.left === undefined, typeof [].map, typeof JSON.parse, typeof console.log,\n"
        " files.list().length, typeof Promise.prototype.then, typeof setTimeout, 'a b'.split(' ').length,\n"
        " Object.isFrozen(Map.prototype)]"
    )
    fresh = await sealed.value(look)
    await sealed.run(leave)

    assert await sealed.value(look) == fresh
    assert fresh == ["undefined", "undefined", True, *["function"] * 3, 0, *["function"] * 2, 2, False]


async def test_many_programs_run_in_one_worker(sealed) -> None:
    await sealed.value("1", tenant="many")
    pids = sealed.runtime.worker_pids
    assert [await sealed.value(f"globalThis.n = (globalThis.n ?? 0) + {n}", tenant="many") for n in range(20)] == list(
        range(20)
    )
    assert sealed.runtime.worker_pids == pids


async def test_randomness_is_fresh_in_every_call(sealed) -> None:
    code = (
        "const bytes = crypto.getRandomValues(new Uint8Array(16));\n"
        "[Math.random(), Math.random(), crypto.randomUUID(), bytes.toHex()]"
    )
    one, two, three = [await sealed.value(code) for _ in range(3)]
    other = await sealed.value(code, tenant="two")

    seen = [*one, *two, *three, *other]
    assert len(set(seen)) == len(seen)


async def test_the_clock_is_the_real_one_in_utc(sealed) -> None:
    before, after = [await sealed.value("Date.now()") for _ in range(2)]

    assert 1_700_000_000_000 < before < after
    assert await sealed.value("new Date(2020, 5, 1).toISOString()") == "2020-06-01T00:00:00.000Z"
    assert (
        await sealed.value("const a = performance.now(); for (let n = 0; n < 1e5; n++); performance.now() > a") is True
    )


async def test_two_tenants_have_workers_of_their_own(sealed) -> None:
    await sealed.said("1", tenant="one")
    await sealed.said("1", tenant="two")

    assert len(sealed.runtime.worker_pids) == 2


@pytest.mark.parametrize(
    "code",
    [
        "new TextDecoder().decode(new TextEncoder().encode('é')) === 'é'",
        "new URL('http://a/b?c=d').searchParams.get('c') === 'd'",
        "atob(btoa('x')) === 'x'",
        "structuredClone({a: [1]}).a[0] === 1",
        "crypto.subtle.digest('SHA-256', new Uint8Array()).then(b => new Uint8Array(b).toHex().startsWith('e3b0c442'))",
        "[3, 1, 2].toSorted().join() === '1,2,3'",
        "/(?<y>\\d{4})/u.exec('in 2026').groups.y === '2026'",
        "Object.groupBy([1, 2], x => x % 2 ? 'odd' : 'even').odd[0] === 1",
        "(await new Blob(['abc']).text()) === 'abc'",
    ],
)
async def test_the_language_and_the_web_apis_without_a_network_are_there(sealed, code: str) -> None:
    assert await sealed.value(code) is True


async def test_a_call_of_another_tool_without_a_caller_is_refused_as_an_exception(sealed) -> None:
    code = "try { tools.echo({text: 'x'}) } catch (e) { [e instanceof ToolCallError, e.status, e.code] }"

    assert await sealed.value(code) == [True, "denied", "host/not-granted"]


async def test_arguments_of_a_tool_are_one_object(sealed) -> None:
    assert (await sealed.said("tools.echo('x')"))["error"]["type"] == "TypeError"
