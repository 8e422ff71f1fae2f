"""Every key of `tool.toml` does something, and nothing that is not a key is taken."""

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import ALL_EFFECTS, Effect, Grants, Limits, OperatorError, Wasm
from holdfast.contracts.limits import WASM, WASM_CEILING
from holdfast.tools.manifest import load_manifest, manifest_keys

DIGEST = "blake3:" + "ab" * 32
GOOD = {
    "tool": {
        "name": "word_count",
        "version": "1.0.0",
        "description": "Counts words",
        "abi": "core-json",
        "module": "word_count.wasm",
        "digest": DIGEST,
        "effects": [],
        "input_schema": {"type": "object"},
    },
    "limits": {},
    "grants": {},
}
HTTP = {"host": "api.example.com", "methods": ["GET"], "path": "/repos/"}

# Each key of a manifest, a value that is taken, and what the manifest is then; or the reason it is refused.
FLIPS = {
    "tool.name": ("other-name", lambda m: m.name == "other-name"),
    "tool.version": ("2.1.0-rc.1", lambda m: m.version == "2.1.0-rc.1"),
    "tool.description": ("Something else", lambda m: m.spec().description == "Something else"),
    "tool.abi": ("wasi-command", lambda m: m.spec().runtime == Wasm(module=m.digest, abi="wasi-command")),
    "tool.module": ("other.wasm", lambda m: m.module == "other.wasm"),
    "tool.digest": ("blake3:" + "cd" * 32, lambda m: str(m.digest) == "blake3:" + "cd" * 32),
    "tool.effects": (["write", "egress"], lambda m: m.effects == {Effect.WRITE, Effect.EGRESS}),
    "tool.input_schema": (
        {"type": "object", "required": ["a"]},
        lambda m: m.input_schema == {"type": "object", "required": ["a"]},
    ),
    "limits.fuel": (5, lambda m: m.limits.fuel == 5),
    "limits.memory_bytes": (65536, lambda m: m.limits.memory_bytes == 65536),
    "limits.wall_ms": (7, lambda m: m.limits.wall_ms == 7),
    "limits.output_bytes": (9, lambda m: m.limits.output_bytes == 9),
    "limits.host_calls": (0, lambda m: m.limits.host_calls == 0),
    "grants.clock": (False, lambda m: m.grants == Grants(clock=False)),
    "grants.random": (False, lambda m: m.grants == Grants(random=False)),
    "grants.workspace_read": (["docs/"], "cannot be enforced"),
    "grants.workspace_write": (["out/"], "cannot be enforced"),
    "grants.kv": (True, "cannot be enforced"),
    "grants.tools": (["echo"], "cannot be enforced"),
    "grants.secret_exists": (["github"], "cannot be enforced"),
    "grants.http.scheme": ("http", "cannot be enforced"),
    "grants.http.host": ("*.example.com", "cannot be enforced"),
    "grants.http.port": (8443, "cannot be enforced"),
    "grants.http.methods": (["GET", "POST"], "cannot be enforced"),
    "grants.http.path": ("/", "cannot be enforced"),
    "grants.http.secret.name": ("github", "cannot be enforced"),
    "grants.http.secret.in": ("bearer", "cannot be enforced"),
}


