"""The only place that drives wasmtime: one configuration, compiling, loading, and one call in a fresh store.

1. Every store has fuel, an epoch deadline and limits on memory, tables and instances before it meets a guest.
2. Store and instances are made for one call and dropped after it: nothing of a guest outlives its call.
3. A guest gets WASI with nothing in it, through a meter of ours, or no import at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import wasmtime

from .abi import WASI_MODULE
from .capture import Log, Output, cut
from .ffi_unsafe import BrokenAbi, Instance, Memory, Name, call, context_of, define, define_host, link, set_stdin, start
from .frames import Ending, Reply, Request
from .preview1 import CLOCK, RANDOM, meter
from .settings import DETAIL_CHARACTERS, ENGINE, PAGE_BYTES, TABLE_ELEMENTS, TICK_MS
from .stdio import Stdio

# A guest of ours, not a tool's: a first WASI call starts the threads that WASI keeps, a first write their Python side.
_WARM: Final = f"""(module
  (import "{WASI_MODULE}" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "{WASI_MODULE}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 1000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 256)))
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 1))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))))"""

_LAST_WORDS: Final = 1500
"""Bytes of the log that go with a trap."""
_WARM_FUEL: Final = 1_000_000
_WARM_TICKS: Final = 1_000_000
_MEMORY, _START, _ALLOC, _RUN = Name("memory"), Name("_start"), Name("alloc"), Name("run")
_FD_WRITE = Name("fd_write")
_CALLS, _LEFT, _WASI, _TOOL, _METER = Name("calls"), Name("left"), Name(WASI_MODULE), Name("tool"), Name("meter")
_LIMIT_ENDINGS: Final = {
    wasmtime.TrapCode.OUT_OF_FUEL: Ending.FUEL,
    wasmtime.TrapCode.INTERRUPT: Ending.EPOCH,
    wasmtime.TrapCode.STACK_OVERFLOW: Ending.STACK,
}


Engine: TypeAlias = wasmtime.Engine
Module: TypeAlias = wasmtime.Module


class ModuleRejected(Exception):
    """Wasmtime does not take the module. The message is wasmtime's and may hold text of the module's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the scan found that a module declares, and what its manifest grants."""

    wasi: tuple[str, ...]
    clock: bool
    random: bool
    tables: int
    table_elements: int
    """The most elements any of its tables starts with."""
    memory_bytes: int
    """What its memory starts with."""


def engine() -> wasmtime.Engine:
    """The one configuration, for compiling and for running."""
    config = wasmtime.Config()
    for name, value in ENGINE:
        setattr(config, name, value)
    return wasmtime.Engine(config)


def compile_module(running: wasmtime.Engine, wasm: bytes) -> bytes:
    """Compile *wasm*, which starts with the binary magic, to an artifact for `load`. Raises: ModuleRejected."""
    try:
        return bytes(wasmtime.Module(running, wasm).serialize())
    except wasmtime.WasmtimeError as error:
        raise ModuleRejected(str(error)) from None


def assemble(text: str) -> bytes:
    """The binary form of *text*, a module in WebAssembly's text format. Raises: ModuleRejected."""
    try:
        return bytes(wasmtime.wat2wasm(text))
    except (wasmtime.WasmtimeError, UnicodeError) as error:
        raise ModuleRejected(str(error)) from None


def load(running: wasmtime.Engine, descriptor: int) -> wasmtime.Module:
    """The artifact in *descriptor*, whose bytes the parent has checked and sealed. Raises: ModuleRejected."""
    try:
        return wasmtime.Module.deserialize_file(running, f"/proc/self/fd/{descriptor}")
    except wasmtime.WasmtimeError as error:
        raise ModuleRejected(str(error)) from None


class Guest:
    """A loaded tool, ready to be called any number of times."""

    def __init__(self, running: wasmtime.Engine, module: wasmtime.Module, needs: Needs) -> None:
        self._engine = running
        self._module = module
        self._needs = needs
        self._tables = max(needs.tables, 1)

    def _store(self, request: Request, *, instances: int, own_tables: int) -> wasmtime.Store:
        store = wasmtime.Store(self._engine)
        store.set_limits(
            memory_size=request.memory_bytes,
            table_elements=TABLE_ELEMENTS // self._tables,
            instances=instances,
            tables=self._needs.tables + own_tables,
            memories=1,
        )
        store.set_fuel(request.fuel)
        store.set_epoch_deadline(ticks(request.wall_ms))
        return store

    def _too_large(self, request: Request) -> Ending | None:
        if self._needs.memory_bytes > request.memory_bytes:
            return Ending.MEMORY
        if self._needs.table_elements > TABLE_ELEMENTS // self._tables:
            return Ending.TABLE
        return None


