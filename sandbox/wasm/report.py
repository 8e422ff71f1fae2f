"""What a module declares, as values and as JSON between processes. It parses no WebAssembly."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from .abi import WASI_MODULE


class ModuleRefused(Exception):
    """A module is not taken. The message is one sentence; text of the module's in it is cleaned and cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One thing a module asks for. Both names are text of the module's."""

    module: str
    name: str
    kind: str
    """`func`, `table`, `memory` or `global`; of a component, whose imports have one name: `instance` or `other`."""
    type: str = ""
    """Of a function: `i32 i64 -> i32`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One thing a module offers. The name is text of the module's."""

    name: str
    kind: str
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One function that a module offers as a tool, where its calling convention describes them. All text is its own."""

    name: str
    """What `Wasm.function` says to choose it: unique in its module."""
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleReport:
    """What a scan found in a module, before anything was compiled."""

    size: int
    abi: str
    imports: tuple[Import, ...]
    exports: tuple[Export, ...]
    types: int
    functions: int
    """Imported and own."""
    memory_bytes: int
    """What its memory starts with."""
    memory_limit_bytes: int | None
    """What it says itself that its memory never exceeds."""
    tables: int
    table_elements: int
    """The most elements any table starts with."""
    data_segments: int
    custom_bytes: int
    notes: tuple[str, ...] = ()
    """What whoever registers it should know."""
    capabilities: tuple[str, ...] = ()
    """The host functions of ours it imports, by the names that host calls have: `http`, `workspace-read`."""
    offers: tuple[Offer, ...] = ()
    """What it describes itself; empty where the manifest alone says what the tool is."""
    component: bool = False
    """Whether it is a component: a program of WASI preview 2 is one and follows `wasi-command`, as a module can."""
    instances: int = 1
    """Core instances that one call makes: one, but for components."""
    memories: tuple[int, ...] = ()
    """The most bytes each memory of a component's instances says that it can have."""
    table_limits: tuple[int, ...] = ()
    """The most elements each table of a component's instances says that it can have."""

    @property
    def wasi(self) -> tuple[str, ...]:
        """The WASI functions it imports."""
        return tuple(sorted({item.name for item in self.imports if item.module == WASI_MODULE}))


def write_report(report: ModuleReport) -> bytes:
    """*report* as JSON."""
    return json.dumps(asdict(report), separators=(",", ":")).encode("ascii")


def read_report(data: bytes) -> ModuleReport:
    """The report that `write_report` wrote. Raises: ValueError, KeyError, TypeError for anything else."""
    fields: dict[str, Any] = json.loads(data)
    imports = tuple(Import(**item) for item in fields.pop("imports"))
    exports = tuple(Export(**item) for item in fields.pop("exports"))
    offers = tuple(Offer(**item) for item in fields.pop("offers"))
    for name in ("notes", "capabilities", "memories", "table_limits"):
        fields[name] = tuple(fields[name])
    return ModuleReport(imports=imports, exports=exports, offers=offers, **fields)


def shown(text: str, limit: int = 60) -> str:
    """*text* of a module's, fit for a message: printable ASCII, at most *limit* characters."""
    clean = "".join(char if " " <= char <= "~" and char != "`" else "?" for char in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."
