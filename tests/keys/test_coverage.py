"""Every key of configuration, manifest and policy has a test, every entry has its key, and every named test exists."""

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from holdfast.safety.policy import cases
from holdfast.server.config import ServerSettings, Settings
from holdfast.tools import manifest_model

from . import enumerating
from .enumerating import every_key, field_keys, model_keys
from .test_limits import CEILINGS
from .test_manifest_keys import REFUSED
from .test_policy_keys import FLIPS

HERE = Path(__file__).parent
LISTED: dict[str, dict[str, list[str]]] = tomllib.loads((HERE / "keys.toml").read_text(encoding="utf-8"))


def gaps(keys: frozenset[str], listed: dict[str, list[str]]) -> list[str]:
    """What is wrong between *keys* and *listed*, one sentence each."""
    return [
        *(f"`{key}` has no test" for key in sorted(keys - listed.keys())),
        *(f"`{key}` is listed and is no key" for key in sorted(listed.keys() - keys)),
        *(f"`{key}` is listed with no test" for key, tests in sorted(listed.items()) if not tests),
        *(
            f"`{key}`: there is no test `{test}`"
            for key, tests in sorted(listed.items())
            for test in tests
            if not exists(test)
        ),
    ]


@cache
def defined_in(file: str) -> frozenset[str]:
    """The tests that *file*, beside this one, defines."""
    path = HERE / file
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_") and _asserts(node))


def _asserts(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it can fail: an `assert`, or a `pytest.raises`."""
    nodes = list(ast.walk(function))
    raises = any(isinstance(node, ast.Attribute) and node.attr == "raises" for node in nodes)
    return raises or any(isinstance(node, ast.Assert) for node in nodes)


def exists(test: str) -> bool:
    file, _, name = test.partition("::")
    return name in defined_in(file)


@pytest.mark.parametrize("kind", sorted(every_key().keys() | LISTED.keys()))
def test_every_key_has_a_test_that_flips_it_and_every_entry_a_key(kind: str) -> None:
    assert gaps(every_key()[kind], LISTED[kind]) == []


def test_the_enumeration_sees_the_keys() -> None:
    """One that saw nothing would find no gap."""
    seen = every_key()

    assert [kind for kind, keys in seen.items() if not keys] == []
    assert {kind for kind, keys in seen.items() if len(keys) < 2} == {"refused tables"}
    assert {"server.tls.cert", "egress[].path", "upstreams[].grants.read", "envelope"} <= seen["configuration"]
    assert {"labels[].is", "upstreams[].tools[].when[].values"} <= seen["configuration"]
    assert {"tool.name", "grants.http.secret.in", "limits.fuel"} <= seen["manifest"]
    assert {"profiles", "tools[].upstream", "cases[].as.scopes", "cases[].facts.rules"} <= seen["policy cases"]


class _FakeServer(ServerSettings):
    fake: int = 0


class _Fake(Settings):
    server: _FakeServer = _FakeServer()
    rows: tuple[_FakeServer, ...] = ()
    maybe: _FakeServer | None = None


def test_a_key_that_is_new_is_reported_wherever_it_stands() -> None:
    found = gaps(frozenset(model_keys(_Fake)), LISTED["configuration"])

    assert "`server.fake` has no test" in found
    assert "`rows[].fake` has no test" in found
    assert "`maybe.fake` has no test" in found
    assert "`rows[].tls.cert` has no test" in found


def test_a_manifest_key_that_is_new_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake(manifest_model.ManifestFile):
        extra: int = 0

    monkeypatch.setattr("holdfast.tools.manifest.ManifestFile", Fake)

    assert gaps(every_key()["manifest"], LISTED["manifest"]) == ["`extra` has no test"]


def test_a_manifest_table_nobody_looks_into_is_reported() -> None:
    """`manifest_keys` knows its tables by path; the models alone must lead to the same keys."""
    by_model = {path.replace("[]", "") for path in model_keys(manifest_model.ManifestFile)}

    assert by_model == every_key()["manifest"]


def test_a_new_field_of_a_case_file_is_reported() -> None:
    source = Path(cases.__file__).read_text(encoding="utf-8")
    grown = source.replace('expect=fields.word("expect"),', 'expect=fields.word("expect") + fields.word("fake"),')
    assert grown != source

    assert gaps(frozenset(field_keys(grown)), LISTED["policy cases"]) == ["`cases[].fake` has no test"]


def test_a_reader_of_fields_that_nobody_calls_is_an_error() -> None:
    source = Path(cases.__file__).read_text(encoding="utf-8") + '\ndef _lost(fields):\n    return fields.word("lost")\n'

    with pytest.raises(AssertionError, match="_lost"):
        list(field_keys(source))


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (
            {"a": ["test_limits.py::test_nothing_of_that_name"]},
            "`a`: there is no test `test_limits.py::test_nothing_of_that_name`",
        ),
        ({"a": ["test_absent.py::test_a"]}, "`a`: there is no test `test_absent.py::test_a`"),
        ({"a": []}, "`a` is listed with no test"),
        ({"a": ["test_coverage.py::test_the_enumeration_sees_the_keys"], "b": []}, "`b` is listed and is no key"),
        ({}, "`a` has no test"),
    ],
)
def test_what_is_wrong_with_the_list_is_reported(listed: dict[str, list[str]], said: str) -> None:
    assert said in gaps(frozenset({"a"}), listed)


def test_a_test_that_asserts_nothing_is_no_test() -> None:
    (function,) = ast.parse("def test_it():\n    pass").body
    assert isinstance(function, ast.FunctionDef)
    assert not _asserts(function)


def test_keys_that_share_a_test_each_have_a_row_in_it() -> None:
    """Where one parametrised test stands for many keys, its table must name every one of them."""
    shared = "test_a_grant_that_the_convention_cannot_import_is_refused_with_the_reason"
    grants = {key for key, tests in LISTED["manifest"].items() if any(shared in test for test in tests)}

    assert grants == REFUSED.keys()
    assert LISTED["policy cases"].keys() == FLIPS.keys()
    assert {
        key.removeprefix("limits.").removeprefix("wasm_") for key in _sharing("a_manifest_above_it")
    } == CEILINGS.keys()


def _sharing(test: str) -> set[str]:
    return {key for key, tests in LISTED["configuration"].items() if any(one.endswith(test) for one in tests)}


def test_a_model_is_found_in_whatever_holds_it() -> None:
    class Leaf(BaseModel):
        a: int = 0

    class Holder(BaseModel):
        one: Leaf
        many: list[Leaf]
        perhaps_many: tuple[Leaf, ...] | None

    assert list(model_keys(Holder)) == ["one.a", "many[].a", "perhaps_many[].a"]
    assert {"word", "words", "members", "count", "record", "inner", "records", "has"} <= enumerating.READERS
