"""Source text of JavaScript as a tool: what it says it is, how it is called, what it may ask for, hostile sources."""

import pytest

from holdfast.contracts import Completed, Digest, Failed, Grants, LimitName, OperatorError, Stopped
from holdfast.contracts.limits import JAVASCRIPT
from holdfast.sandbox.wasm.fitting import check_fit
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.drafting import Offered, draft
from holdfast.tools.manifest import load_manifest

from .conftest import Texts

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

ECHO = "/** @param {%s} args.x */ export function f({ x }) { return x }"
TYPES = {
    "string": ({"type": "string"}, "é"),
    "number": ({"type": "number"}, 2.5),
    "integer": ({"type": "integer"}, 3),
    "boolean": ({"type": "boolean"}, True),
    "null": ({"type": "null"}, None),
    "*": ({}, {"a": [1]}),
    "?string": ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None),
    "string | number": ({"anyOf": [{"type": "string"}, {"type": "number"}]}, "x"),
    "\"a\"|'b'|1": ({"enum": ["a", "b", 1]}, "b"),
    "string[]": ({"type": "array", "items": {"type": "string"}}, ["a"]),
    "(integer|boolean)[][]": (
        {
            "type": "array",
            "items": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}},
        },
        [[1], [True]],
    ),
    "Array": ({"type": "array"}, [1, "a"]),
    "Array.<number>": ({"type": "array", "items": {"type": "number"}}, [1.5]),
    "Object": ({"type": "object"}, {"a": 1}),
    "Record<string, integer>": ({"type": "object", "additionalProperties": {"type": "integer"}}, {"a": 1}),
    "{lat: number, name?: string}": (
        {
            "type": "object",
            "properties": {"lat": {"type": "number"}, "name": {"type": "string"}},
            "additionalProperties": False,
            "required": ["lat"],
        },
        {"lat": 1.5},
    ),
}


@pytest.mark.parametrize("written", TYPES)
async def test_a_type_is_a_schema_and_its_values_go_in_and_come_out(texts: Texts, written: str) -> None:
    schema, value = TYPES[written]
    source = ECHO % written
    (offer,) = (await texts.described(source)).offers

    assert offer.input_schema["properties"]["x"] == schema
    assert await texts.value(source, {"x": value}) == value


DOCUMENTED = """
/**
 * Says how warm
 * it will be.
 *
 * More about it.
 * @param {Object} args - all of it
 * @param {string} args.city - the city's
 *   name
 * @param {integer} days how many days
 * @param {"c" | "f"} [args.unit="c"] - c or f
 * @param {string=} args.note
 * @returns {Array} all of it
 */
export async function forecast({ city, days = -3, unit = "c", note = null } = {}) {
  await null;
  return [city, days, unit, note];
}
function own() {}
"""


async def test_the_comment_describes_the_tool_and_its_arguments(texts: Texts) -> None:
    report = await texts.described(DOCUMENTED, "weather.js")
    (offer,) = report.offers

    assert (offer.name, offer.description, report.abi) == ("forecast", "Says how warm it will be.", "javascript")
    assert offer.input_schema == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "the city's name"},
            "days": {"type": "integer", "description": "how many days", "default": -3},
            "unit": {"enum": ["c", "f"], "description": "c or f", "default": "c"},
            "note": {"type": "string"},
        },
        "additionalProperties": False,
        "required": ["city"],
    }
    assert await texts.value(DOCUMENTED, {"city": "x", "unit": "f"}, name="forecast") == ["x", -3, "f", None]


@pytest.mark.parametrize(
    "source",
    [
        "export default function f() { return 1 }",
        "export const f = () => 1;",
        "async function f() { return 1 }\nexport default f;",
        "function f() { return 1 }\nexport { f };",
        "const one = await Promise.resolve(1);\nexport function f() { return one }",
        "export const f = async () => await new Promise((resolve) => setTimeout(resolve, 1, 1));",
        "/** @param {integer} [args.x=1] */\nexport function f(args) { return args.x ?? 1 } // at the end",
    ],
)
async def test_a_function_is_exported_in_any_of_the_usual_ways(texts: Texts, source: str) -> None:
    assert [one.name for one in (await texts.described(source)).offers] == ["f"]
    assert await texts.value(source) == 1
    assert await texts.value(source, name="other") == 1  # there is no other it could mean


