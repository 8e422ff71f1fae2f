"""What a compiled component imports and offers, by name and shape, and which calling convention that makes it.

All names are the component's own text. It runs nothing; both the compile worker and the worker read a component so.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import wasmtime
from wasmtime import component as wasmtime_component
from wasmtime.component import ResourceType
from wasmtime.component import _types as engine_types

from ..abi import COMPONENT, NEAR_AGENT, WASI_COMMAND
from ..report import ModuleRefused, shown
from .reading import Shapeless, signature_of
from .shapes import Result, Signature

NEAR_TOOL: Final = re.compile(r"near:agent/tool@0\.[34]\.\d{1,4}")
RUN: Final = re.compile(r"wasi:cli/run@0\.2\.\d{1,4}")
"""What a program of WASI preview 2 exports: an interface with the one function `run`."""
NEAR_HOST: Final = re.compile(r"near:agent/host@0\.[34]\.\d{1,4}")
_RUNS: Final = Signature(parameters=(), result=Result(None, None))
_NEAR: Final = "near:agent/"
_BUILDERS_OWN: Final = ("exports", "function-export-kind")
"""What componentize-py leaves in what it builds: an instance for its own use, and a type that tells it."""
_OF_A_RESOURCE: Final = re.compile(r"\[(?:method|static|constructor)\]([^.]+)(?:\..*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One function that can be called from outside."""

    label: str
    """Unique in the component: the function's name, with its interface's before it where two would be the same."""
    path: tuple[str, ...]
    """The exports that lead to it."""
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One instance that a component imports."""

    name: str
    functions: tuple[tuple[str, Signature | None], ...]
    """By name; None where one has no signature."""
    resources: tuple[str, ...]
    """By name, whether it defines one itself or has it from another."""
    owned: frozenset[str]
    """Those it surely defines itself: the ones with methods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All of it."""

    abi: str
    offered: tuple[Offered, ...]
    left_out: tuple[tuple[str, str], ...]
    """Functions that cannot be tools, and why."""
    imports: tuple[Interface, ...]
    functions: tuple[str, ...]
    """Functions that the world itself imports."""


def world_of(running: wasmtime.Engine, component: wasmtime_component.Component) -> World:
    """Read *component*. Raises: ModuleRefused for a world this version does not answer."""
    kind: Any = component.type
    offered, left_out = _offered(running, kind.exports(running))
    imports: list[Interface] = []
    functions: list[str] = []
    for name, item in kind.imports(running).items():
        if isinstance(item.ty, engine_types.ComponentInstanceType):
            imports.append(_interface(running, name, item.ty))
        elif isinstance(item.ty, engine_types.FuncType):
            functions.append(name)
    return World(
        abi=_abi(offered, imports),
        offered=tuple(offered),
        left_out=tuple(left_out),
        imports=tuple(imports),
        functions=tuple(functions),
    )


def _abi(offered: list[Offered], imports: list[Interface]) -> str:
    tools = {one.path[0] for one in offered if one.path[0].startswith(_NEAR)}
    if not tools:
        return WASI_COMMAND if len(offered) == 1 and _is_program(offered[0]) else COMPONENT
    name = min(tools)
    if len(tools) > 1 or not NEAR_TOOL.fullmatch(name):
        raise ModuleRefused(f"this exports `{shown(name)}`: this version runs one near:agent/tool of 0.3 or 0.4")
    if any(one.name.startswith(_NEAR) and not NEAR_HOST.fullmatch(one.name) for one in imports):
        raise ModuleRefused("this imports a near:agent interface that is not near:agent/host of 0.3 or 0.4")
    return NEAR_AGENT


def _is_program(one: Offered) -> bool:
    return RUN.fullmatch(one.path[0]) is not None and one.path[1:] == ("run",) and one.signature == _RUNS


def _offered(running: wasmtime.Engine, exports: dict[str, Any]) -> tuple[list[Offered], list[tuple[str, str]]]:
    paths: list[tuple[tuple[str, ...], Any]] = []
    for name, item in exports.items():
        if isinstance(item.ty, engine_types.FuncType):
            paths.append(((name,), item.ty))
        elif isinstance(item.ty, engine_types.ComponentInstanceType):
            inside = item.ty.exports(running)
            if name == _BUILDERS_OWN[0] and _BUILDERS_OWN[1] in inside:
                continue
            paths += [
                ((name, inner), one.ty) for inner, one in inside.items() if isinstance(one.ty, engine_types.FuncType)
            ]
    seen = Counter(path[-1] for path, _ in paths)
    offered: list[Offered] = []
    left_out: list[tuple[str, str]] = []
    for path, function in paths:
        label = path[-1] if seen[path[-1]] == 1 else "#".join(path)
        try:
            offered.append(Offered(label=label, path=path, signature=signature_of(function)))
        except Shapeless as error:
            left_out.append((label, str(error)))
    return offered, left_out


def _interface(running: wasmtime.Engine, name: str, instance: Any) -> Interface:
    functions: list[tuple[str, Signature | None]] = []
    for inner, item in instance.exports(running).items():
        if isinstance(item.ty, engine_types.FuncType):
            try:
                functions.append((inner, signature_of(item.ty)))
            except Shapeless:
                functions.append((inner, None))
    resources = [inner for inner, item in instance.exports(running).items() if isinstance(item.ty, ResourceType)]
    owned = frozenset(found[1] for inner, _ in functions if (found := _OF_A_RESOURCE.fullmatch(inner)))
    return Interface(name=name, functions=tuple(functions), resources=tuple(resources), owned=owned)
