"""Every key of `tool.toml` does something, and nothing that is not a key is taken."""

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import ALL_EFFECTS, Effect, Grants, Limits, OperatorError, Wasm
from holdfast.contracts.limits import WASM, WASM_CEILING
from holdfast.tools.manifest import Ceilings, load_manifest, manifest_keys

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
GRANTED = GOOD | {
    "tool": GOOD["tool"] | {"abi": "extism", "effects": ["read_private", "write", "egress"]},
    "grants": {},
}
"""A tool whose convention can import host functions, and which says what it would do with them."""
OPERATION = {"name": "buy", "description": "Buys.", "input_schema": {"type": "object"}}
SEVERAL = {
    abi: GOOD | {"tool": {key: value for key, value in GOOD["tool"].items() if key != "input_schema"} | {"abi": abi}}
    for abi in ("near-agent", "component")
}
"""Tools of conventions with several functions, which `operations` describe."""
SEVERAL["near-agent"]["tool"]["operations"] = [OPERATION | {"capability_id": "shop.buy"}]
SEVERAL["component"]["tool"]["operations"] = [OPERATION | {"function": "buy"}]
NEED_AN_IMPORT = ("workspace_read", "workspace_write", "kv", "tools", "secret_exists", "http")
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
    "tool.operations.name": ("other", lambda m: m.spec().name == f"{m.name}_other"),
    "tool.operations.capability_id": ("shop.sell", lambda m: m.spec().runtime.function == "shop.sell"),
    "tool.operations.function": ("sell", lambda m: m.spec().runtime.function == "sell"),
    "tool.operations.description": ("Sells.", lambda m: m.spec().description == "Sells."),
    "tool.operations.input_schema": (
        {"type": "object", "required": ["a"]},
        lambda m: m.spec().input_schema == {"type": "object", "required": ["a"]},
    ),
    "limits.fuel": (5, lambda m: m.limits.fuel == 5),
    "limits.memory_bytes": (65536, lambda m: m.limits.memory_bytes == 65536),
    "limits.wall_ms": (7, lambda m: m.limits.wall_ms == 7),
    "limits.output_bytes": (9, lambda m: m.limits.output_bytes == 9),
    "limits.host_calls": (0, lambda m: m.limits.host_calls == 0),
    "grants.clock": (False, lambda m: m.grants == Grants(clock=False)),
    "grants.random": (False, lambda m: m.grants == Grants(random=False)),
    "grants.workspace_read": (["docs/", "."], lambda m: m.spec().grants.workspace_read == ("docs/", ".")),
    "grants.workspace_write": (["out/"], lambda m: m.spec().flow.writes == ("out", "out/*")),
    "grants.kv": (True, lambda m: m.spec().grants.kv),
    "grants.tools": (["echo"], lambda m: m.spec().grants.tools == ("echo",)),
    "grants.secret_exists": (["github"], lambda m: m.spec().grants.secret_exists == ("github",)),
    "grants.http.scheme": ("http", lambda m: [one.scheme for one in m.grants.http] == ["http"]),
    "grants.http.host": ("*.example.com", lambda m: [one.host for one in m.grants.http] == ["*.example.com"]),
    "grants.http.port": (8443, lambda m: [one.port for one in m.grants.http] == [8443]),
    "grants.http.methods": (["GET", "POST"], lambda m: [one.methods for one in m.grants.http] == [{"GET", "POST"}]),
    "grants.http.path": ("/", lambda m: [one.path for one in m.grants.http] == ["/"]),
    "grants.http.secret.name": ("github", lambda m: secrets_of(m) == [("github", "bearer", "")]),
    "grants.http.secret.in": ("header:X-Key", lambda m: secrets_of(m) == [("s", "header", "X-Key")]),
    "grants.http.secret.user": ("bob", lambda m: secrets_of(m) == [("s", "basic", "bob")]),
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


def base(path: str):
    """The manifest that *path* is changed in."""
    if path.startswith("tool.operations."):
        return SEVERAL["near-agent" if path.endswith("capability_id") else "component"]
    return GRANTED if path.startswith(tuple(f"grants.{name}" for name in NEED_AN_IMPORT)) else GOOD