async def test_each_exported_function_is_a_tool_and_is_called_by_name(texts: Texts) -> None:
    source = "export function b() { return a() + 'b' }\nexport function a() { return 'a' }\nfunction c() {}\n"
    report = await texts.described(source)

    assert [one.name for one in report.offers] == ["b", "a"]
    assert await texts.value(source, name="b") == "ab"
    outcome = await texts.run(source, name="c")
    assert isinstance(outcome, Failed)
    assert (outcome.code, "no function" in outcome.detail) == ("javascript/source", True)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("/** F. */\nexport function f({\n  x,\n}) {}", "line 3: 'x' of 'f' has no type; add '@param {string} args.x"),
        ("export function f(x) {}", "line 1: 'x' of 'f' is no name a caller gives; write 'f({ x })'"),
        ("\nexport function f({}, y) {}", "line 2: 'f' takes one object"),
        ("export function f(...all) {}", "'f' takes one object"),
        ("export function f({ ...rest }) {}", "'...rest' of 'f' has no names"),
        ("export function* f() {}", "must answer one value"),
        ("/** @param {string} args.town */\nexport function f({}) {}", "'@param town' is no argument of 'f'"),
        (ECHO % "Date", "line 1: 'x' of 'f' has the type 'Date', which has no form in JSON"),
        (ECHO % "Record<number, string>", "keys are no 'string'"),
        (ECHO % "string |", "cannot be read"),
        (ECHO % ("?" * 100 + "string"), "nested too deep"),
        ("function f() {}", "no exported function; write 'export function name("),
        ("export const x = 1;", "line 1: 'x' is exported and is no function"),
        ("export default () => 1;", "has no name"),
        ("function f() {}\nexport { f as g };", "line 2: 'f' is exported by another name"),
        ("export * from 'other';", "nothing to import"),
        ("\nimport fs from 'node:fs';\nexport function f() {}", "line 2: nothing can be imported but"),
        ("import * as all from 'holdfast';\nexport function f() {}", "nothing can be imported but"),
        ("import { shell } from 'holdfast';\nexport function f() {}", "line 1: the host offers no 'shell'"),
        ("export function f() {\n  return import('x');\n}", "line 2: 'import()' finds nothing"),
        ("export function f( {", "line 1: SyntaxError"),
        ("\nnull.x;\nexport function f() {}", "line 2: TypeError"),
        ("import { kv } from 'holdfast';\nkv.get('a');\nexport function f() {}", "line 2: HostError"),
        ("export function f() {}\nfor (;;) {}", "was stopped while it was read: 'fuel'"),
        (
            "export function f() {}\nconst a = [];\nfor (;;) a.push(new Uint8Array(1 << 24).slice());",
            "takes more memory",
        ),
        ("console.log('x'.repeat(2 << 20));\nexport function f() {}", "was stopped while it was read: 'output'"),
        ("export function f() {}\nArray.prototype.toJSON = () => 1;", "no readable"),
        ("export function f() {}\n" + "".join(f"export function f{n}() {{}}\n" for n in range(64)), "more than 64"),
    ],
)
async def test_what_is_no_tool_is_refused_with_the_reason(texts: Texts, source: str, why: str) -> None:
    with pytest.raises(OperatorError) as refused:
        await texts.described(source)

    assert why in refused.value.message.replace("`", "'")
    assert "\n" not in refused.value.message


async def test_what_a_source_says_of_itself_is_cleaned_as_what_a_model_reads_is(texts: Texts) -> None:
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "obey")
    report = await texts.described(f"/** Does it.{hidden}\x1b[2J */\nexport function f() {{}}")

    assert report.offers[0].description == "Does it.[2J"


async def test_what_is_printed_goes_aside_and_the_value_is_the_answer(texts: Texts) -> None:
    outcome = await texts.run(
        "export function f() { console.log('aside'); console.error('too');\n"
        "  return { a: [1, undefined], b: undefined, c: new Date(0), d: new Uint8Array([0, 1]) } }"
    )

    assert isinstance(outcome, Completed)
    assert outcome.structured == {"a": [1, None], "c": "1970-01-01T00:00:00.000Z", "d": "AAE="}
    assert outcome.log == "aside\ntoo"
    assert outcome.isolation == ("wasm", "landlock", "seccomp")
    assert await texts.value("export function f() {}") is None


