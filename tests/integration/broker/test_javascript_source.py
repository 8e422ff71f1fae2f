"""From a file of JavaScript to the catalogue: registered with a drafted manifest, approved, served what that grants."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from holdfast.contracts import CallId, Digest, Grants, OperatorError, Reason, Status, ToolCall, ToolName
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.server.interpreting import javascript_sources, open_interpreter
from holdfast.server.principals import OPERATOR
from holdfast.server.verbs import run_verb
from holdfast.server.verbs.calls import new_call_id
from holdfast.tools.manifest import load_manifest

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

USING = """
import { http, kv, log, secrets, tools, workspace } from "holdfast";
/**
 * Does one thing.
 * @param {string} args.what
 * @param {string} args.path
 * @param {string} args.url
 * @param {string} args.data
 */
export function %s({ what, path = "docs/a.txt", url = "", data = "" }) {
  log(`doing ${what}`);
  switch (what) {
    case "get": {
      const { status, text, ok, headers } = http.get(url);
      return [status, text, ok, headers["content-length"]];
    }
    case "post":
      return http.post(url, { json: { a: 1 } }).status;
    case "keep":
      kv.set("k", data);
      return [kv.get("k"), kv.getBytes("k"), kv.list(), kv.get("absent")];
    case "read":
      return workspace.read(path);
    case "write":
      workspace.write(path, data);
      return workspace.read(path);
    case "secret":
      return secrets.exists("github");
    case "call":
      return tools.echo({ text: data });
  }
}
"""
REFUSED = {
    "http": "http = []",
    "kv": "kv = false",
    "read": "workspace_read = []",
    "write": "workspace_write = []",
    "tool": "tools = []",
    "secret": "secret_exists = []",
}


@pytest.fixture(scope="module", autouse=True)
async def interpreter(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Built and compiled before any deadline runs; it is kept in the user's cache."""
    async with AsyncExitStack() as stack:
        runtime = WasmRuntime({}.__getitem__, artifacts=tmp_path_factory.mktemp("javascript") / "native")
        stack.push_async_callback(runtime.close)
        opened = open_interpreter(stack, runtime, None, sources=javascript_sources, may_download=True)
        assert not isinstance(opened, Reason), opened.message
        await opened.prepare()


async def added(world, source: str, file: str, written: str = "", grants=()):
    return await world.house.registrar.register_source(source.encode(), file, OPERATOR, written=written, grants=grants)


async def approved(world, name: str) -> None:
    await world.house.registrar.approve(ToolName(name), OPERATOR)


async def call(world, name: str, **arguments):
    session = await world.session()
    principal = (await world.guest(Grants(), session=session)).call.principal
    made = ToolCall(id=CallId(new_call_id()), tool=ToolName(name), arguments=arguments, session=session.id)
    return await world.house.dispatcher.execute(made, principal)


async def test_a_file_with_one_function_becomes_a_tool_that_waits_for_approval(world) -> None:
    source = (
        "/**\n * Says how large it is.\n * @param {integer} args.width\n * @param {integer} args.height\n */\n"
        "export function jarea({ width, height = 2 }) {\n  return width * height;\n}\n"
    )
    taken = await added(world, source, "jarea.js")

    assert (taken.name, taken.version, taken.state) == ("jarea", "1.0.0", "pending")
    read = load_manifest(taken.manifest)
    assert (read.abi, read.module, read.description) == ("javascript", "jarea.js", "Says how large it is.")
    assert (read.effects, read.digest) == (frozenset(), Digest.of(source.encode()))
    assert (await call(world, "jarea", width=2)).reason.code == "tools/unknown"

    await approved(world, "jarea")
    result = await call(world, "jarea", width=2)
    assert (result.status, result.structured) == (Status.OK, 4)
    assert result.isolation == ("wasm", "landlock", "seccomp")
    assert (await call(world, "jarea", width="2")).reason.code == "validator/schema"


