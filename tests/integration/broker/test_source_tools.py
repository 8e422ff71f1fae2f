"""From a file of Python to the catalogue: registered with a drafted manifest, approved, and served what that grants."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from holdfast.contracts import (
    CallId,
    Conflict,
    Digest,
    Grants,
    InvalidRequest,
    Label,
    OperatorError,
    Status,
    ToolCall,
    ToolName,
)
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.server.interpreting import open_interpreter
from holdfast.server.principals import OPERATOR
from holdfast.server.verbs import run_verb
from holdfast.server.verbs.calls import new_call_id
from holdfast.tools.manifest import load_manifest

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

USING = '''
"""Uses everything."""
from holdfast import http, kv, log, secrets, tools, workspace

def {name}(what: str, path: str = "docs/a.txt", url: str = "", data: str = "") -> object:
    """Does one thing."""
    log(f"doing {{what}}")
    match what:
        case "get":
            answer = http.get(url)
            return [answer.status, answer.text, answer.ok]
        case "post":
            return http.post(url, json={{"a": 1}}).status
        case "keep":
            kv.set("k", data)
            return [kv.get("k").decode(), kv.keys(), kv.get("absent")]
        case "read":
            return workspace.read_text(path)
        case "write":
            workspace.write(path, data)
            return workspace.read(path).decode()
        case "secret":
            return secrets.exists("github")
        case "call":
            return tools.echo(text=data)
'''
REFUSED = "[grants]\nworkspace_read = []\nworkspace_write = []\nkv = false\ntools = []\nsecret_exists = []\nhttp = []\n"


@pytest.fixture(scope="module", autouse=True)
async def interpreter(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Built and compiled before any deadline runs; it is kept in the user's cache."""
    async with AsyncExitStack() as stack:
        runtime = WasmRuntime({}.__getitem__, artifacts=tmp_path_factory.mktemp("python") / "native")
        stack.push_async_callback(runtime.close)
        await open_interpreter(stack, runtime, None).prepare()


async def added(world, source: str, file: str, written: str = "", grants=()):
    return await world.house.registrar.register_source(source.encode(), file, OPERATOR, written=written, grants=grants)


async def approved(world, name: str) -> None:
    await world.house.registrar.approve(ToolName(name), OPERATOR)


async def call(world, name: str, session=None, **arguments):
    session = session or await world.session()
    principal = (await world.guest(Grants(), session=session)).call.principal
    made = ToolCall(id=CallId(new_call_id()), tool=ToolName(name), arguments=arguments, session=session.id)
    return await world.house.dispatcher.execute(made, principal)


async def test_a_file_with_one_function_becomes_a_tool_that_waits_for_approval(world) -> None:
    source = (
        'def area(width: int, height: int = 2) -> int:\n    """Says how large it is."""\n    return width * height\n'
    )
    taken = await added(world, source, "area.py")

    assert (taken.name, taken.version, taken.state) == ("area", "1.0.0", "pending")
    assert taken.module == Digest.of(source.encode())
    read = load_manifest(taken.manifest)
    assert (read.abi, read.module, read.description) == ("python", "area.py", "Says how large it is.")
    assert (read.effects, read.digest) == (frozenset(), taken.module)
    assert (await call(world, "area", width=2)).reason.code == "tools/unknown"

    await approved(world, "area")
    result = await call(world, "area", width=2)
    assert (result.status, result.structured) == (Status.OK, 4)
    assert result.isolation == ("wasm", "landlock", "seccomp")
    assert (await call(world, "area", width="2")).reason.code == "validator/schema"
    with pytest.raises(Conflict):
        await added(world, source, "area.py")


async def test_functions_in_all_become_tools_of_their_own(world) -> None:
    source = "__all__ = ['one', 'two']\ndef one() -> int: return 1\ndef two() -> int: return 2\n"
    taken = await added(world, source, "count.py")

    assert taken.name == "count_one"
    assert any("count_one, count_two" in note for note in taken.notes)
    for name in ("count_one", "count_two"):
        await approved(world, name)
    assert [(await call(world, f"count_{name}")).structured for name in ("one", "two")] == [1, 2]