def with_key(path: str, value, into=None):
    data = copy.deepcopy(into or base(path))
    *tables, last = path.split(".")
    place = data
    for table in tables:
        if table == "http":
            place["http"] = [dict(HTTP)]
            place = place["http"][0]
        elif table == "secret":
            place["secret"] = {"name": "s", "in": "basic" if last == "user" else "bearer"}
            place = place["secret"]
        else:
            place = place[table][0] if table == "operations" else place[table]
    place[last] = value
    return data


def secrets_of(manifest):
    return [(one.secret.name, one.secret.place.value, one.secret.parameter) for one in manifest.grants.http]


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
    assert not expected(load_manifest(written(base(path))))
    if path != "tool.module":  # a file name beside the manifest; the digest is the identity
        assert manifest.spec().digest != load_manifest(written(base(path))).spec().digest


GRANTS = {
    "workspace_read": ["docs/"],
    "workspace_write": ["out/"],
    "kv": True,
    "tools": ["echo"],
    "secret_exists": ["github"],
    "http": [HTTP],
}


@pytest.mark.parametrize("name", NEED_AN_IMPORT)
@pytest.mark.parametrize("abi", ["core-json", "wasi-command"])
def test_a_grant_that_the_convention_cannot_import_is_refused(abi, name):
    plain = GRANTED | {"tool": GRANTED["tool"] | {"abi": abi}}

    assert f"a {abi} tool imports no such function" in refusal(with_key(f"grants.{name}", GRANTS[name], plain))


@pytest.mark.parametrize(
    ("name", "effect"),
    [("workspace_read", "read_private"), ("workspace_write", "write"), ("http", "egress")],
)
def test_effects_follow_grants_and_the_refusal_has_the_line_to_add(name, effect):
    silent = GRANTED | {"tool": GRANTED["tool"] | {"effects": ["spend"]}}

    said = refusal(with_key(f"grants.{name}", GRANTS[name], silent))

    assert said.startswith(f"`grants.{name}`: ")
    line = said.split("`")[5]
    assert line.startswith("effects = [")
    told = GRANTED | {"tool": GRANTED["tool"] | {"effects": json.loads(line.removeprefix("effects = "))}}
    assert effect in told["tool"]["effects"]
    load_manifest(written(with_key(f"grants.{name}", GRANTS[name], told)))


def test_what_is_granted_is_part_of_what_is_approved_and_what_is_not_changes_nothing():
    assert load_manifest(written(with_key("grants.kv", False))).spec() == load_manifest(written(GRANTED)).spec()
    assert load_manifest(written(with_key("grants.kv", False))).said == {"kv"}


@pytest.mark.parametrize("path", ["/etc", "../up", "a/../b", "a*", "{x}", "a\\\\b", "%2e", ""])
def test_a_folder_that_is_none_of_the_workspace_is_refused(path):
    assert "workspace_read" in refusal(with_key("grants.workspace_read", [path]))


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
        load_manifest(written(GOOD), ceilings=Ceilings(module=low))
    assert load_manifest(written(with_key("limits.fuel", 10)), ceilings=Ceilings(module=low)).limits.fuel == 10
    assert load_manifest(
        written(with_key("limits.fuel", 1)), ceilings=Ceilings(module=replace(low, total_output_bytes=5_000_000))
    )
    script = with_key("tool.abi", "javascript")
    with pytest.raises(OperatorError, match="at most 10"):
        load_manifest(written(script), ceilings=Ceilings(javascript=low))
    with pytest.raises(OperatorError, match="at most 10"):
        load_manifest(written({**script, "tool": {**script["tool"], "abi": "python"}}), ceilings=Ceilings(python=low))


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
        ("grants.http.secret.in", "query:"),
        ("grants.http.secret.in", "query:a&b"),
        ("grants.http.secret.in", "header:"),
        ("grants.http.secret.in", "header:a b"),
        ("grants.http.secret.in", "header:x_key"),
        ("grants.http.secret.in", "header:Host"),
        ("grants.http.secret.in", "header:cookie"),
        ("grants.http.secret.in", "header:Proxy-Authorization"),
        ("grants.http.secret.in", "header:Accept"),
        ("grants.http.secret.in", "header:content-type"),
        ("grants.http.secret.in", "basic"),
        ("grants.http.secret.user", "a:b"),
        ("grants.http.secret.user", ""),
        ("grants.http.secret.name", "Upper"),
        ("grants.http.secret.name", "_a"),
    ],
)
def test_a_value_that_is_not_what_the_key_needs_is_refused(path, value):
    said = refusal(with_key(path, value))

    assert f"`{path.split('.')[0]}." in said
    assert "cannot be enforced" not in said