class CoreJson(Guest):
    """A tool that exports `alloc` and `run`, and imports nothing."""

    def __init__(self, running: wasmtime.Engine, module: wasmtime.Module, needs: Needs) -> None:
        super().__init__(running, module, needs)
        self._before = wasmtime.Linker(running).instantiate_pre(module)

    def run(self, request: Request) -> Reply:
        """One call. Never raises for what a guest does."""
        refused = self._too_large(request)
        if refused is not None:
            return not_run(refused)
        store = self._store(request, instances=1, own_tables=0)
        try:
            return self._call(request, store)
        finally:
            store.close()

    def _call(self, request: Request, store: wasmtime.Store) -> Reply:
        context = context_of(store)
        memory = None
        try:
            guest = start(self._before, context)
            memory = guest.memory(_MEMORY)
            length = len(request.arguments)
            at = call(context, guest.function(_ALLOC), (length,), 1) & 0xFFFF_FFFF
            memory.write(at, request.arguments)
            packed = call(context, guest.function(_RUN), (at, length), 1)
            ending, output = _answer(memory, packed, request.output_bytes)
            detail = b""
        except GUEST_FAULTS as error:
            ending, _code, detail = ended(error, Ending.UNLINKED if memory is None else Ending.TRAPPED)
            output = b""
        return Reply(
            ending=ending,
            exit_code=0,
            fuel=request.fuel - store.get_fuel(),
            memory_bytes=memory.size() if memory is not None else 0,
            cpu_us=0,
            output=output,
            log=b"",
            detail=detail,
        )


class MeteredWasi:
    """WASI preview 1 with nothing in it, for one module: counted, in part withheld, writing into buffers of ours.

    For each call: `open`, `offer` before the tool is instantiated, `attach` after it, `close`.
    """

    def __init__(self, running: wasmtime.Engine, needs: Needs) -> None:
        withheld = frozenset[str]()
        withheld |= frozenset() if needs.clock else CLOCK
        withheld |= frozenset() if needs.random else RANDOM
        meter_text, relay_text = meter(needs.wasi, withheld)
        self._meter = wasmtime.Linker(running).instantiate_pre(wasmtime.Module(running, meter_text))
        self._relay = wasmtime.Module(running, relay_text)
        self._to_relay = shadowing(running)
        self._to_relay.define_wasi()
        self._stdio = Stdio()
        self._fd_write = define_host(self._to_relay, _WASI, _FD_WRITE, self._stdio.write)

    def open(self, output: Output | Log, log: Log) -> None:
        """A call begins that writes to *output* and *log*."""
        self._stdio.open(output, log)

    def offer(self, context: Any, linker: wasmtime.Linker) -> Instance:
        """Define WASI in *linker*; answers the meter. Raises: Trap, WasmtimeError."""
        counter = start(self._meter, context)
        counter.define_in(linker, _WASI)
        return counter

    def attach(self, context: Any, counter: Instance, memory: Memory) -> None:
        """The tool exists, with *memory*: from now on its WASI calls get through. Raises: Trap, WasmtimeError."""
        self._stdio.attach(memory)
        define(self._to_relay, context, _TOOL, _MEMORY, memory.item)
        define(self._to_relay, context, _METER, _CALLS, counter.export(_CALLS))
        link(self._to_relay, context, self._relay)

    def close(self) -> None:
        """The call is over."""
        self._stdio.close()


def spent(counter: Instance) -> bool:
    """Whether a call has used up its WASI calls."""
    return counter.global_i32(_LEFT) == 0


class WasiCommand(Guest):
    """A tool that exports `_start` and imports WASI preview 1, which is empty for it."""

    def __init__(self, running: wasmtime.Engine, module: wasmtime.Module, needs: Needs) -> None:
        super().__init__(running, module, needs)
        self._wasi = MeteredWasi(running, needs)
        self._to_tool = shadowing(running)

    def run(self, request: Request) -> Reply:
        """One call. Never raises for what a guest does."""
        refused = self._too_large(request)
        if refused is not None:
            return not_run(refused)
        output, log = Output(limit=request.output_bytes), Log()
        store = self._store(request, instances=3, own_tables=1)
        try:
            store.set_wasi(_empty_wasi(request))
            self._wasi.open(output, log)
            return self._call(request, store, output, log)
        finally:
            self._wasi.close()
            store.close()

    def _call(self, request: Request, store: wasmtime.Store, output: Output, log: Log) -> Reply:
        context = context_of(store)
        memory, counter = None, None
        try:
            counter = self._wasi.offer(context, self._to_tool)
            tool = link(self._to_tool, context, self._module)
            memory = tool.memory(_MEMORY)
            self._wasi.attach(context, counter, memory)
            call(context, tool.function(_START), (), 0)
            ending, code, detail = Ending.RETURNED, 0, b""
        except GUEST_FAULTS as error:
            ending, code, detail = ended(error, Ending.UNLINKED if memory is None else Ending.TRAPPED)
        if ending is Ending.TRAPPED and counter is not None and spent(counter):
            ending, detail = Ending.WASI_CALLS, b""
        said = log.taken()
        if ending is Ending.TRAPPED:
            detail = last_words(detail, said)
        return Reply(
            ending=Ending.OUTPUT if output.over else ending,
            exit_code=code,
            fuel=request.fuel - store.get_fuel(),
            memory_bytes=memory.size() if memory is not None else 0,
            cpu_us=0,
            output=output.taken(),
            log=said,
            detail=detail,
        )