def toml(value) -> str:
    """TOML of nested tables: JSON's scalars and lists are TOML's, tables are written inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value)


def written(data) -> str:
    return "\n".join(f"{key} = {toml(value)}" for key, value in data.items())


def with_key(path: str, value):
    data = copy.deepcopy(GOOD)
    *tables, last = path.split(".")
    place = data
    for table in tables:
        if table == "http":
            place["http"] = [dict(HTTP)]
            place = place["http"][0]
        elif table == "secret":
            place["secret"] = {"name": "s", "in": "bearer"}
            place = place["secret"]
        else:
            place = place[table]
    place[last] = value
    return data


def refusal(data) -> str:
    with pytest.raises(OperatorError) as refused:
        load_manifest(data if isinstance(data, str) else written(data))
    assert "\n" not in refused.value.message
    return refused.value.message


def test_every_key_has_a_test_that_flips_it():
    assert set(FLIPS) == set(manifest_keys())


@pytest.mark.parametrize("path", sorted(FLIPS))
def test_a_key_changes_the_tool_or_is_refused_with_its_reason(path):
    value, expected = FLIPS[path]
    data = with_key(path, value)

    if isinstance(expected, str):
        assert expected in refusal(data)
        return
    manifest = load_manifest(written(data))
    assert expected(manifest)
    assert not expected(load_manifest(written(GOOD)))
    if path != "tool.module":  # a file name beside the manifest; the digest is the identity
        assert manifest.spec().digest != load_manifest(written(GOOD)).spec().digest


@pytest.mark.parametrize("table", ["tool", "limits", "grants", "grants.http", "grants.http.secret", ""])
def test_an_unknown_key_is_refused_by_its_path(table):
    path = f"{table}.feul".removeprefix(".")

    said = refusal(with_key(path, 1))

    assert said.startswith("`")
    assert "feul" in said.split("`")[1]
    assert "there is no such key" in said


@pytest.mark.parametrize("key", ["name", "version", "description", "abi", "module", "digest", "input_schema"])
def test_a_key_that_says_what_the_tool_is_cannot_be_left_out(key):
    data = copy.deepcopy(GOOD)
    del data["tool"][key]

    assert refusal(data) == f"`tool.{key}`: this key is required"


def test_effects_left_out_are_all_and_an_empty_list_is_none():
    data = copy.deepcopy(GOOD)
    del data["tool"]["effects"]

    assert load_manifest(written(data)).effects == ALL_EFFECTS
    assert load_manifest(written(GOOD)).effects == frozenset()


def test_limits_left_out_are_the_published_ones():
    limits = load_manifest(written(GOOD)).limits

    assert limits == WASM


@pytest.mark.parametrize("key", ["fuel", "memory_bytes", "wall_ms", "output_bytes", "host_calls"])
def test_a_limit_above_the_ceiling_is_refused_and_at_it_taken(key):
    most = getattr(WASM_CEILING, key)

    assert getattr(load_manifest(written(with_key(f"limits.{key}", most))).limits, key) == most
    assert refusal(with_key(f"limits.{key}", most + 1)) == f"`limits.{key}`: this server allows at most {most}"


def test_the_ceiling_is_the_servers():
    low = Limits(fuel=10, memory_bytes=2**30, wall_ms=60_000, output_bytes=2**20, host_calls=1000)

    with pytest.raises(OperatorError, match="at most 10"):
        load_manifest(written(GOOD), ceiling=low)
    assert load_manifest(written(with_key("limits.fuel", 10)), ceiling=low).limits.fuel == 10
    assert load_manifest(written(with_key("limits.fuel", 1)), ceiling=replace(low, total_output_bytes=5_000_000))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tool.name", "has space"),
        ("tool.name", "x" * 65),
        ("tool.name", ""),
        ("tool.name", "name\n"),
        ("tool.version", ""),
        ("tool.version", "1.0\n"),
        ("tool.description", ""),
        ("tool.abi", "wasi"),
        ("tool.module", "../up.wasm"),
        ("tool.module", "/abs.wasm"),
        ("tool.module", "a/b.wasm"),
        ("tool.module", ".hidden"),
        ("tool.digest", "sha256:" + "ab" * 32),
        ("tool.digest", "blake3:" + "AB" * 32),
        ("tool.digest", "blake3:" + "ab" * 31),
        ("tool.digest", DIGEST + "\n"),
        ("tool.effects", ["delete"]),
        ("tool.effects", "write"),
        ("tool.input_schema", {"type": "array"}),
        ("tool.input_schema", {}),
        ("tool.input_schema", {"type": "object", "properties": {"a": {"type": "strnig"}}}),
        ("tool.input_schema", {"type": "object", "required": "a"}),
        ("limits.fuel", 0),
        ("limits.fuel", -1),
        ("limits.fuel", True),
        ("limits.fuel", "100"),
        ("limits.fuel", 1.5),
        ("limits.wall_ms", 0),
        ("limits.host_calls", -1),
        ("grants.clock", 1),
        ("grants.kv", "no"),
        ("grants.http", HTTP),
        ("grants.http.scheme", "ftp"),
        ("grants.http.host", "https://api.example.com"),
        ("grants.http.host", "API.example.com"),
        ("grants.http.host", "*"),
        ("grants.http.host", "a.*.com"),
        ("grants.http.port", 0),
        ("grants.http.port", 65536),
        ("grants.http.methods", []),
        ("grants.http.methods", ["get"]),
        ("grants.http.path", "repos/"),
        ("grants.http.secret.in", "query"),
    ],
)
def test_a_value_that_is_not_what_the_key_needs_is_refused(path, value):
    said = refusal(with_key(path, value))

    assert f"`{path.split('.')[0]}." in said
    assert "cannot be enforced" not in said


@pytest.mark.parametrize("path", ["tool.digest", "tool.name", "grants.http.secret.name"])
def test_a_refusal_never_holds_the_value(path):
    assert "hunter2" not in refusal(with_key(path, "Hunter2 hunter2 " * 9))


@pytest.mark.parametrize("abi", ["near-agent", "component", "extism", "python", "javascript"])
def test_a_convention_of_another_version_is_refused_by_name(abi):
    assert refusal(with_key("tool.abi", abi)) == f"`tool.abi` is {abi}: this version runs wasi-command and core-json"


@pytest.mark.parametrize("empty", ["workspace_read", "workspace_write", "tools", "secret_exists", "http"])
def test_an_explicit_empty_grant_is_taken(empty):
    assert load_manifest(written(with_key(f"grants.{empty}", []))).grants == Grants()


@pytest.mark.parametrize("text", ["", "tool", "[tool", "x = ", '"a', "tool = 1", "[tool]\n[tool]", "\x00"])
def test_what_is_no_manifest_is_refused(text):
    refusal(text)


def test_a_date_in_a_schema_is_refused():
    text = written(GOOD).replace('{"type" = "object"}', '{"type" = "object", "default" = 1979-05-27}')

    assert "input_schema" in refusal(text)


def test_a_schema_nested_too_deep_is_refused():
    schema: dict = {"type": "object"}
    for _ in range(40):
        schema = {"type": "object", "properties": {"a": schema}}

    assert "nested too deep" in refusal(with_key("tool.input_schema", schema))


def test_a_manifest_larger_than_its_cap_is_refused_unread():
    assert "larger than" in refusal("#" * 262_145)


@given(text=st.text(max_size=400))
def test_any_text_is_a_manifest_or_refused(text):
    try:
        load_manifest(text)
        said = ""
    except OperatorError as refused:
        said = refused.message
    assert "\n" not in said
