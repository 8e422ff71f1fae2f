"""Lists every key there is from the models and code that read them; it knows no key by name."""

import ast
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from holdfast.safety.policy import cases, rules
from holdfast.safety.policy.fields import Fields
from holdfast.server.config import ABSENT_TABLES, Settings
from holdfast.tools.manifest import manifest_keys

READERS = frozenset(
    name for name in vars(Fields) if not name.startswith("_") and name not in {"done", "where", "names", "fact"}
)
"""How a case file's fields are read: each call with a constant name is a key."""


def every_key() -> dict[str, frozenset[str]]:
    """All keys, by the kind of file they stand in."""
    return {
        "configuration": frozenset(model_keys(Settings)),
        "refused tables": frozenset(ABSENT_TABLES),
        "manifest": frozenset(manifest_keys()),
        "policy annotations": frozenset(f"@{name}" for name in rules._ANNOTATIONS),
        "policy cases": frozenset(field_keys(Path(cases.__file__).read_text(encoding="utf-8"))),
    }


def model_keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """The leaves of *model*: `table.key`, and `rows[].key` for lists of tables."""
    for name, field in model.model_fields.items():
        path = f"{above}{field.alias or name}"
        nested, many = _model_in(field.annotation)
        if nested is None:
            yield path
        else:
            yield from model_keys(nested, f"{path}[]." if many else f"{path}.")


def _model_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model that *annotation* holds, if any, and whether it holds many."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for one in get_args(annotation):
        found, many = _model_in(one)
        if found is not None:
            single = get_origin(annotation) in (types.UnionType, None) or many
            return found, many or not single
    return None, False


def field_keys(source: str) -> Iterator[str]:
    """The keys that the functions of *source* read from `Fields`, each under the place its reader was given.

    Facts set by their path are no keys of the form: `_given` takes those that are declared.
    """
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    functions.pop("_given", None)
    reached = {"read_cases", "read_calls"}
    yield from _fields_of("read_cases", "", functions, reached)
    unreached = {name for name, node in functions.items() if any(True for _ in _reads(node))} - reached
    assert not unreached, f"these read fields of nobody knows where: {sorted(unreached)}"


def _fields_of(name: str, above: str, functions: dict[str, ast.FunctionDef], reached: set[str]) -> Iterator[str]:
    function = functions[name]
    for _, key in _reads(function):
        yield above + key
    for callee, read, key in _handed_on(function):
        reached.add(callee)
        yield from _fields_of(callee, f"{above}{key}[]." if read == "records" else f"{above}{key}.", functions, reached)


def _reads(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Every `fields.READER("key")` below *node*."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in READERS:
            assert call.args, f"line {call.lineno}: a field is read without a name"
            first = call.args[0]
            assert isinstance(first, ast.Constant), (
                f"line {call.lineno}: a field is read by a name that is not constant"
            )
            yield call.func.attr, str(first.value)


def _handed_on(function: ast.FunctionDef) -> Iterator[tuple[str, str, str]]:
    """Each function that is handed inner fields: its name, how they were read, and their key."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for argument in node.args:
                yield from ((node.func.id, read, key) for read, key in _direct(argument, "inner"))
        if (
            isinstance(node, ast.GeneratorExp)
            and isinstance(node.elt, ast.Call)
            and isinstance(node.elt.func, ast.Name)
        ):
            for read, key in _direct(node.generators[0].iter, "records"):
                yield node.elt.func.id, read, key


def _direct(node: ast.expr, reader: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == reader:
        yield from ((read, key) for read, key in _reads(node) if read == reader)
