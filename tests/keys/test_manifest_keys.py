"""`tool.toml`: each key changes the tool that a real library registers and a real worker runs, or is refused."""

import copy
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from holdfast.contracts import Conflict, Digest, Label, OperatorError, Status, ToolName, ToolResult
from holdfast.server.inspecting import assemble_module
from holdfast.server.principals import OPERATOR
from holdfast.tools.formats import ListFormat, listed
from holdfast.tools.manifest import manifest_keys

from .served import ran
from .world import World, code, opened, said

pytestmark = pytest.mark.anyio

WASI = "wasi_snapshot_preview1"
SAY = """(i32.store8 (i32.const 100) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
 (i32.store8 (i32.const 101) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
 (i32.store (i32.const 104) (i32.const 100)) (i32.store (i32.const 108) (i32.const 2))
 (drop (call $fd_write (i32.const 1) (i32.const 104) (i32.const 1) (i32.const 112)))"""


def command(imported: str, body: str) -> str:
    """A wasi-command that says the number *body* leaves, in two digits."""
    return f"""(module {imported}
      (import "{WASI}" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (local $n i32) (local $i i32) (local.set $n {body}) {SAY}))"""


GUESTS = {
    "json": """(module (memory (export "memory") 1)
      (func (export "alloc") (param i32) (result i32) (i32.const 1024))
      (func (export "run") (param i32 i32) (result i64) (i64.const 16))
      (data (i32.const 0) "{\\"said\\": \\"core\\"}"))""",
    "turns": command(
        "",
        "(loop $l (result i32) (local.set $i (i32.add (local.get $i) (i32.const 1)))"
        " (br_if $l (i32.lt_u (local.get $i) (i32.const 100000))) (i32.const 42))",
    ),
    "grows": command(
        "",
        "(block $b (result i32) (loop $l (br_if $l (i32.ne (i32.const -1) (memory.grow (i32.const 1)))))"
        " (memory.size))",
    ),
    "sleeps": command(
        f'(import "{WASI}" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))',
        "(block $b (result i32) (i32.store (i32.const 16) (i32.const 1))"
        " (i64.store (i32.const 24) (i64.const 500000000))"
        " (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 256)))",
    ),
    "clock": command(
        f'(import "{WASI}" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))',
        "(call $clock (i32.const 0) (i64.const 1) (i32.const 8))",
    ),
    "random": command(
        f'(import "{WASI}" "random_get" (func $random (param i32 i32) (result i32)))',
        "(call $random (i32.const 8) (i32.const 8))",
    ),
}
NOT_CAPABLE = "76"
HTTP = {"host": "api.example.com", "methods": ["GET"], "path": "/repos/"}
REFUSED = {
    "grants.workspace_read": (["docs/"], "grants.workspace_read"),
    "grants.workspace_write": (["out/"], "grants.workspace_write"),
    "grants.kv": (True, "grants.kv"),
    "grants.tools": (["echo"], "grants.tools"),
    "grants.secret_exists": (["github"], "grants.secret_exists"),
    "grants.http.scheme": ([{**HTTP, "scheme": "http"}], "grants.http"),
    "grants.http.host": ([{**HTTP, "host": "*.example.com"}], "grants.http"),
    "grants.http.port": ([{**HTTP, "port": 8443}], "grants.http"),
    "grants.http.methods": ([{**HTTP, "methods": ["GET", "POST"]}], "grants.http"),
    "grants.http.path": ([{**HTTP, "path": "/"}], "grants.http"),
    "grants.http.secret.name": ([{**HTTP, "secret": {"name": "github", "in": "bearer"}}], "grants.http"),
    "grants.http.secret.in": ([{**HTTP, "secret": {"name": "other", "in": "header:x-key"}}], "grants.http"),
    "grants.http.secret.user": ([{**HTTP, "secret": {"name": "other", "in": "basic", "user": "bob"}}], "grants.http"),
}
"""Keys that a core-json tool could make nothing of: a value, and what the refusal names."""


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened(tmp_path_factory.mktemp("manifests")) as house:
        yield house


@pytest.fixture(scope="module")
async def modules(anyio_backend: str) -> dict[str, bytes]:
    return {name: await assemble_module(guest) for name, guest in GUESTS.items()}


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def manifest(name: str, module: bytes, changed: Mapping[str, Any]) -> str:
    """A manifest of *module*, with the keys of *changed*; None leaves one out."""
    tables: dict[str, dict[str, Any]] = {
        "tool": {
            "name": name,
            "version": "1.0.0",
            "description": "a guest of the tests",
            "abi": "core-json" if b"alloc" in module else "wasi-command",
            "module": "guest.wasm",
            "digest": str(Digest.of(module)),
            "effects": [],
            "input_schema": {"type": "object"},
        },
        "limits": {},
        "grants": {},
    }
    written = copy.deepcopy(tables)
    for path, value in changed.items():
        table, key = path.split(".", 1)
        written[table][key] = value
    return "\n".join(
        f"[{table}]\n" + "\n".join(f"{key} = {toml(value)}" for key, value in keys.items() if value is not None)
        for table, keys in written.items()
    )


