"""One call of an Extism plugin in a fresh store: kernel, plugin, the start of its runtime, the function, its output.

1. Plugin and kernel together never hold more than the request's memory: the kernel has a quarter or what the plugin's
   start leaves, the plugin the rest, and neither can take the other's.
2. Whatever no host function of ours answers traps when it is called.
3. What is read back from the kernel is checked against its memory and the request's output limit first.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import wasmtime

from ..capture import Log, cut
from ..engine import GUEST_FAULTS, MeteredWasi, Needs, ended, not_run, shadowing, spent, ticks
from ..ffi_unsafe import BrokenAbi, Instance, Memory, Name, call, context_of, define, link, start
from ..frames import Ending, Reply, Request
from ..hostcalls import HostCalls
from ..settings import DETAIL_CHARACTERS, PAGE_BYTES, TABLE_ELEMENTS
from .host import Kernel, PluginHost
from .interface import ENV, HOST, KERNEL, STARTERS, USER, Style, callables, is_notice, style_of
from .kernel import TEXT
from .link_unsafe import define_words
from .speech import ERROR, RAW, TOOL_RESULT, Unspeakable, description_asked, spoken

_KERNEL_SHARE: Final = 4
_ERROR_BYTES: Final = 4096
_ENV, _USER, _MEMORY = Name(ENV), Name(USER), Name("memory")
_BOUND, _ALLOC, _INPUT_SET = Name("bound"), Name("alloc"), Name("input_set")
_OUTPUT, _OUTPUT_LENGTH, _ERROR = Name("output_offset"), Name("output_length"), Name("error_get")
_HASKELL, _CONSTRUCTORS, _REACTOR = STARTERS


@dataclass(slots=True)
class _Call:
    """What is known of a call so far."""

    kernel: Kernel | None = None
    counter: Instance | None = None
    memory: Memory | None = None
    began: bool = False
    """Whether the plugin exists."""
    log: Log = field(default_factory=Log)

    @property
    def memory_bytes(self) -> int:
        own = self.memory.size() if self.memory is not None else 0
        return own + (self.kernel.memory.size() if self.kernel is not None else 0)


class ExtismPlugin:
    """A loaded plugin. A request's name is the function; without a name it is asked what it offers."""

    def __init__(self, running: wasmtime.Engine, module: wasmtime.Module, needs: Needs, host: HostCalls) -> None:
        self._engine = running
        self._module = module
        self._needs = needs
        self._tables = max(needs.tables, 1)
        types = {export.name or "": export.type for export in module.exports}
        found = {name: written for name, kind in types.items() if (written := _written(kind)) is not None}
        self._functions = frozenset(callables(found.items()))
        self._results = {name: len(written.partition(" -> ")[2].split()) for name, written in found.items()}
        self._style = style_of(self._functions)
        self._starters = _starters(found)
        self._has_memory = isinstance(types.get("memory"), wasmtime.MemoryType)
        self._from_kernel = [
            Name(item.name or "") for item in module.imports if item.module == ENV and item.name in KERNEL
        ]
        self._kernel = wasmtime.Linker(running).instantiate_pre(wasmtime.Module(running, TEXT))
        self._wasi = MeteredWasi(running, needs) if needs.wasi else None
        self._host = PluginHost(host)
        self._linker = shadowing(running)
        self._linker.define_unknown_imports_as_traps(module)
        self._kept = [
            define_words(self._linker, _ENV, Name(name), HOST[name], answer)
            for name, answer in self._host.functions().items()
        ]
        self._kept += [
            define_words(self._linker, _USER, Name(name), (("i64",) * count, ()), _unread)
            for name, count in _notices(module)
        ]

    def run(self, request: Request) -> Reply:
        """One call. Never raises for what a plugin does."""
        try:
            export, data = self._spoken(request)
        except Unspeakable as error:
            return _said(Ending.RETURNED, ERROR + cut(str(error).encode(), request.output_bytes - 1))
        plugin_bytes, kernel_bytes = shares(request.memory_bytes, self._needs.memory_bytes)
        if not plugin_bytes:
            return not_run(Ending.MEMORY)
        if self._needs.table_elements > TABLE_ELEMENTS // self._tables:
            return not_run(Ending.TABLE)
        store = self._store(request, plugin_bytes)
        told = _Call()
        try:
            return self._reply(request, store, told, self._ran(store, told, export, data, kernel_bytes, request))
        finally:
            self._host.end()
            if self._wasi is not None:
                self._wasi.close()
            store.close()

    def _spoken(self, request: Request) -> tuple[str, bytes]:
        if request.name or self._style is Style.PLAIN:
            export, data = spoken(self._style, request.name, request.arguments)
        else:
            export, data = description_asked(self._style)
        if self._style is Style.PLAIN and len(self._functions) == 1:
            (export,) = self._functions
        if export not in self._functions:
            raise Unspeakable("the plugin has no function of that name")
        return export, data

    def _store(self, request: Request, plugin_bytes: int) -> wasmtime.Store:
        store = wasmtime.Store(self._engine)
        store.set_limits(
            memory_size=plugin_bytes,
            table_elements=TABLE_ELEMENTS // self._tables,
            instances=4,
            tables=self._needs.tables + 1,
            memories=2,
        )
        store.set_fuel(request.fuel)
        store.set_epoch_deadline(ticks(request.wall_ms))
        return store

    def _ran(
        self, store: wasmtime.Store, told: _Call, export: str, data: bytes, kernel_bytes: int, request: Request
    ) -> tuple[Ending, int, bytes, bytes]:
        """The ending, exit code, output and detail of the call."""
        context = context_of(store)
        try:
            plugin = self._begun(store, context, told, data, kernel_bytes, request)
            code = call(context, plugin.function(Name(export)), (), self._results[export])
        except GUEST_FAULTS as error:
            ending, code, detail = ended(error, Ending.TRAPPED if told.began else Ending.UNLINKED)
            if ending is not Ending.EXITED:
                return self._why(told, ending), 0, b"", self._detail(detail)
        except Unspeakable:
            return Ending.MEMORY, 0, b"", b""
        try:
            return self._answer(context, told, code, request.output_bytes)
        except GUEST_FAULTS as error:
            ending, _code, detail = ended(error, Ending.BROKE_ABI)
            return ending, 0, b"", detail

    def _begun(
        self, store: wasmtime.Store, context: Any, told: _Call, data: bytes, kernel_bytes: int, request: Request
    ) -> Instance:
        instance = start(self._kernel, context)
        kernel = told.kernel = Kernel(instance)
        kernel.call(context, _BOUND, (kernel_bytes,), 0)
        if data:
            at = kernel.call(context, _ALLOC, (len(data),), 1)
            if not at:
                raise Unspeakable
            kernel.memory.write(at, data)
            kernel.call(context, _INPUT_SET, (at, len(data)), 0)
        for name in self._from_kernel:
            define(self._linker, context, _ENV, name, instance.export(name))
        self._host.begin(kernel, told.log)
        if self._wasi is not None:
            config = wasmtime.WasiConfig()
            config.argv = [request.name or "plugin"]
            store.set_wasi(config)
            self._wasi.open(told.log, told.log)
            told.counter = self._wasi.offer(context, self._linker)
        plugin = link(self._linker, context, self._module)
        told.began = True
        if self._has_memory:
            told.memory = plugin.memory(_MEMORY)
        if self._wasi is not None and told.counter is not None and told.memory is not None:
            self._wasi.attach(context, told.counter, told.memory)
        for starter, arguments in self._starters:
            call(context, plugin.function(Name(starter)), arguments, self._results[starter])
        return plugin

    def _answer(self, context: Any, told: _Call, code: int, limit: int) -> tuple[Ending, int, bytes, bytes]:
        kernel = told.kernel
        if kernel is None:
            raise BrokenAbi("there is no kernel")
        at = kernel.call(context, _ERROR, (), 1)
        error = kernel.take(context, at)
        if code or error:
            return Ending.RETURNED, code or -1, ERROR + cut(error, min(_ERROR_BYTES, limit - 1)), b""
        where = kernel.call(context, _OUTPUT, (), 1)
        length = kernel.call(context, _OUTPUT_LENGTH, (), 1)
        if length >= limit:
            return Ending.OUTPUT, 0, b"", b""
        kind = RAW if self._style is Style.PLAIN else TOOL_RESULT
        return Ending.RETURNED, 0, kind + kernel.memory.read(where, length) if length else kind, b""

    def _why(self, told: _Call, ending: Ending) -> Ending:
        """The limit behind a trap, where there is one."""
        if ending is not Ending.TRAPPED:
            return ending
        if told.counter is not None and spent(told.counter):
            return Ending.WASI_CALLS
        if told.kernel is not None and told.kernel.short:
            return Ending.MEMORY
        return ending

    def _detail(self, detail: bytes) -> bytes:
        stopped = self._host.stopped
        return cut(stopped.encode("utf-8", errors="replace"), DETAIL_CHARACTERS) if stopped else detail

    def _reply(
        self, request: Request, store: wasmtime.Store, told: _Call, said: tuple[Ending, int, bytes, bytes]
    ) -> Reply:
        ending, code, output, detail = said
        return Reply(
            ending=ending,
            exit_code=code,
            fuel=request.fuel - store.get_fuel(),
            memory_bytes=told.memory_bytes,
            cpu_us=0,
            output=output,
            log=told.log.taken(),
            detail=detail,
        )


