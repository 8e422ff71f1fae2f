"""Source text as a tool: says what its functions are, and calls one of them with arguments in JSON."""

import ast
import inspect
import json
import linecache
import sys
import types
from pathlib import PurePosixPath
from typing import Any

from .docs import described
from .offered import CAPABILITIES
from .streams import OutputFull
from .telling import clean, has_memory_error, told
from .types_as_schema import Mismatch, NoSchema, json_of, schema_of, value_of

_MOST = 64
_loaded_as: dict[str, types.ModuleType] = {}


class Refused(Exception):
    """The source is no tool. One sentence that says what to do, and the line."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def run(asked: dict[str, Any]) -> dict[str, Any]:
    """Call `function` of `source` with `arguments`; without `function`, say what there is.

    Raises: OutputFull, MemoryError.
    """
    try:
        module = _loaded(asked["source"], asked["file"])
        if "function" not in asked:
            return {"described": _described(module, asked["source"])}
        return {"result": _called(module, asked["function"], asked["arguments"])}
    except Refused as refused:
        return {"refused": clean(str(refused)), **({} if refused.line is None else {"line": refused.line})}
    except Mismatch as error:
        return {"error": {"type": "TypeError", "message": clean(str(error)), "traceback": ""}}
    except (OutputFull, MemoryError):
        raise
    except BaseException as error:
        if has_memory_error(error):
            raise MemoryError from None
        return {"error": told(error, (asked["file"],))}


def forget() -> None:
    """Take loaded sources out again."""
    for name in _loaded_as:
        sys.modules.pop(name, None)
    _loaded_as.clear()


def _loaded(source: str, file: str) -> types.ModuleType:
    stem = PurePosixPath(file).stem
    name = stem if stem not in sys.modules else f"tool_{stem}"
    module = types.ModuleType(name)
    module.__file__ = file
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    sys.modules[name] = _loaded_as[name] = module
    exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 -- what this is for
    return module


def _called(module: types.ModuleType, name: str, arguments: dict[str, Any]) -> Any:
    function = module.__dict__.get(name)
    if not isinstance(function, types.FunctionType):
        function, *others = _public(module)  # a tool of one function may be called otherwise
        if others:
            raise Refused(f"there is no function `{name}`")
    hints = _hints(function)
    parameters = inspect.signature(function).parameters
    unknown = sorted(arguments.keys() - parameters.keys())
    if unknown:
        raise Mismatch(f"`{unknown[0]}` is no argument of `{name}`")
    given = {key: value_of(said, hints[key], key) for key, said in arguments.items()}
    plain = [
        given.pop(one.name) for one in parameters.values() if one.kind is one.POSITIONAL_ONLY and one.name in given
    ]
    return json_of(function(*plain, **given))


def _described(module: types.ModuleType, source: str) -> dict[str, Any]:
    tree = ast.parse(source)
    lines = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    functions = _public(module)
    return {
        "tools": [_tool(one, lines.get(one.__name__), module.__doc__) for one in functions],
        "capabilities": sorted(_capabilities(tree)),
    }


def _public(module: types.ModuleType) -> list[types.FunctionType]:
    listed = module.__dict__.get("__all__")
    if listed is not None:
        found = [module.__dict__.get(name) for name in listed]
        strange = [name for name, one in zip(listed, found, strict=True) if not isinstance(one, types.FunctionType)]
        if strange or not found:
            raise Refused(f"`__all__` names `{strange[0]}`, which is no function" if strange else "`__all__` is empty")
        if len(found) > _MOST:
            raise Refused(f"`__all__` names more than {_MOST} functions")
        return [one for one in found if isinstance(one, types.FunctionType)]
    own = [
        one
        for name, one in module.__dict__.items()
        if isinstance(one, types.FunctionType) and one.__module__ == module.__name__ and not name.startswith("_")
    ]
    if not own:
        raise Refused("there is no public function; write one, with a type for every parameter")
    if len(own) > 1:
        names = ", ".join(f"`{one.__name__}`" for one in own[:8])
        raise Refused(f"there are several public functions: {names}; list those that are tools in `__all__`")
    return own


def _tool(function: types.FunctionType, node: Any, about: str | None) -> dict[str, Any]:
    name = function.__name__
    line = getattr(node, "lineno", function.__code__.co_firstlineno)
    if (
        inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    ):
        raise Refused(f"`{name}` must be a plain function: no `async`, no `yield`", line)
    places = _places(node)
    hints = _hints(function)
    summary, said = described(inspect.getdoc(function) or inspect.cleandoc(about or ""))
    properties: dict[str, Any] = {}
    required: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        at = places.get(parameter.name, line)
        schema = _property(parameter, hints, name, at)
        if parameter.name in said and "description" not in schema:
            schema["description"] = said[parameter.name]
        properties[parameter.name] = schema
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        else:
            _default(schema, parameter.default)
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {
        "name": name,
        "description": clean(summary),
        "input_schema": {**schema, "required": required} if required else schema,
    }


def _property(parameter: inspect.Parameter, hints: dict[str, Any], name: str, at: int) -> dict[str, Any]:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
        raise Refused(f"`{stars}{parameter.name}` of `{name}` has no names for a caller; write each parameter out", at)
    if parameter.name not in hints:
        raise Refused(f"`{parameter.name}` of `{name}` has no type; write `{parameter.name}: str`, or what it is", at)
    try:
        return schema_of(hints[parameter.name])
    except NoSchema as error:
        raise Refused(f"`{parameter.name}` of `{name}` {error}", at) from None


def _default(schema: dict[str, Any], value: Any) -> None:
    try:
        said = json_of(value)
    except Mismatch:
        return
    if said is not None and "null" not in json.dumps(said):  # a manifest is TOML, which has no null
        schema["default"] = said


def _hints(function: types.FunctionType) -> dict[str, Any]:
    import typing

    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        line = function.__code__.co_firstlineno
        raise Refused(f"a type of `{function.__name__}` names `{error.name}`, which is not there", line) from None


def _places(node: Any) -> dict[str, int]:
    if node is None:
        return {}
    every = node.args
    found = [*every.posonlyargs, *every.args, *every.kwonlyargs, *filter(None, (every.vararg, every.kwarg))]
    return {one.arg: one.lineno for one in found}


def _capabilities(tree: ast.Module) -> set[str]:
    """The host functions that *tree* imports, as far as its text says so."""
    bound: dict[str, str] = {}
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "holdfast":
                    bound[alias.asname or "holdfast"] = alias.name if alias.asname else "holdfast"
                    used.add(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "holdfast":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                bound[alias.asname or alias.name] = whole
                used.add(whole)
    used |= {dotted for node in ast.walk(tree) if isinstance(node, ast.Attribute) and (dotted := _dotted(node, bound))}
    return {needs for one in used for name, needs in CAPABILITIES.items() if f"{one}.".startswith(f"holdfast.{name}.")}


def _dotted(node: ast.AST, bound: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return bound.get(node.id, "")
    if isinstance(node, ast.Attribute):
        above = _dotted(node.value, bound)
        return f"{above}.{node.attr}" if above else ""
    return ""