async def served(world: World, name: str, module: bytes, **changed: Any) -> None:
    """Register and approve a tool; keys are written with `__` for the dot."""
    keys = {path.replace("__", ".", 1): value for path, value in changed.items()}
    await world.house.registrar.register(manifest(name, module, keys), module, OPERATOR)
    await world.house.registrar.approve(name, OPERATOR)


async def both(world: World, module: bytes, key: str, *values: Any) -> list[ToolResult]:
    """What one call does when *key* has each of *values* in turn; None leaves it out."""
    results = []
    for number, value in enumerate(values):
        name = f"{key.replace('__', '_')}_{number}"
        await served(world, name, module, **{key: value})
        results.append(await world.call(name, {}))
    return results


async def refusal(world: World, module: bytes, changed: Mapping[str, Any]) -> str:
    with pytest.raises(OperatorError) as refused:
        await world.house.registrar.register(manifest("refused", module, changed), module, OPERATOR)
    assert "\n" not in refused.value.message
    return refused.value.message


async def test_the_name_is_what_it_is_called_by(world: World, modules) -> None:
    await served(world, "one-name", modules["json"])

    assert code(await world.call("one-name", {})) == "ok"
    assert code(await world.call("another-name", {})) == "tools/unknown"
    assert "`tool.name`" in await refusal(world, modules["json"], {"tool.name": "not a name"})
    with pytest.raises(OperatorError, match="`echo`"):
        await served(world, "echo", modules["json"])


async def test_a_version_is_another_tool_that_can_be_rolled_back(world: World, modules) -> None:
    await served(world, "versioned", modules["json"])
    first = world.house.registry.get("versioned")
    with pytest.raises(Conflict):
        await served(world, "versioned", modules["json"])
    await served(world, "versioned", modules["json"], tool__version="2.0.0")
    second = world.house.registry.get("versioned")

    assert (first.version, second.version) == ("1.0.0", "2.0.0")
    assert first.digest != second.digest
    assert (await world.house.registrar.rollback("versioned", OPERATOR)).version == "1.0.0"
    assert world.house.registry.get("versioned").digest == first.digest


async def test_the_description_is_what_agents_are_shown(world: World, modules) -> None:
    for name, words in (("described_one", "counts words"), ("described_two", "counts lines")):
        await served(world, name, modules["json"], tool__description=words)
    shown = [listed(world.house.registry.get(f"described_{one}"), ListFormat.MCP) for one in ("one", "two")]

    assert [one["description"] for one in shown] == ["counts words", "counts lines"]


async def test_the_abi_must_be_the_modules_own_and_one_this_version_runs(world: World, modules) -> None:
    await served(world, "by_json", modules["json"])
    await served(world, "by_wasi", modules["turns"])

    assert (await world.call("by_json", {})).structured == {"said": "core"}
    assert said(await world.call("by_wasi", {})) == "42"
    wrong = await refusal(world, modules["json"], {"tool.abi": "wasi-command"})
    assert wrong == "`tool.abi` says wasi-command, but the module is a core-json module"
    assert "`tool.abi`" in await refusal(world, modules["json"], {"tool.abi": "elsewhere"})


async def test_the_digest_must_be_the_modules(world: World, modules) -> None:
    await served(world, "exact", modules["json"])

    assert "`tool.digest` is not the digest of this module" in await refusal(
        world, modules["json"], {"tool.digest": str(Digest.of(modules["turns"]))}
    )
    assert await refusal(world, modules["json"], {"tool.digest": None}) == "`tool.digest`: this key is required"


async def test_a_module_whose_bytes_are_not_its_digest_any_more_does_not_run(world: World, modules) -> None:
    await served(world, "altered", modules["clock"])
    kept = world.house.data.modules / Digest.of(modules["clock"]).hex
    kept.write_bytes(modules["turns"])

    result = await world.call("altered", {})
    kept.write_bytes(modules["clock"])

    assert code(result) == "wasm/integrity"
    assert code(await world.call("altered", {})) == "tool/quarantined"  # repaired bytes are approved again, or not
    await world.house.registrar.approve(ToolName("altered"), OPERATOR)
    assert code(await world.call("altered", {})) == "ok"


async def test_effects_are_what_policy_judges_and_without_them_it_has_all(world: World, modules) -> None:
    prompted = await world.minted(Label.UNTRUSTED)
    codes = []
    for number, effects in enumerate(([], ["read_private"], ["write"], ["execute"], None)):
        await served(world, f"effects_{number}", modules["json"], tool__effects=effects)
        codes.append(code(await world.call(f"effects_{number}", {}, who=prompted)))

    asked = "policy/ask-untrusted-consequence"
    assert codes == ["ok", "ok", asked, asked, "policy/ask-tainted-egress"]