def shares(total: int, declared: int) -> tuple[int, int]:
    """Of *total* bytes the plugin's, which starts with *declared*, and the kernel's, in whole pages; zeros if it fails.

    The kernel holds a call's input, output and what passes between; the plugin holds everything else.
    """
    kernel = min(total // _KERNEL_SHARE, total - declared) // PAGE_BYTES * PAGE_BYTES
    if kernel < PAGE_BYTES:
        return 0, 0
    return total - kernel, kernel


def _notices(module: wasmtime.Module) -> list[tuple[str, int]]:
    """The notices among a plugin's imports, and how many words each takes."""
    found = [(item.name or "", _written(item.type)) for item in module.imports if item.module == USER]
    return [(name, len(written.split()) - 1) for name, written in found if written and is_notice(name, written)]


def _unread(*_words: Any) -> None:
    """A notice is sent, and nobody reads it."""


def _written(kind: object) -> str | None:
    if not isinstance(kind, wasmtime.FuncType):
        return None
    return f"{' '.join(map(str, kind.params))} -> {' '.join(map(str, kind.results))}"


def _starters(found: dict[str, str]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """What is called before a function, with its arguments: as Extism does it."""
    if _HASKELL in found and found[_HASKELL].startswith("i32 i32 -> "):
        reactor = ((_REACTOR, ()),) if found.get(_REACTOR) == " -> " else ()
        return (*reactor, (_HASKELL, (0, 0)))
    for name in (_CONSTRUCTORS, _REACTOR):
        if name in found:
            return ((name, ()),) if found[name] == " -> " else ()
    return ()


def _said(ending: Ending, output: bytes) -> Reply:
    return Reply(ending=ending, exit_code=-1, fuel=0, memory_bytes=0, cpu_us=0, output=output, log=b"", detail=b"")
