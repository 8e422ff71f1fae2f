"""Reads a component's sections before anything compiles it: its parts, how often each is made, its imports and docs.

1. Every core module inside is read as a module on its own would be; caps hold over all of them together.
2. What one call makes is counted by following instantiations, so that memories have one limit together.
3. Types are not read here: the engine validates them, and `reading` bounds what is taken from it.
4. Nothing is repaired. Whatever does not parse is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ..cursor import Cursor
from ..module_scan import (
    COMPONENT_VERSION,
    CUSTOM_BYTES,
    DATA_SEGMENTS,
    EXPORTS,
    FUNCTIONS,
    HEADER_BYTES,
    IMPORTS,
    MAGIC,
    MODULE_BYTES,
    MODULE_VERSION,
    TABLES,
    Caps,
    Found,
    read_sections,
)
from ..report import Import, ModuleRefused
from ..settings import MIB, PAGE_BYTES

NESTING: Final = 32
"""Components inside components."""
ITEMS: Final = 100_000
"""Of one section of a component that is only counted: types, aliases, canonical functions."""
INSTANCES: Final = 1_000
MEMORIES: Final = 100
MODULES: Final = 1_000
COMPONENT_CUSTOM_BYTES: Final = 4 * MIB
"""What the component says itself; names and such of all modules inside keep to `CUSTOM_BYTES`."""
PACKAGE_DOCS: Final = "package-docs"

_INNER: Final = Caps(imports=100_000, exports=100_000)
_HUGE: Final = 1 << 32
_CORE_MODULE: Final = 0x11
_SORTS: Final = {0x01: "func", 0x02: "value", 0x03: "type", 0x04: "component", 0x05: "instance"}
_INSTANTIATED, _GATHERED = 0x00, 0x01


@dataclass(slots=True)
class Tally:
    """What one instantiation makes."""

    instances: int = 0
    memories: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """The least and the most bytes of each."""
    tables: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """The least and the most elements of each."""

    def add(self, other: "Tally") -> None:
        """Count *other* in. Raises: ModuleRefused over a cap."""
        self.instances += other.instances
        _cap(self.instances, INSTANCES, "instances")
        _cap(len(self.memories) + len(other.memories), MEMORIES, "memories")
        _cap(len(self.tables) + len(other.tables), TABLES, "tables")
        self.memories += other.memories
        self.tables += other.tables


@dataclass(slots=True)
class Survey:
    """What a component says before it is compiled."""

    imports: list[Import] = field(default_factory=list[Import])
    exports: list[str] = field(default_factory=list[str])
    docs: bytes = b""
    """The content of its `package-docs` section."""
    tally: Tally = field(default_factory=Tally)
    modules: int = 0
    functions: int = 0
    types: int = 0
    data_segments: int = 0
    custom_bytes: int = 0
    """Its own."""
    inner_custom_bytes: int = 0


@dataclass(slots=True)
class _Level:
    """One component: its index spaces of modules and components, as far as it defines them itself."""

    survey: Survey
    depth: int
    modules: list[Tally | None] = field(default_factory=list[Tally | None])
    components: list[Tally | None] = field(default_factory=list[Tally | None])
    tally: Tally = field(default_factory=Tally)

    @property
    def outermost(self) -> bool:
        """Whether its imports and exports are the world's."""
        return self.depth == 0


def is_component(wasm: bytes) -> bool:
    """Whether *wasm* begins as a component does."""
    return wasm.startswith(MAGIC + COMPONENT_VERSION)


def survey(wasm: bytes) -> Survey:
    """What the component *wasm* says.

    Raises: ModuleRefused with one sentence.
    """
    _cap(len(wasm), MODULE_BYTES, "bytes")
    if not is_component(wasm):
        raise ModuleRefused("this is not a component")
    said = Survey()
    said.tally = _component(Cursor(wasm, HEADER_BYTES, len(wasm)), said, 0)
    return said


def _component(cursor: Cursor, said: Survey, depth: int) -> Tally:
    if depth > NESTING:
        raise ModuleRefused(f"the component nests components deeper than {NESTING}")
    level = _Level(survey=said, depth=depth)
    while not cursor.done:
        section = cursor.byte()
        content = cursor.part(cursor.u32())
        read = _SECTIONS.get(section)
        if read is None:
            raise ModuleRefused("the component has a section that is unknown or switched off")
        read(content, level)
    return level.tally


def _custom(content: Cursor, level: _Level) -> None:
    said, size = level.survey, content.end - content.at
    if not level.outermost:
        said.inner_custom_bytes += size
        _cap(said.inner_custom_bytes, CUSTOM_BYTES, "bytes of custom sections")
        return
    said.custom_bytes += size
    _cap(said.custom_bytes, COMPONENT_CUSTOM_BYTES, "bytes of custom sections")
    if content.name() == PACKAGE_DOCS:
        said.docs = content.rest()


def _module(content: Cursor, level: _Level) -> None:
    said = level.survey
    if content.rest(HEADER_BYTES) != MAGIC + MODULE_VERSION:
        raise ModuleRefused("the component holds a module with an unknown version")
    found = Found(caps=_INNER)
    read_sections(content, found)
    said.modules += 1
    said.functions += len(found.functions)
    said.types += len(found.types)
    said.data_segments += found.data_segments
    said.inner_custom_bytes += found.custom_bytes
    _cap(said.modules, MODULES, "core modules")
    _cap(said.functions, FUNCTIONS, "functions")
    _cap(said.data_segments, DATA_SEGMENTS, "data segments")
    _cap(said.inner_custom_bytes, CUSTOM_BYTES, "bytes of custom sections")
    level.modules.append(_made_of(found))