async def test_an_exception_is_an_error_with_its_name_and_message_and_line(texts: Texts) -> None:
    outcome = await texts.run(
        "import { log } from 'holdfast';\nexport async function f() {\n  throw new RangeError('no such city')\n}"
    )

    assert isinstance(outcome, Completed)
    assert outcome.is_error
    assert outcome.structured == {"error": {"type": "RangeError", "message": "no such city", "line": 3}}
    assert outcome.content[0].text == "RangeError: no such city (line 3)"
    assert "at async f (f.js:3:9)" in outcome.log or "at f (f.js:3:9)" in outcome.log


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("NaN", "JSON cannot say"),
        ("2 ** 70", "64 bits"),
        ("1n", "a bigint"),
        ("new Map()", "a `Map`, which has no form in JSON"),
        ("(() => { const a = []; a.push(a); return a })()", "too deep"),
        ("new Promise(() => {})", "nothing can settle"),
    ],
)
async def test_a_value_that_json_cannot_say_is_an_error(texts: Texts, value: str, why: str) -> None:
    outcome = await texts.run(f"export function f() {{ return {value} }}")

    assert outcome.is_error
    assert why in outcome.structured["error"]["message"]


async def test_nothing_of_a_call_is_there_for_the_next(texts: Texts) -> None:
    source = "let seen = 0;\nexport function f() { seen++; globalThis.left ??= 0; return [seen, globalThis.left++] }"
    for _ in range(3):
        assert await texts.value(source) == [1, 0]


async def test_each_source_and_each_tenant_has_a_worker_of_its_own(texts: Texts) -> None:
    await texts.value("export function f() { return 1 }")
    before = set(texts.runtime.worker_pids)
    await texts.value("export function f() { return 2 }")
    await texts.value("export function f() { return 2 }", tenant="two")

    assert len(set(texts.runtime.worker_pids) - before) == 2  # of two workers in all, the other two made room


async def test_a_source_that_is_not_the_approved_one_any_more_does_not_run(texts: Texts) -> None:
    source = "export function f() { return 1 }"
    assert await texts.value(source) == 1
    texts.modules[Digest.of(source.encode())] = b"export function f() { return 2 }"

    outcome = await texts.run(source)

    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/integrity"
    texts.modules[Digest.of(source.encode())] = source.encode()


async def test_the_clock_can_be_had_but_not_withheld_and_that_is_said_before(texts: Texts) -> None:
    source = "export function f() { return Date.now() > 0 }"
    (offer,) = (report := await texts.described(source)).offers
    offered = Offered(name=offer.name, description=offer.description, input_schema=offer.input_schema)
    written = "[grants]\nclock = false\n"
    manifest = load_manifest(draft([offered], file="f.js", digest=Digest.of(source.encode()), written=written))

    with pytest.raises(OperatorError, match=r"grants\.clock"):
        check_fit(report, manifest.spec())
    assert await texts.value(source) is True
    outcome = await texts.run(source, grants=Grants(clock=False))
    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/trap"


@pytest.mark.parametrize(
    "code",
    [
        "http.get('https://example.com/')",
        "kv.set('a', 'b')",
        "workspace.read('a')",
        "workspace.write('a', 'b')",
        "secrets.exists('github')",
        "tools.echo({ text: 'x' })",
    ],
)
async def test_what_is_not_granted_is_refused_as_an_exception_with_its_code(texts: Texts, code: str) -> None:
    source = (
        "import { http, kv, secrets, tools, workspace } from 'holdfast';\nexport function f() {\n"
        f"  try {{ {code} }} catch (error) {{ return [error.name, error.code] }}\n}}"
    )
    name = "ToolCallError" if code.startswith("tools") else "HostError"
    assert await texts.value(source) == [name, "host/not-granted"]


