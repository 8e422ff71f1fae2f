"""Tells from a module's imports and exports which calling convention it follows. It refuses what would not link."""

from .abi import ASK, ASKING, CORE_JSON, EXTISM, UNSUPPORTED, WASI_COMMAND, WASI_MODULE
from .extism.interface import ENV, USER
from .extism.scanning import check_plugin, is_plugin
from .preview1 import CLOCK, RANDOM, SIGNATURES
from .report import Export, Import, ModuleRefused, shown


def detect_abi(imports: tuple[Import, ...], exports: tuple[Export, ...]) -> str:
    """`extism`, `wasi-command`, `core-json`, or `asking`, which no manifest can say.

    Raises: ModuleRefused for every other convention and for imports that nothing will answer.
    """
    offered = {export.name: export for export in exports}
    if is_plugin(imports):
        check_plugin(imports, exports)
        if any(item.module == WASI_MODULE for item in imports):
            _require(offered, "memory", "memory", "")
        _check_wasi(tuple(item for item in imports if item.module not in {ENV, USER}))
        return EXTISM
    if "_start" in offered:
        _require(offered, "_start", "func", " -> ")
        _require(offered, "memory", "memory", "")
        _check_wasi(imports)
        return WASI_COMMAND
    if "run" in offered and "alloc" in offered:
        _require(offered, "alloc", "func", "i32 -> i32")
        _require(offered, "run", "func", "i32 i32 -> i64")
        _require(offered, "memory", "memory", "")
        if [(item.module, item.name, item.type) for item in imports] == [ASK]:
            return ASKING
        if imports:
            item = imports[0]
            raise ModuleRefused(
                f"a core-json tool imports nothing, this one imports `{shown(item.module)}.{shown(item.name)}`"
            )
        return CORE_JSON
    raise ModuleRefused(f"the module exports neither `_start` nor `alloc` and `run`: {UNSUPPORTED}")


def notes(abi: str, imports: tuple[Import, ...]) -> tuple[str, ...]:
    """What whoever registers the module should know of its WASI imports."""
    names = {item.name for item in imports if item.module == WASI_MODULE}
    if abi != WASI_COMMAND and not names:
        return ()
    said = ["imports WASI, which is empty for it: no files, environment, arguments or sockets"]
    if names & CLOCK:
        said.append(f"asks for the clock: {', '.join(sorted(names & CLOCK))}")
    if names & RANDOM:
        said.append(f"asks for randomness: {', '.join(sorted(names & RANDOM))}")
    return tuple(said)


def _check_wasi(imports: tuple[Import, ...]) -> None:
    for item in imports:
        signature = SIGNATURES.get(item.name) if item.module == WASI_MODULE else None
        if signature is None or item.kind != "func":
            raise ModuleRefused(f"nothing answers the import `{shown(item.module)}.{shown(item.name)}`")
        parameters, results = signature
        if item.type != f"{' '.join(parameters)} -> {' '.join(results)}":
            raise ModuleRefused(f"the import `{shown(item.name)}` has another type than WASI gives it")


def _require(offered: dict[str, Export], name: str, kind: str, written: str) -> None:
    export = offered.get(name)
    if export is None or export.kind != kind or export.type != written:
        wanted = f"{kind} {written}".strip() if written.strip(" ->") else kind
        raise ModuleRefused(f"the module does not export `{name}` as {wanted}")