@pytest.mark.parametrize("path", ["tool.digest", "tool.name", "grants.http.secret.name"])
def test_a_refusal_never_holds_the_value(path):
    assert "hunter2" not in refusal(with_key(path, "Hunter2 hunter2 " * 9))


@pytest.mark.parametrize("empty", ["workspace_read", "workspace_write", "tools", "secret_exists", "http"])
def test_an_explicit_empty_grant_is_taken(empty):
    assert load_manifest(written(with_key(f"grants.{empty}", []))).grants == Grants()
    assert load_manifest(written(with_key(f"grants.{empty}", []))).said == {empty}


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


def test_operations_are_tools_of_their_own_under_the_name_of_the_tool():
    data = copy.deepcopy(SEVERAL["near-agent"])
    data["tool"]["operations"].append(OPERATION | {"name": "sell", "capability_id": "shop.sell"})
    specs = load_manifest(written(data)).specs()
    assert [spec.name for spec in specs] == ["word_count_buy", "word_count_sell"]
    assert [spec.runtime.function for spec in specs] == ["shop.buy", "shop.sell"]
    assert len({spec.digest for spec in specs}) == len(specs)


@pytest.mark.parametrize(
    ("abi", "changed", "says"),
    [
        ("component", {"operations": [OPERATION]}, "`tool.operations.function`: this key is required"),
        ("near-agent", {"operations": [OPERATION]}, "`tool.operations.capability_id`: this key is required"),
        ("component", {"operations": [OPERATION | {"capability_id": "a"}]}, "`tool.operations.capability_id`"),
        ("near-agent", {"operations": [OPERATION | {"function": "a"}]}, "`tool.operations.function`"),
        ("component", {"abi": "core-json"}, "has one function"),
        ("component", {"input_schema": {"type": "object"}}, "each of `tool.operations` has its own"),
        ("component", {"operations": []}, "`tool.input_schema`: this key is required"),
        ("component", {"operations": [OPERATION | {"function": "a"}] * 2}, "two have the same name"),
        ("component", {"name": "x" * 62}, "more than 64 characters"),
        (
            "component",
            {"operations": [OPERATION | {"function": "a", "input_schema": {}}]},
            "operations.0.input_schema`",
        ),
        ("component", {"operations": [OPERATION | {"function": "a", "more": 1}]}, "there is no such key"),
    ],
)
def test_operations_that_do_not_fit_are_refused(abi, changed, says):
    data = copy.deepcopy(SEVERAL[abi])
    data["tool"] |= changed
    assert says in refusal(data)


SECRET = {"name": "s", "in": "bearer"}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"host": "*.example.com"}, "one host"),
        ({"scheme": "http"}, "plain http"),
        ({"secret": {**SECRET, "user": "bob"}}, "`basic` needs it"),
        ({"secret": {"name": "s", "in": "header:X-Key", "user": "bob"}}, "`basic` needs it"),
    ],
)
def test_a_secret_that_would_go_further_than_it_says_is_refused(changed, why):
    assert why in refusal(with_key("grants.http", [{**HTTP, "secret": SECRET, **changed}]))


def test_a_secret_over_plain_http_to_this_machine_is_taken():
    given = [{**HTTP, "scheme": "http", "host": host, "secret": SECRET} for host in ("localhost", "127.0.0.1")]

    assert len(load_manifest(written(with_key("grants.http", given))).grants.http) == 2


def test_a_tool_has_eight_secrets_at_most():
    given = [{**HTTP, "secret": {"name": f"s{number}", "in": "bearer"}} for number in range(9)]

    load_manifest(written(with_key("grants.http", given[:8])))
    assert "at most 8" in refusal(with_key("grants.http", given))


def test_a_grant_without_a_secret_has_the_definition_it_always_had():
    """What was registered before there were secrets is still what was approved."""
    (plain,) = load_manifest(written(with_key("grants.http", [HTTP]))).specs()
    (secret,) = load_manifest(written(with_key("grants.http", [{**HTTP, "secret": SECRET}]))).specs()

    assert str(plain.digest) == "blake3:2d469af9b722863d82c7ac4cc1238630ea9bc430dce704ae75ab1eea571abda6"
    assert plain.digest != secret.digest