async def test_what_the_author_wrote_beside_it_stands(world) -> None:
    written = '[tool]\nname = "hello"\nversion = "2.1.0"\n[limits]\nfuel = 2000000000\nwall_ms = 5000\n'
    taken = await added(world, "def f(x: int) -> int: return x", "f.py", written)
    spec = load_manifest(taken.manifest).spec()

    assert (taken.name, taken.version) == ("hello", "2.1.0")
    assert (spec.limits.fuel, spec.limits.wall_ms, spec.effects) == (2_000_000_000, 5000, frozenset())
    await approved(world, "hello")
    assert (await call(world, "hello", x=3)).structured == 3


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (f'[tool]\ndigest = "{Digest.of(b"other")}"', "not the digest"),
        ('[tool]\nabi = "wasi-command"', "not a WebAssembly binary"),
        ("[limits]\nmemory_bytes = 1073741824", "at most"),
        ("[limits]\nmemory_bytes = 1048576", "needs at least"),
        ("[grants]\nrandom = false", "seeded"),
        ("[grants]\nhttp = 1", "grants.http"),
        ("[nothing]\na = 1", "nothing"),
        ("[tool", "TOML"),
        ("tool = 1", "must be a table"),
        ('[[tool.operations]]\nname = "a"\nfunction = "b"\ndescription = "d"\ninput_schema = {}', "operations"),
    ],
)
async def test_what_cannot_be_of_what_is_written_beside_it_is_refused(world, written: str, why: str) -> None:
    with pytest.raises((OperatorError, InvalidRequest), match=why):
        await added(world, "def f() -> int: return 1", "f.py", written)


async def test_a_source_that_imports_what_nobody_grants_is_refused_with_the_line(world) -> None:
    source = "from holdfast import kv\ndef counted() -> int: return 1"
    with pytest.raises(OperatorError, match=r"grants\.kv") as refused:
        await added(world, source, "counted.py")
    assert refused.value.remedy == "[grants] kv = true"

    assert (await added(world, source, "counted.py", grants=["kv"])).state == "pending"


async def using(world, name: str, *grants: str) -> None:
    """A tool that imports everything and is granted *grants*, the rest refused by name."""
    kinds = {"read": "workspace_read", "write": "workspace_write", "tool": "tools", "secret": "secret_exists"}
    given = {kinds.get(grant.partition(":")[0], grant.partition(":")[0]) for grant in grants}
    written = "\n".join(line for line in REFUSED.splitlines() if line.partition(" ")[0] not in given)
    await added(world, USING.format(name=name), f"{name}.py", written, grants)
    await approved(world, name)


@pytest.mark.parametrize(
    ("what", "grant", "arguments", "answer"),
    [
        ("get", "http:GET,POST:{far}", {"url": "{far}/x"}, [200, "hello", True]),
        ("post", "http:GET,POST:{far}", {"url": "{far}/x"}, 200),
        ("keep", "kv", {"data": "kept"}, ["kept", ["k"], None]),
        ("read", "read:docs/", {}, "aaa"),
        ("secret", "secret:github", {}, False),
        ("call", "tool:echo", {"data": "again"}, "again"),
    ],
)
async def test_a_tool_is_served_what_it_is_granted_and_nothing_else(world, what, grant, arguments, answer) -> None:
    far = world.far.url().rstrip("/")
    await using(world, f"uses_{what}", grant.format(far=far))
    given = {key: value.format(far=far) for key, value in arguments.items()}

    result = await call(world, f"uses_{what}", what=what, **given)

    assert result.status is Status.OK, result.output
    assert result.structured == answer
    for other in {"keep", "read", "secret"} - {what}:
        refused = await call(world, f"uses_{what}", what=other)
        assert "host/not-granted" in refused.output or refused.status is Status.PENDING, refused.output


async def test_a_tool_writes_where_it_is_granted_and_what_it_read_goes_along(world) -> None:
    await using(world, "writes", "write:docs/", "read:docs/")
    session = await world.session()

    result = await call(world, "writes", session, what="write", path="docs/new.txt", data="written")

    assert (result.status, result.structured) == (Status.OK, "written"), result.output
    assert (world.workspace / "docs" / "new.txt").read_text() == "written"
    assert Label.PRIVATE in await world.labels(session)