def _made_of(found: Found) -> Tally:
    """What one instance of a module has of its own; what it imports is another's."""
    memories = found.memories[sum(item.kind == "memory" for item in found.imports) :]
    tables = found.tables[sum(item.kind == "table" for item in found.imports) :]
    return Tally(
        instances=1,
        memories=[(least * PAGE_BYTES, min(_or_huge(most) * PAGE_BYTES, _HUGE)) for least, most in memories],
        tables=[(least, _or_huge(most)) for least, most in tables],
    )


def _core_instances(content: Cursor, level: _Level) -> None:
    for _ in range(_counted(content, "core instances")):
        match content.byte():
            case 0x00:
                _instantiate(level, level.modules, content.u32())
                for _ in range(_counted(content, "arguments")):
                    content.name()
                    content.byte()
                    content.u32()
            case 0x01:
                for _ in range(_counted(content, "exports")):
                    content.name()
                    content.byte()
                    content.u32()
            case _:
                raise ModuleRefused("the component makes an instance in a way that is unknown")


def _inner_component(content: Cursor, level: _Level) -> None:
    if content.rest(HEADER_BYTES) != MAGIC + COMPONENT_VERSION:
        raise ModuleRefused("the component holds a component with an unknown version")
    level.components.append(_component(content, level.survey, level.depth + 1))


def _instances(content: Cursor, level: _Level) -> None:
    for _ in range(_counted(content, "instances")):
        way = content.byte()
        if way == _INSTANTIATED:
            _instantiate(level, level.components, content.u32())
        elif way != _GATHERED:
            raise ModuleRefused("the component makes an instance in a way that is unknown")
        for _ in range(_counted(content, "arguments")):
            content.name() if way == _INSTANTIATED else _extern_name(content)
            _sort(content)
            content.u32()


def _instantiate(level: _Level, known: list[Tally | None], index: int) -> None:
    if index >= len(known):
        raise ModuleRefused("the component makes an instance of something that is not there")
    tally = known[index]
    if tally is None:
        raise ModuleRefused("the component makes an instance of something it was given, so that it cannot be counted")
    level.tally.add(tally)


def _aliases(content: Cursor, level: _Level) -> None:
    for _ in range(_counted(content, "aliases")):
        sort = _sort(content)
        match content.byte():
            case 0x00 | 0x01:
                content.u32()
                content.name()
            case 0x02:
                content.u32()
                content.u32()
            case _:
                raise ModuleRefused("the component has an alias that is unknown")
        _foreign(level, sort)


def _imports(content: Cursor, level: _Level) -> None:
    for _ in range(_counted(content, "imports", IMPORTS)):
        name = _extern_name(content)
        sort = _described(content)
        _foreign(level, sort)
        if level.outermost:
            kind = sort if sort in {"func", "instance"} else "other"
            level.survey.imports.append(Import(module=name, name="", kind=kind))


def _exports(content: Cursor, level: _Level) -> None:
    for _ in range(_counted(content, "exports", EXPORTS)):
        name = _extern_name(content)
        sort = _sort(content)
        content.u32()
        if content.byte():
            _described(content)
        _foreign(level, sort)  # an export has an index of its own
        if level.outermost:
            level.survey.exports.append(name)


def _foreign(level: _Level, sort: str) -> None:
    """Something that this component did not define itself has taken an index."""
    if sort == "module":
        level.modules.append(None)
    elif sort == "component":
        level.components.append(None)


def _described(content: Cursor) -> str:
    """Pass the description of an import or export; answers its sort."""
    first = content.byte()
    if first == 0x00:
        if content.byte() != _CORE_MODULE:
            raise ModuleRefused("the component imports something that is unknown")
        content.u32()
        return "module"
    sort = _SORTS.get(first)
    if sort is None:
        raise ModuleRefused("the component imports something that is unknown")
    if sort == "value":
        raise ModuleRefused("the component imports a value, which is switched off")
    if sort == "type" and content.byte() == 0x01:  # a resource: no index follows
        return sort
    content.u32()
    return sort


def _sort(content: Cursor) -> str:
    first = content.byte()
    if first == 0x00:
        return "module" if content.byte() == _CORE_MODULE else "core"
    sort = _SORTS.get(first)
    if sort is None:
        raise ModuleRefused("the component names something of an unknown sort")
    return sort


def _extern_name(content: Cursor) -> str:
    if content.byte() > 0x01:
        raise ModuleRefused("the component has a name of an unknown form")
    return content.name()


def _only_counted(content: Cursor, level: _Level) -> None:
    level.survey.types += _counted(content, "types")


def _canonical(content: Cursor, _level: _Level) -> None:
    _counted(content, "canonical functions")


def _counted(content: Cursor, what: str, most: int = ITEMS) -> int:
    number = content.u32()
    _cap(number, most, what)
    return number


def _or_huge(most: int | None) -> int:
    return _HUGE if most is None else most


def _cap(number: int, cap: int, what: str) -> None:
    if number > cap:
        raise ModuleRefused(f"the component has more than {cap} {what}")


# No start (9) and no values (12): they are switched off.
_SECTIONS: Final[dict[int, Callable[[Cursor, _Level], None]]] = {
    0: _custom,
    1: _module,
    2: _core_instances,
    3: _only_counted,
    4: _inner_component,
    5: _instances,
    6: _aliases,
    7: _only_counted,
    8: _canonical,
    10: _imports,
    11: _exports,
}