GUEST_FAULTS: Final = (wasmtime.Trap, wasmtime.WasmtimeError, BrokenAbi)
"""What calling a guest may raise; `ended` says what it means."""


def warm(running: wasmtime.Engine, heard: Callable[[bytes], int] = len) -> None:
    """Run a guest of ours, so that every thread WASI will ever use exists; *heard* gets what it writes, on one of them.

    Raises: Trap, WasmtimeError.
    """
    linker = wasmtime.Linker(running)
    linker.define_wasi()
    config = wasmtime.WasiConfig()
    config.stdout_custom = heard
    config.stderr_custom = heard
    store = wasmtime.Store(running)
    try:
        store.set_limits(memory_size=PAGE_BYTES, memories=1, tables=0, instances=1)
        store.set_fuel(_WARM_FUEL)
        store.set_epoch_deadline(_WARM_TICKS)  # nothing ticks yet
        store.set_wasi(config)
        context = context_of(store)
        call(context, link(linker, context, wasmtime.Module(running, _WARM)).function(_START), (), 0)
    finally:
        store.close()


def ticks(wall_ms: int) -> int:
    """Epochs until a guest is stopped. The first tick may come at once, so it ends up to 10 ms before *wall_ms*."""
    return max(1, wall_ms // TICK_MS)


def _answer(memory: Memory, packed: int, limit: int) -> tuple[Ending, bytes]:
    where, size = packed >> 32 & 0xFFFF_FFFF, packed & 0xFFFF_FFFF
    if size > limit:
        return Ending.OUTPUT, b""
    return Ending.RETURNED, memory.read(where, size)


def shadowing(running: wasmtime.Engine) -> wasmtime.Linker:
    """A linker in which what is defined for a call replaces what was for the one before."""
    linker = wasmtime.Linker(running)
    linker.allow_shadowing = True
    return linker


def _empty_wasi(request: Request) -> wasmtime.WasiConfig:
    config = wasmtime.WasiConfig()
    config.argv = [request.name]
    set_stdin(config, request.arguments)
    return config


def ended(error: Exception, otherwise: Ending) -> tuple[Ending, int, bytes]:
    """How a call went that ended with *error*, its exit code and what is kept of a trap's text.

    *otherwise* is for an error that carries no trap code.
    """
    if isinstance(error, wasmtime.ExitTrap):
        return Ending.EXITED, error.code, b""
    if isinstance(error, BrokenAbi):
        return Ending.BROKE_ABI, 0, str(error).encode()
    if isinstance(error, wasmtime.Trap):
        code = _trap_code(error)
        ending = _LIMIT_ENDINGS.get(code, Ending.TRAPPED) if code is not None else Ending.TRAPPED
        return ending, 0, _detail(error) if ending is Ending.TRAPPED else b""
    return otherwise, 0, _detail(error)  # linking failed, or WASI ends a call that breaks its rules without a trap code


def _trap_code(trap: wasmtime.Trap) -> wasmtime.TrapCode | None:
    try:
        return trap.trap_code
    except ValueError:  # a code this version of the package has no name for
        return None


def _detail(error: Exception) -> bytes:
    """The cause first: the names on the way to it are many, and what is too long is cut at its end."""
    where, _, cause = str(error).rpartition("Caused by:")
    where = where.partition("note: using the `WASMTIME")[0]  # advice to whoever runs wasmtime by hand
    said = "\n".join(part.strip() for part in (cause, where) if part.strip())
    return cut(said.encode("utf-8", errors="replace"), DETAIL_CHARACTERS)


def last_words(detail: bytes, said: bytes) -> bytes:
    """*detail* with the end of what a guest *said* as it gave up, which tells more than `unreachable`."""
    cause, _, where = detail.partition(b"\n")
    words = said[-_LAST_WORDS:].decode("utf-8", errors="ignore").encode()
    return b"\n".join(part for part in (cause, words, where) if part)


def not_run(ending: Ending) -> Reply:
    """The reply to a request for which no guest was begun."""
    return Reply(ending=ending, exit_code=0, fuel=0, memory_bytes=0, cpu_us=0, output=b"", log=b"", detail=b"")