@pytest.mark.parametrize(
    "arguments",
    [
        {"what": "read", "path": "other.txt"},
        {"what": "read", "path": "docs/../other.txt"},
        {"what": "read", "path": "docs/out"},
        {"what": "write", "path": "inbox/a.txt", "data": "x"},
    ],
)
async def test_what_lies_beyond_a_grant_is_refused_to_a_tool(world, arguments) -> None:
    if world.house.registry.get(ToolName("beyond")) is None:
        await using(world, "beyond", "write:docs/", "read:docs/")

    result = await call(world, "beyond", **arguments)

    assert result.status is Status.ERROR, result.output
    assert "HostError" in result.output
    assert not (world.workspace / "inbox" / "a.txt").exists()


async def test_a_secret_that_a_tool_answers_is_redacted(world) -> None:
    token = "ghp_" + "a8Kd03mQzX7LpR2vTnB5cYwE9sJ1fH6gU4iO"
    source = f"def leaky() -> dict[str, str]:\n    return {{'t': {token[:9]!r} + {token[9:]!r}}}"
    await added(world, source, "leaky.py")
    await approved(world, "leaky")

    result = await call(world, "leaky")

    assert token not in result.output
    assert token not in str(result.structured)
    assert result.findings


async def test_a_manifest_that_comes_with_its_source_is_completed_by_it(world) -> None:
    source = b'def twice(x: int) -> int:\n    """Says it twice."""\n    return 2 * x\n'
    head = '[tool]\nname = "twice"\nversion = "1.0.0"\nabi = "python"\nmodule = "twice.py"\neffects = []\n'
    await world.house.registrar.register(f'{head}digest = "{Digest.of(source)}"\n', source, OPERATOR)
    await approved(world, "twice")

    spec = world.house.registry.get(ToolName("twice"))
    assert (spec.description, spec.input_schema["properties"]) == ("Says it twice.", {"x": {"type": "integer"}})
    assert (await call(world, "twice", x=4)).structured == 8


@pytest.mark.parametrize("file", ["weather.rb", "weather", "weather.wasm"])
async def test_a_file_of_another_ending_is_refused(world, file: str) -> None:
    with pytest.raises(InvalidRequest, match="no ending of source text"):
        await added(world, "def f(): pass", file)


@pytest.mark.parametrize("file", ["../f.py", "a/f.py", "", ".f.py"])
async def test_the_verb_takes_a_name_and_no_path(world, tmp_path, file: str) -> None:
    source = tmp_path / "f.py"
    source.write_text("def f(): pass")

    with pytest.raises(InvalidRequest, match="`file`"):
        await run_verb(world.house, "tools.add-source", {"source_file": str(source), "file": file})


async def test_the_verb_answers_the_manifest_that_was_drafted(world, tmp_path) -> None:
    source = tmp_path / "handed"
    source.write_text("def by_verb(x: int) -> int:\n    return x\n")

    taken = await run_verb(world.house, "tools.add-source", {"source_file": str(source), "file": "by_verb.py"})

    assert taken["name"] == "by_verb"
    assert load_manifest(taken["manifest"]).module == "by_verb.py"


async def test_the_tools_of_a_source_are_there_when_the_house_opens_again(world) -> None:
    await added(world, "def stays() -> int: return 7", "stays.py")
    await approved(world, "stays")

    assert world.house.registry.remove(ToolName("stays"))
    for kept in await world.house.registrar.list():
        if kept.state.value == "approved" and kept.name != "stays":
            world.house.registry.remove(kept.name)
    await world.house.registrar.open()

    assert (await call(world, "stays")).structured == 7


async def test_the_example_is_a_tool_as_it_is(world) -> None:
    file = Path(__file__).parents[3] / "examples" / "tools" / "split_bill_python" / "split_bill.py"
    await added(world, file.read_text(), file.name)
    await approved(world, "split_bill")
    items = [
        {"what": "tea", "price": "3.01", "shared_by": []},
        {"what": "cake", "price": "4.00", "shared_by": ["Bo"]},
    ]

    result = await call(world, "split_bill", people=["Ann", "Bo"], items=items, tip_percent=10)

    assert result.structured == {"Ann": "1.66", "Bo": "6.05"}, result.output
    unknown = [{"what": "tea", "price": "1", "shared_by": ["Cy"]}]
    failed = await call(world, "split_bill", people=["Ann"], items=unknown)
    assert "ValueError: Cy is not at the table" in failed.output