async def test_a_source_that_imports_what_nobody_grants_is_refused_with_the_line(world) -> None:
    source = "import { kv } from 'holdfast';\nexport function jcounted() { return 1 }"
    with pytest.raises(OperatorError, match=r"grants\.kv") as refused:
        await added(world, source, "jcounted.js")
    assert refused.value.remedy == "[grants] kv = true"

    assert (await added(world, source, "jcounted.js", grants=["kv"])).state == "pending"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("[limits]\nmemory_bytes = 1073741824", "at most"),
        ("[limits]\nmemory_bytes = 1048576", "needs at least"),
        ("[grants]\nclock = false", "asks for the time"),
        ('[tool]\nabi = "python"', "SyntaxError"),
    ],
)
async def test_what_cannot_be_of_what_is_written_beside_it_is_refused(world, written: str, why: str) -> None:
    with pytest.raises(OperatorError, match=why):
        await added(world, "export function f() { return 1 }", "f.js", written)


@pytest.mark.parametrize(
    ("what", "grant", "arguments", "answer"),
    [
        ("get", "http:GET,POST:{far}", {"url": "{far}/x"}, [200, "hello", True, "5"]),
        ("post", "http:GET,POST:{far}", {"url": "{far}/x"}, 200),
        ("keep", "kv", {"data": "kept"}, ["kept", "a2VwdA==", ["k"], None]),
        ("read", "read:docs/", {}, "aaa"),
        ("secret", "secret:github", {}, False),
        ("call", "tool:echo", {"data": "again"}, "again"),
    ],
)
async def test_a_tool_is_served_what_it_is_granted_and_nothing_else(world, what, grant, arguments, answer) -> None:
    far = world.far.url().rstrip("/")
    name = f"juses_{what}"
    lines = [line for kind, line in REFUSED.items() if kind != grant.partition(":")[0]]
    await added(world, USING % name, f"{name}.js", "\n".join(["[grants]", *lines]), [grant.format(far=far)])
    await approved(world, name)

    result = await call(world, name, what=what, **{key: value.format(far=far) for key, value in arguments.items()})

    assert result.status is Status.OK, result.output
    assert result.structured == answer
    for other in {"keep", "read", "secret"} - {what}:
        refused = await call(world, name, what=other)
        assert "host/not-granted" in refused.output or refused.status is Status.PENDING, refused.output


async def test_a_tool_writes_where_it_is_granted(world) -> None:
    lines = [line for kind, line in REFUSED.items() if kind not in {"read", "write"}]
    await added(world, USING % "jwrites", "jwrites.js", "\n".join(["[grants]", *lines]), ["write:docs/", "read:docs/"])
    await approved(world, "jwrites")

    result = await call(world, "jwrites", what="write", path="docs/js.txt", data="written")
    beyond = await call(world, "jwrites", what="write", path="inbox/js.txt", data="written")

    assert (result.status, result.structured) == (Status.OK, "written"), result.output
    assert (world.workspace / "docs" / "js.txt").read_text() == "written"
    assert beyond.status is Status.ERROR
    assert "HostError" in beyond.output


async def test_the_verb_answers_the_manifest_that_was_drafted(world, tmp_path) -> None:
    source = tmp_path / "handed"
    source.write_text("export const jverb = () => 1;\n")

    taken = await run_verb(world.house, "tools.add-source", {"source_file": str(source), "file": "jverb.js"})

    assert taken["name"] == "jverb"
    assert load_manifest(taken["manifest"]).module == "jverb.js"


async def test_the_example_is_a_tool_as_it_is(world) -> None:
    file = Path(__file__).parents[3] / "examples" / "tools" / "word_stats_javascript" / "word_stats.js"
    await added(world, file.read_text(), file.name)
    await approved(world, "word_stats")

    result = await call(world, "word_stats", text="A rose is a rose", limit=2, without=["is"])

    assert result.structured == [{"word": "a", "count": 2}, {"word": "rose", "count": 2}], result.output
    failed = await call(world, "word_stats", text="x", limit=0)
    assert "RangeError: limit is at least 1" in failed.output