async def test_effects_are_what_a_session_learns(world: World, modules) -> None:
    """After private data an agent's fetch is asked for."""
    for name, effects in (("reader", ["read_private"]), ("pure", [])):
        await served(world, f"session_{name}", modules["json"], tool__effects=effects)
        await world.call(f"session_{name}", {}, who=name)
    fetch = {"url": "https://example.invalid/"}

    assert code(await world.call("http_fetch", fetch, who="reader")) == "policy/ask-http-private"
    assert not code(await world.call("http_fetch", fetch, who="pure")).startswith("policy/")


async def test_the_input_schema_is_what_arguments_must_match(world: World, modules) -> None:
    strict = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    await served(world, "strict", modules["json"], tool__input_schema=strict)
    await served(world, "loose", modules["json"])

    for arguments, strictly in (({}, "validator/arguments"), ({"a": "x"}, "validator/arguments"), ({"a": 1}, "ok")):
        assert (await world.call("strict", arguments)).status is (Status.OK if strictly == "ok" else Status.DENIED)
        assert code(await world.call("loose", arguments)) == "ok"
    assert "arguments are an object" in await refusal(world, modules["json"], {"tool.input_schema": {"type": "array"}})


async def test_fuel_stops_a_tool_that_computes_more(world: World, modules) -> None:
    little, much = await both(world, modules["turns"], "limits__fuel", 10_000, 10_000_000)

    assert code(little) == "limits/fuel"
    assert (code(much), said(much)) == ("ok", "42")


async def test_memory_bytes_are_all_a_tool_can_take(world: World, modules) -> None:
    pages = [said(one) for one in await both(world, modules["grows"], "limits__memory_bytes", 2 * 65536, 5 * 65536)]

    assert pages == ["02", "05"]


async def test_a_module_that_starts_with_more_memory_is_refused(world: World, modules) -> None:
    assert "the module starts with 65536" in await refusal(world, modules["grows"], {"limits.memory_bytes": 65535})


async def test_wall_ms_stops_a_tool_that_takes_longer(world: World, modules) -> None:
    short, long = await both(world, modules["sleeps"], "limits__wall_ms", 50, 30_000)

    assert (code(short), code(long)) == ("limits/wall-ms", "ok")


async def test_output_bytes_cut_what_the_model_reads(world: World, modules) -> None:
    cut, whole = await both(world, modules["json"], "limits__output_bytes", 4, 1000)

    assert "output_read" in cut.output
    assert cut.structured is None
    assert "output_read" not in whole.output
    assert whole.structured == {"said": "core"}


async def test_host_calls_have_a_ceiling_and_a_plain_tool_can_make_none(world: World, modules) -> None:
    """A core-json tool imports no function of ours, so every bound holds; more than the ceiling is refused."""
    none, some = await both(world, modules["json"], "limits__host_calls", 0, 1000)

    assert [none.usage.host_calls, some.usage.host_calls] == [0, 0]
    digests = {world.house.registry.get(f"limits_host_calls_{number}").limits.host_calls for number in (0, 1)}
    assert digests == {0, 1000}
    assert "at most 1000" in await refusal(world, modules["json"], {"limits.host_calls": 1001})
    foreign = await assemble_module(GUESTS["json"].replace("(module", '(module (import "holdfast" "call" (func))', 1))
    assert await refusal(world, foreign, {"limits.host_calls": 1000})


@pytest.mark.parametrize("grant", ["clock", "random"])
async def test_the_clock_and_randomness_answer_only_when_granted(world: World, modules, grant: str) -> None:
    withheld, given, unsaid = await both(world, modules[grant], f"grants__{grant}", False, True, None)

    assert [said(one) for one in (withheld, given, unsaid)] == [NOT_CAPABLE, "00", "00"]


@pytest.mark.parametrize("key", sorted(REFUSED))
async def test_a_grant_that_the_convention_cannot_import_is_refused_with_the_reason(
    world: World, modules, key: str
) -> None:
    value, named = REFUSED[key]
    table = ".".join(named.split(".")[:2])

    said = await refusal(world, modules["json"], {table: value})

    assert said == f"`{named}`: a core-json tool imports no such function, so this gives it nothing"


def test_what_is_refused_are_keys() -> None:
    assert set(REFUSED) <= set(manifest_keys())


async def test_a_key_that_does_not_exist_is_refused_by_its_path(world: World, modules) -> None:
    for path in ("tool.nmae", "limits.cpu", "grants.network"):
        assert await refusal(world, modules["json"], {path: 1}) == f"`{path}`: there is no such key"


def test_the_module_is_the_file_that_is_registered(modules, tmp_path, monkeypatch, capsys) -> None:
    """Two files lie beside the manifest; its digest is that of the first."""
    folder = tmp_path / "tool"
    folder.mkdir()
    (folder / "first.wasm").write_bytes(modules["json"])
    (folder / "second.wasm").write_bytes(modules["turns"])
    codes = []
    for file in ("first.wasm", "second.wasm", "../first.wasm"):
        (folder / "tool.toml").write_text(manifest("filed", modules["json"], {"tool.module": file}))
        codes.append(ran(monkeypatch, "tools", "add", str(folder), "--data-dir", str(tmp_path / "data")))

    assert codes == [0, 2, 2]
    assert "not the digest of this module" in capsys.readouterr().err.replace("\n", " ")
