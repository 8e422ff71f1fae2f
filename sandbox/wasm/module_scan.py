"""Reads a WebAssembly module's sections before anything compiles it, and refuses what is too large or switched off.

1. Magic number first: the engine would also take text, we never do.
2. Caps before contents: a count over its cap is refused before anything is read because of it.
3. Bodies of functions are passed over, except where blocks could nest too deep: those are read.
4. Nothing is repaired. Whatever does not parse is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from .abi import EXTISM
from .cursor import Cursor
from .detection import detect_abi, notes
from .extism.scanning import plugin_capabilities, plugin_notes, plugin_offers
from .nesting import check, may_exceed
from .report import Export, Import, ModuleRefused, ModuleReport
from .settings import MIB, PAGE_BYTES

MODULE_BYTES: Final = 64 * MIB
FUNCTIONS: Final = 100_000
TYPES: Final = 10_000
IMPORTS: Final = 1_000
EXPORTS: Final = 1_000
DATA_SEGMENTS: Final = 100_000
"""A program of standard Go has 30 000, CPython for WASI 12 000."""
ELEMENT_SEGMENTS: Final = 10_000
GLOBALS: Final = 100_000
TABLES: Final = 100
CUSTOM_BYTES: Final = 16 * MIB
"""Names and debugging information: a Rust program that nobody stripped has 5 MiB. Nothing of it is read here."""
NESTING: Final = 4_000
"""What Haskell makes is between 1 000 and 2 000 deep. Compiling takes time by its square: 1 s for 4 000."""
VALUES: Final = 1_000
"""Parameters, or results, of one function type: WebAssembly's own limit."""

