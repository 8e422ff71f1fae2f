"""The list of guards stays true: each text is there exactly once, and each test it names exists."""

import ast
from functools import cache
from pathlib import Path

import pytest
from tests.sabotage.__main__ import Guard, guards

ROOT = Path(__file__).parents[2]
GUARDS = guards()


@cache
def _defined(file: str) -> frozenset[str]:
    """The functions and classes of a file of tests, which many guards name."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_there_are_guards() -> None:
    assert len(GUARDS) >= 30


def test_no_two_guards_share_a_name() -> None:
    names = [guard.name for guard in GUARDS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_stands_in_the_code_and_its_tests_exist(guard: Guard) -> None:
    assert (ROOT / guard.file).read_text(encoding="utf-8").count(guard.find) == 1
    assert guard.find != guard.replace
    assert guard.tests
    for test in guard.tests:
        file, *names = test.split("::")
        assert {name.split("[")[0] for name in names} <= _defined(file), test