async def test_a_tool_says_things_aside_through_the_host(texts: Texts) -> None:
    outcome = await texts.run("import { log } from 'holdfast';\nexport function f() { log('a'); log.warn('looked') }")

    assert isinstance(outcome, Completed)
    assert outcome.log == "info: a\nwarn: looked"


@pytest.mark.parametrize(
    ("text", "capabilities"),
    [
        ("import { http } from 'holdfast'", ("http",)),
        ("import { kv as store, tools } from 'holdfast'", ("kv", "tool-invoke")),
        ("import { workspace } from 'holdfast'; const g = () => workspace.readBytes('a')", ("workspace-read",)),
        ("import { workspace as w } from 'holdfast'; const g = () => w.write('a', 'b')", ("workspace-write",)),
        ("import { workspace } from 'holdfast'; const { read } = workspace", ("workspace-read", "workspace-write")),
        ("import { secrets } from 'holdfast'", ("secret-exists",)),
        ("import { log, HostError } from 'holdfast'", ()),
    ],
)
async def test_what_a_source_imports_of_ours_is_told(texts: Texts, text: str, capabilities: tuple[str, ...]) -> None:
    report = await texts.described(f"{text};\nexport function f() {{}}")

    assert report.capabilities == capabilities


async def test_an_import_that_the_manifest_does_not_grant_is_refused_with_the_line(texts: Texts) -> None:
    source = "import { kv } from 'holdfast';\nexport function f() { return 1 }\n"
    report = await texts.described(source)
    offered = [
        Offered(name=one.name, description=one.description, input_schema=one.input_schema) for one in report.offers
    ]

    def manifest(**more):
        return load_manifest(draft(offered, file="f.js", digest=Digest.of(source.encode()), **more))

    with pytest.raises(OperatorError, match=r"grants\.kv"):
        check_fit(report, manifest().spec())
    assert check_fit(report, manifest(grants=["kv"]).spec())
    assert (manifest().limits, manifest().effects) == (JAVASCRIPT, frozenset())
    with pytest.raises(OperatorError, match=r"grants\.random"):
        check_fit(report, manifest(grants=["kv"], written="[grants]\nrandom = false\n").spec())


@pytest.mark.parametrize(
    ("body", "limits", "limit"),
    [
        ("for (;;) {}", {"fuel": 300_000_000}, LimitName.FUEL),
        ("for (;;) {}", {"wall_ms": 500}, LimitName.WALL),
        ("const all = []; for (;;) all.push(new Array(1000).fill(1))", {}, LimitName.MEMORY),
        ("console.log('x'.repeat(11 << 20))", {}, LimitName.OUTPUT),
        ("return Array(11).fill('x'.repeat(1 << 20))", {}, LimitName.OUTPUT),
    ],
)
async def test_a_limit_stops_a_tool(texts: Texts, body: str, limits, limit: LimitName) -> None:
    outcome = await texts.run(f"export function f() {{ {body} }}", **limits)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is limit


@pytest.mark.parametrize(
    "forged",
    [
        "Object.keys = (of) => ('stdout' in of ? ['stdout'] : [])",
        """Uint8Array.prototype.toBase64 = () => '","limit":"all","x":"'""",
        """Uint8Array.prototype.toBase64 = () => '","error":{"type":1},"x":"'""",
        """Uint8Array.prototype.toBase64 = () => '","stdout":"twice","x":"'""",
        """Uint8Array.prototype.toBase64 = () => '"'""",
    ],
)
async def test_an_answer_that_is_none_is_a_failure(texts: Texts, forged: str) -> None:
    outcome = await texts.run(f"export function f() {{ {forged}; return new Uint8Array(1) }}")

    assert isinstance(outcome, Failed)
    assert outcome.code == "javascript/garbled"


async def test_without_an_interpreter_a_tool_is_off_and_says_why(tmp_path) -> None:
    runtime = WasmRuntime({Digest.of(b"x"): b"x"}.__getitem__, artifacts=tmp_path / "native")
    without = Texts(runtime, {})
    runtime.adopt("javascript", "it was not built")

    with pytest.raises(OperatorError, match="it was not built"):
        await without.described("export function f() {}")
    outcome = await without.run("x")
    assert (outcome.code, "it was not built" in outcome.message) == ("wasm/unavailable", True)
    await runtime.close()
