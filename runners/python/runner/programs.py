"""Runs a program given as text, in a module of its own; of a session, in the module of the call before."""

import ast
import linecache
import types
from typing import Any

from .calling import Answered, ToolCallError
from .offered import TOOLS
from .streams import OutputFull, Written
from .telling import clean, has_memory_error, is_text, told

_NAME = "<code>"
_REPR_CHARACTERS = 100_000
_JSON_INTEGER = 1 << 63
_JSON_DEPTH = 32

_names: list[str] = []
"""What the texts of this session are called in tracebacks; one, unless the instance is kept."""


def run(asked: dict[str, Any], main: types.ModuleType, err: Written) -> dict[str, Any]:
    """Run the program of *asked* in *main*, whose streams are in place. Raises: OutputFull, MemoryError."""
    code = asked["code"]
    name = _NAME if not _names else f"<code {len(_names) + 1}>"
    _names.append(name)
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    main.__dict__.update(input_data=asked.get("input"), tools=TOOLS, ToolCallError=ToolCallError)
    said: dict[str, Any] = {}
    try:
        value = _execute(code, name, main.__dict__)
        if value is not None:
            said["value"] = _shown(value)
    except SystemExit as ended:
        said["exit"] = _exit(ended, err)
    except (OutputFull, MemoryError):
        main.__dict__.clear()
        raise
    except BaseException as error:
        if has_memory_error(error):
            raise MemoryError from None
        said["error"] = told(error, tuple(_names))
    return said


def forget() -> None:
    """Begin again with the names of texts."""
    _names.clear()


def _execute(code: str, name: str, namespace: dict[str, Any]) -> Any:
    """Run *code*; answers the value of its last statement when that is an expression."""
    tree = ast.parse(code, name)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        exec(compile(tree, name, "exec", dont_inherit=True), namespace)  # noqa: S102 -- what this is for
        return None
    tree.body.pop()
    if tree.body:
        exec(compile(tree, name, "exec", dont_inherit=True), namespace)  # noqa: S102 -- as above
    flags = _future_flags(tree)
    return eval(compile(ast.Expression(last.value), name, "eval", flags, dont_inherit=True), namespace)  # noqa: S307 -- as above


def _future_flags(tree: ast.Module) -> int:
    import __future__

    names = [
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    ]
    flags = 0
    for name in names:
        flags |= getattr(__future__, name).compiler_flag
    return flags


def _exit(ended: SystemExit, err: Written) -> int:
    code = ended.code
    if code is None or isinstance(code, int):
        return int(code or 0) & 0xFF
    err.write(f"{code}\n")
    return 1


def _shown(value: object) -> dict[str, Any]:
    text = repr(value)
    cut = len(text) - _REPR_CHARACTERS
    shown: dict[str, Any] = {"repr": clean(text if cut <= 0 else f"{text[:_REPR_CHARACTERS]}... {cut} more characters")}
    if _is_json(value, _JSON_DEPTH):
        shown["json"] = value
    return shown


def _is_json(value: object, room: int) -> bool:
    """Whether JSON says *value* exactly: a tuple or a key that is a number would come back as something else."""
    if value is None or isinstance(value, bool):
        return True
    if type(value) is int:
        return -_JSON_INTEGER <= value < _JSON_INTEGER
    if type(value) is float:
        return value - value == 0
    if type(value) is str:
        return is_text(value)
    if room <= 0:
        return False
    if type(value) is list:
        return all(_is_json(item, room - 1) for item in value)
    if type(value) in (dict, Answered):
        return all(type(key) is str and is_text(key) and _is_json(item, room - 1) for key, item in value.items())
    return False
