"""A manifest is drafted from what a source offers; what its author wrote beside it stands; a grant is a line of it."""

import tomllib

import pytest

from holdfast.contracts import Digest, Effect, InvalidRequest, OperatorError
from holdfast.tools.drafting import Offered, draft
from holdfast.tools.manifest import load_manifest

ONE = Offered(name="f", description="Does it.", input_schema={"type": "object", "properties": {"é": {"const": "\x7f"}}})
TWO = Offered(name="g", description="Does more.", input_schema={"type": "object"})
DIGEST = Digest.of(b"source")
PLACE = {"host": "api.example.com"}


def drafted(*offered: Offered, **more) -> str:
    return draft(offered or (ONE,), file="file.py", digest=DIGEST, **more)


def test_one_function_is_the_tool():
    manifest = load_manifest(drafted())

    assert (manifest.name, manifest.description, manifest.digest) == ("f", "Does it.", DIGEST)
    assert manifest.input_schema == ONE.input_schema
    assert (manifest.effects, manifest.abi) == (frozenset(), "python")


def test_several_functions_are_operations_of_the_files_name():
    manifest = load_manifest(drafted(ONE, TWO))

    assert [one.name for one in manifest.operations] == ["file_f", "file_g"]
    assert [one.function for one in manifest.operations] == ["f", "g"]


@pytest.mark.parametrize(
    ("grant", "table", "effects"),
    [
        ("read:docs/", {"workspace_read": ["docs/"]}, {Effect.READ_PRIVATE}),
        ("write:out/", {"workspace_write": ["out/"]}, {Effect.WRITE}),
        ("kv", {"kv": True}, set()),
        ("tool:echo", {"tools": ["echo"]}, set()),
        ("secret:github", {"secret_exists": ["github"]}, set()),
        (
            "http:https://api.example.com/v1/",
            {"http": [{**PLACE, "scheme": "https", "port": 443, "methods": ["GET"], "path": "/v1/"}]},
            {Effect.EGRESS, Effect.READ_UNTRUSTED},
        ),
        (
            "http:GET,POST:http://api.example.com:8080",
            {"http": [{**PLACE, "scheme": "http", "port": 8080, "methods": ["GET", "POST"], "path": "/"}]},
            {Effect.EGRESS, Effect.READ_UNTRUSTED},
        ),
    ],
)
def test_a_grant_is_a_line_of_the_manifest_with_its_effects(grant: str, table, effects):
    text = drafted(grants=[grant])

    assert tomllib.loads(text)["grants"] == table
    assert load_manifest(text).effects == effects


@pytest.mark.parametrize(
    "grant", ["", "kv:", "read", "read:", "all", "http:", "http:ftp://a/", "http:https://a/?q=1", "http:https://u@a/"]
)
def test_what_is_no_grant_is_refused(grant: str):
    with pytest.raises(InvalidRequest):
        drafted(grants=[grant])


def test_grants_are_added_to_those_written_beside():
    text = drafted(grants=["tool:echo"], written='[grants]\ntools = ["time"]\nkv = false\n')

    assert tomllib.loads(text)["grants"] == {"tools": ["time", "echo"], "kv": False}


def test_effects_that_are_written_stand():
    assert load_manifest(drafted(grants=["kv"], written='[tool]\neffects = ["write"]')).effects == {Effect.WRITE}


@pytest.mark.parametrize(
    ("written", "error"),
    [("[tool", "TOML"), ("tool = 1", "table"), ("[grants]\ntools = 1", "list"), ("x" * 300_000, "larger")],
)
def test_what_is_written_beside_must_be_tables(written: str, error: str):
    with pytest.raises(OperatorError, match=error):
        drafted(written=written, grants=["tool:echo"])


def test_a_schema_that_toml_cannot_say_is_refused():
    null = Offered(name="f", description="d", input_schema={"type": "object", "default": None})

    with pytest.raises(OperatorError, match="null"):
        drafted(null)
