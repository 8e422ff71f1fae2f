"""docs/PROMISES.md and tests/promises.toml say the same promises, and every test named there exists."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN = re.findall(
    r"^- \*\*(P-\d+)\*\* \S", (ROOT / "docs" / "PROMISES.md").read_text(encoding="utf-8"), re.MULTILINE
)
PROVEN = {
    name: tuple(entry["tests"])
    for name, entry in tomllib.loads((ROOT / "tests" / "promises.toml").read_text(encoding="utf-8")).items()
}


@cache
def _functions(file: str) -> frozenset[str]:
    """Those of a file of tests, which many promises name."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_there_are_promises() -> None:
    assert len(WRITTEN) >= 40


def test_each_promise_is_written_once_and_proven_and_nothing_else_is() -> None:
    assert sorted(WRITTEN) == sorted(set(WRITTEN))
    assert set(WRITTEN) == set(PROVEN)


@pytest.mark.parametrize("promise", sorted(PROVEN))
def test_the_tests_of_a_promise_exist(promise: str) -> None:
    assert PROVEN[promise]
    for test in PROVEN[promise]:
        file, name = test.split("::")
        assert name in _functions(file), test


def test_the_readme_names_only_promises_there_are() -> None:
    named = set(re.findall(r"P-\d+", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named
    assert named <= set(WRITTEN)