MAGIC: Final = b"\0asm"
MODULE_VERSION: Final = b"\x01\0\0\0"
COMPONENT_VERSION: Final = b"\x0d\0\x01\0"
HEADER_BYTES: Final = 8
_CUSTOM: Final = 0
_KINDS: Final = ("func", "table", "memory", "global")
_VALUES: Final = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128", 0x70: "funcref", 0x6F: "externref"}
_REFERENCES: Final = (0x70, 0x6F)
_FUNCTION_FORM: Final = 0x60


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What differs between a module on its own and one inside a component, whose parts are linked by name."""

    imports: int = IMPORTS
    exports: int = EXPORTS


@dataclass(slots=True)
class Found:
    """What the sections of one module said so far."""

    caps: Caps = Caps()
    types: list[str] = field(default_factory=list[str])
    functions: list[int] = field(default_factory=list[int])
    """The type of each function, imported ones first."""
    imports: list[Import] = field(default_factory=list[Import])
    exports: list[Export] = field(default_factory=list[Export])
    tables: list[tuple[int, int | None]] = field(default_factory=list[tuple[int, int | None]])
    """The least and the most elements of each table, imported ones first; the same of `memories`, in pages."""
    memories: list[tuple[int, int | None]] = field(default_factory=list[tuple[int, int | None]])
    own_functions: int = 0
    bodies: int = 0
    data_segments: int = 0
    custom_bytes: int = 0


def scan(wasm: bytes) -> ModuleReport:
    """What *wasm* declares.

    Raises: ModuleRefused with one sentence.
    """
    _check_header(wasm)
    found = Found()
    read_sections(Cursor(wasm, HEADER_BYTES, len(wasm)), found)
    return _report(wasm, found)


def read_sections(cursor: Cursor, found: Found) -> None:
    """Read the sections of one core module into *found*. Raises: ModuleRefused."""
    last = 0
    while not cursor.done:
        section = cursor.byte()
        content = cursor.part(cursor.u32())
        if section == _CUSTOM:
            found.custom_bytes += content.end - content.at
            _cap(found.custom_bytes, CUSTOM_BYTES, "bytes of custom sections")
            continue
        reader = _SECTIONS.get(section)
        if reader is None:
            raise ModuleRefused("the module has a section that is unknown or switched off")
        rank, read = reader
        if rank <= last:
            raise ModuleRefused("the module's sections are out of order")
        last = rank
        read(content, found)
    if found.bodies != found.own_functions:
        raise ModuleRefused("the module declares functions without bodies, or bodies without declarations")


def _check_header(wasm: bytes) -> None:
    _cap(len(wasm), MODULE_BYTES, "bytes")
    if not wasm.startswith(MAGIC):
        raise ModuleRefused("this is not a WebAssembly binary: text must be assembled first")
    version = wasm[len(MAGIC) : HEADER_BYTES]
    if version == COMPONENT_VERSION:
        raise ModuleRefused("this is a component, not a core module")
    if version != MODULE_VERSION:
        raise ModuleRefused("the module has an unknown version")


def _report(wasm: bytes, found: Found) -> ModuleReport:
    minimum, maximum = found.memories[0] if found.memories else (0, None)
    imports, exports = tuple(found.imports), tuple(found.exports)
    abi = detect_abi(imports, exports)
    return ModuleReport(
        size=len(wasm),
        abi=abi,
        imports=imports,
        exports=exports,
        types=len(found.types),
        functions=len(found.functions),
        memory_bytes=minimum * PAGE_BYTES,
        memory_limit_bytes=None if maximum is None else maximum * PAGE_BYTES,
        tables=len(found.tables),
        table_elements=max((least for least, _most in found.tables), default=0),
        data_segments=found.data_segments,
        custom_bytes=found.custom_bytes,
        notes=(*_plugin_notes(abi, imports, exports), *notes(abi, imports)),
        capabilities=plugin_capabilities(imports) if abi == EXTISM else (),
        offers=plugin_offers(exports) if abi == EXTISM else (),
    )


def _plugin_notes(abi: str, imports: tuple[Import, ...], exports: tuple[Export, ...]) -> tuple[str, ...]:
    return plugin_notes(imports, exports) if abi == EXTISM else ()


def _types(section: Cursor, found: Found) -> None:
    for _ in range(_count(section, TYPES, "types")):
        if section.byte() != _FUNCTION_FORM:
            raise ModuleRefused("the module has a type that is switched off")
        given = _values(section)
        found.types.append(f"{given} -> {_values(section)}")


def _values(section: Cursor) -> str:
    return " ".join(_value(section) for _ in range(_count(section, VALUES, "values in one type")))


def _value(section: Cursor) -> str:
    name = _VALUES.get(section.byte())
    if name is None:
        raise ModuleRefused("the module uses a type of value that is switched off")
    return name


def _imports(section: Cursor, found: Found) -> None:
    for _ in range(_count(section, found.caps.imports, "imports")):
        module, name, kind = section.name(), section.name(), section.byte()
        written = ""
        match kind:
            case 0:
                written = _declare_function(section, found)
            case 1:
                _table(section, found)
            case 2:
                _memory(section, found)
            case 3:
                _value(section)
                section.byte()
            case _:
                raise ModuleRefused("the module imports something that is switched off")
        found.imports.append(Import(module=module, name=name, kind=_KINDS[kind], type=written))


def _declare_function(section: Cursor, found: Found) -> str:
    index = section.u32()
    if index >= len(found.types):
        raise ModuleRefused("a function has a type that is not there")
    found.functions.append(index)
    return found.types[index]


def _functions(section: Cursor, found: Found) -> None:
    found.own_functions = _count(section, FUNCTIONS, "functions")
    for _ in range(found.own_functions):
        _declare_function(section, found)


def _tables(section: Cursor, found: Found) -> None:
    for _ in range(_count(section, TABLES, "tables")):
        _table(section, found)


def _table(section: Cursor, found: Found) -> None:
    if section.byte() not in _REFERENCES:
        raise ModuleRefused("the module has a table that is switched off")
    found.tables.append(_limits(section))


def _memories(section: Cursor, found: Found) -> None:
    for _ in range(_count(section, 1, "memories")):
        _memory(section, found)


def _memory(section: Cursor, found: Found) -> None:
    found.memories.append(_limits(section))
    _cap(len(found.memories), 1, "memories")


def _limits(section: Cursor) -> tuple[int, int | None]:
    match section.byte():
        case 0:
            return section.u32(), None
        case 1:
            return section.u32(), section.u32()
        case _:  # shared, 64-bit, custom pages
            raise ModuleRefused("the module has a memory or table that is shared, 64-bit or of odd pages")


def _globals(section: Cursor, _found: Found) -> None:
    _count(section, GLOBALS, "globals")


def _exports(section: Cursor, found: Found) -> None:
    seen: set[str] = set()
    for _ in range(_count(section, found.caps.exports, "exports")):
        name, kind, index = section.name(), section.byte(), section.u32()
        if kind >= len(_KINDS):
            raise ModuleRefused("the module exports something that is switched off")
        if name in seen:
            raise ModuleRefused("the module exports one name twice")
        seen.add(name)
        written = ""
        if _KINDS[kind] == "func":
            if index >= len(found.functions):
                raise ModuleRefused("the module exports a function that is not there")
            written = found.types[found.functions[index]]
        found.exports.append(Export(name=name, kind=_KINDS[kind], type=written))


def _start(section: Cursor, _found: Found) -> None:
    section.u32()


def _elements(section: Cursor, _found: Found) -> None:
    _count(section, ELEMENT_SEGMENTS, "element segments")


def _data_count(section: Cursor, _found: Found) -> None:
    _cap(section.u32(), DATA_SEGMENTS, "data segments")


def _code(section: Cursor, found: Found) -> None:
    found.bodies = _count(section, FUNCTIONS, "function bodies")
    for _ in range(found.bodies):
        body = section.part(section.u32())
        if may_exceed(body, NESTING):
            check(body, NESTING)


def _data(section: Cursor, found: Found) -> None:
    found.data_segments = _count(section, DATA_SEGMENTS, "data segments")


def _count(section: Cursor, cap: int, what: str) -> int:
    number = section.u32()
    _cap(number, cap, what)
    return number


def _cap(number: int, cap: int, what: str) -> None:
    if number > cap:
        raise ModuleRefused(f"the module has more than {cap} {what}")


_Read = Callable[[Cursor, Found], None]
# Section id: its place in the specification's order, and what reads it. No tags (13): they are switched off.
_SECTIONS: Final[dict[int, tuple[int, _Read]]] = {
    1: (1, _types),
    2: (2, _imports),
    3: (3, _functions),
    4: (4, _tables),
    5: (5, _memories),
    6: (6, _globals),
    7: (7, _exports),
    8: (8, _start),
    9: (9, _elements),
    12: (10, _data_count),
    10: (11, _code),
    11: (12, _data),
}
