"""Writes what a solver found as a case, the form in which people and case files write calls. It judges nothing."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from holdfast.contracts import Json, ToolSpec

from ..paths import path_fact
from ..shapes import ListShape, NumberShape, OpaqueShape, RecordShape, Shape, TextShape, TruthShape, WholeShape
from .kinds import Fraction
from .solver import Term, Value
from .symbols import Group, One
from .world import World

Path = tuple[str, ...]
_INPUT: Final = ("context", "input")
_FLOW: Final = ("context", "flow")
_SESSION: Final = ("context", "session")
_PATHS: Final = "context.paths.text"
_DERIVED: Final = frozenset(
    {_PATHS, "context.paths.count", "context.paths.within", "context.facts.inexact", "context.facts.unseen"}
)
_DETECTED: Final = frozenset({"leaks", "credentials", "injection", "pii", "rules"})


def wanted(world: World) -> dict[str, Term]:
    """Everything that a case is written from, by name."""
    maker = world.maker
    found: dict[str, Term] = {".".join(path): maker.plain[path].term for path in _plain_reads(world)}
    return found | {f"{'.'.join(path)}?": maker.present[path] for path in _optional_reads(world)}


def cases_of(world: World, shape: RecordShape, values: Mapping[str, Value]) -> Iterator[dict[str, Json]]:
    """Write *values* as a case of the tool of *world*, whose arguments have *shape*: the likeliest first.

    What is read from the arguments is put into them where that is easy; else it is supposed.
    """
    case = _case_of(world, shape, values)
    facts, arguments = case.get("facts"), case["with"]
    if isinstance(facts, dict) and isinstance(arguments, dict) and not facts.keys().isdisjoint(_DERIVED):
        text = facts.get(_PATHS, "")
        for name, part in shape.parts.items():
            untouched = (*_INPUT, name) not in world.maker.touched
            if text and untouched and isinstance(part.shape, TextShape) and path_fact({name: "x"})["count"]:
                arguments = {**arguments, name: text}
                break
        others = {name: value for name, value in facts.items() if name not in _DERIVED}
        plain = {name: value for name, value in case.items() if name != "facts"}
        yield {**plain, "with": arguments, **({"facts": others} if others else {})}
    yield case


def _case_of(world: World, shape: RecordShape, values: Mapping[str, Value]) -> dict[str, Json]:
    read = {path: _json(world.maker.plain[path], values[".".join(path)]) for path in _plain_reads(world)}
    case: dict[str, Json] = {
        "call": world.spec.name,
        "with": _arguments(shape, _INPUT, read, _presence(world, values), world.spec),
        "as": {name: read.get(("principal", name), absent) for name, absent in _CALLER.items()},
    }
    labels = read.get((*_SESSION, "labels"))
    if labels:
        case["session"] = labels
    flow = {path[-1]: value for path, value in read.items() if _is_flow(path)}
    facts = {_fact(path): value for path, value in read.items() if _is_fact(path) or _is_digest(path, shape)}
    if flow:
        case["flow"] = flow
    if facts:
        case["facts"] = facts
    return case


_CALLER: Final[Mapping[str, Json]] = {"subject": "agent", "tenant": "default", "scopes": ["call"]}


def _is_flow(path: Path) -> bool:
    own = path[:2] == _SESSION and path[-1] in ("private", "untrusted")
    return own or path[:2] == _FLOW or path == ("context", "effects")


def _is_fact(path: Path) -> bool:
    if path[:2] in (_INPUT, _FLOW) or path == ("context", "effects") or path[0] == "principal":
        return False
    return path[:2] != _SESSION or path[-1] == "id"


def _is_digest(path: Path, shape: RecordShape) -> bool:
    """Whether *path* is the digest of an argument without a type, which only a server's key can make."""
    holder: Shape = shape
    for name in path[len(_INPUT) : -1]:
        if not isinstance(holder, RecordShape) or name not in holder.parts:
            return False
        holder = holder.parts[name].shape
    return path[:2] == _INPUT and isinstance(holder, OpaqueShape)


def _fact(path: Path) -> str:
    """The plain name for what the detectors found; the path as policies write it for the rest."""
    return path[-1] if path[:2] == ("context", "facts") and path[-1] in _DETECTED else ".".join(path)


def _presence(world: World, values: Mapping[str, Value]) -> dict[Path, bool]:
    return {path: values[f"{'.'.join(path)}?"] is True for path in _optional_reads(world)}


def _plain_reads(world: World) -> list[Path]:
    return [path for path in world.maker.plain if path in world.maker.touched]


def _optional_reads(world: World) -> list[Path]:
    return [path for path in world.maker.present if path in world.maker.touched]


def _arguments(
    shape: RecordShape, path: Path, read: Mapping[Path, Json], there: Mapping[Path, bool], spec: ToolSpec
) -> dict[str, Json]:
    """The arguments under *path*: those that policies read as found, and of the others only the required."""
    written: dict[str, Json] = {}
    for name, part in shape.parts.items():
        here = (*path, name)
        if there.get(here, part.required):
            written[name] = _value(part.shape, here, read, there, spec)
    return written


def _value(shape: Shape, path: Path, read: Mapping[Path, Json], there: Mapping[Path, bool], spec: ToolSpec) -> Json:
    if path in read:
        return read[path]
    match shape:
        case RecordShape():
            return _arguments(shape, path, read, there, spec)
        case OpaqueShape() | TextShape():
            return _listed(spec, path) or "x"
        case TruthShape():
            return False
        case WholeShape() | NumberShape():
            return 0
        case ListShape():
            return []


def _listed(spec: ToolSpec, path: Path) -> Json:
    """The first of the values that the tool's schema lists for an argument at the top."""
    properties = spec.input_schema.get("properties")
    written = properties.get(path[-1]) if isinstance(properties, Mapping) and len(path) == len(_INPUT) + 1 else None
    values = written.get("enum") if isinstance(written, Mapping) else None
    return values[0] if isinstance(values, list) and values else None


def _json(one: One | Group, value: Value) -> Json:
    if isinstance(value, frozenset):
        of = one.of if isinstance(one, Group) else one.kind
        return [_plain(isinstance(of, Fraction), each) for each in sorted(value)]
    return _plain(isinstance(one, One) and isinstance(one.kind, Fraction), value)


def _plain(is_fraction: bool, value: bool | int | str) -> Json:  # noqa: FBT001 -- which of two readings of one number
    if is_fraction and isinstance(value, int):
        whole, rest = divmod(value, 10_000)
        return whole if rest == 0 else float(Decimal(value).scaleb(-4))
    return value
