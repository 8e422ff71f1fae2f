"""The calls into wasmtime's C interface that its Python package does not wrap, or wraps too slowly. Nothing else.

1. Every guest pointer is checked against the memory's size before it is used, and the size is read anew each time.
2. Exports are looked up by name: listing them is quadratic in the package.
3. One call at a time in a process; nothing here is safe to use from two threads.
"""

import ctypes
from collections.abc import Callable
from typing import Any, Final

import wasmtime
from wasmtime import _bindings, _ffi

raw: Any = _bindings  # generated from C headers: its types say nothing

_NEEDED: Final = (
    "wasi_config_set_stdin_bytes",
    "wasmtime_extern_t",
    "wasmtime_func_call",
    "wasmtime_global_get",
    "wasmtime_instance_export_get",
    "wasmtime_instance_pre_instantiate",
    "wasmtime_instance_t",
    "wasmtime_func_callback_t",
    "wasmtime_linker_define",
    "wasmtime_linker_define_func",
    "wasmtime_linker_define_instance",
    "wasmtime_linker_instantiate",
    "wasmtime_memory_data",
    "wasmtime_memory_data_size",
    "wasmtime_val_t",
)
_missing = [name for name in _NEEDED if not hasattr(raw, name)]
if _missing or not hasattr(_ffi, "bytes_to_capi"):
    raise ImportError(f"this wasmtime lacks {', '.join(_missing) or 'bytes_to_capi'}: holdfast needs wasmtime 50")

_I32: Final = 0
_FUNCTION: Final = 0
_GLOBAL: Final = 1
_MEMORY: Final = 3
_no_finalizer = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))
_pointer_to: Any = ctypes.POINTER
_TrapPointer: Any = _pointer_to(raw.wasm_trap_t)


class BrokenAbi(Exception):
    """The guest lacks an export, or gave a pointer outside its memory."""


class StopGuest(Exception):
    """Raised by a host function of ours: the guest traps and does not go on."""


class Name:
    """A name in the form C wants it, made once."""

    __slots__ = ("length", "text")

    def __init__(self, text: str) -> None:
        data = text.encode("utf-8")
        self.text = ctypes.create_string_buffer(data, len(data) or 1)
        self.length = len(data)


class Instance:
    """An instance in one store, and lookups of what it exports."""

    __slots__ = ("_context", "_handle")

    def __init__(self, context: Any, handle: Any) -> None:
        self._context = context
        self._handle = handle

    def function(self, name: Name) -> Any:
        """The exported function *name*. Raises: BrokenAbi."""
        return self._export(name, _FUNCTION).of.func

    def memory(self, name: Name) -> "Memory":
        """The exported memory *name*. Raises: BrokenAbi."""
        return Memory(self._context, self._export(name, _MEMORY))

    def global_i32(self, name: Name) -> int:
        """The value of the exported i32 global *name*, unsigned. Raises: BrokenAbi."""
        value = raw.wasmtime_val_t()
        item = self._export(name, _GLOBAL)
        raw.wasmtime_global_get(self._context, ctypes.byref(item.of.global_), ctypes.byref(value))
        return int(value.of.i32) & 0xFFFF_FFFF

    def export(self, name: Name) -> Any:
        """The export *name*, of whatever kind. Raises: BrokenAbi."""
        return self._export(name, None)

    def define_in(self, linker: wasmtime.Linker, module: Name) -> None:
        """Define every export of this instance in *linker* as *module*."""
        _raise(
            raw.wasmtime_linker_define_instance(
                linker.ptr(), self._context, module.text, module.length, ctypes.byref(self._handle)
            )
        )

    def _export(self, name: Name, kind: int | None) -> Any:
        item: Any = raw.wasmtime_extern_t()
        found = raw.wasmtime_instance_export_get(
            self._context, ctypes.byref(self._handle), name.text, name.length, ctypes.byref(item)
        )
        if not found or (kind is not None and item.kind != kind):
            raise BrokenAbi("an export is missing or of another kind")
        return item


class Memory:
    """A guest's linear memory."""

    __slots__ = ("_context", "_handle", "item")

    def __init__(self, context: Any, item: Any) -> None:
        self._context = context
        self.item = item
        self._handle = item.of.memory

    def size(self) -> int:
        """Its size now, in bytes."""
        return int(raw.wasmtime_memory_data_size(self._context, ctypes.byref(self._handle)))

    def read(self, start: int, length: int) -> bytes:
        """Copy *length* bytes from *start*. Raises: BrokenAbi when they are not all inside."""
        return ctypes.string_at(self._address(start, length), length)

    def write(self, start: int, data: bytes) -> None:
        """Copy *data* to *start*. Raises: BrokenAbi when it does not all fit inside."""
        ctypes.memmove(self._address(start, len(data)), data, len(data))

    def _address(self, start: int, length: int) -> int:
        if start < 0 or length < 0 or start + length > self.size():
            raise BrokenAbi("a pointer outside the memory")
        data = raw.wasmtime_memory_data(self._context, ctypes.byref(self._handle))
        at = ctypes.cast(data, ctypes.c_void_p).value
        if at is None:
            raise BrokenAbi("the memory is empty")
        return at + start


def context_of(store: wasmtime.Store) -> Any:
    """The raw context of *store*, valid until it is closed."""
    return store._context()  # noqa: SLF001 -- the package offers no other way to its raw context


def set_stdin(config: wasmtime.WasiConfig, data: bytes) -> None:
    """Make *data* the guest's standard input. The bytes are copied and owned by *config*."""
    raw.wasi_config_set_stdin_bytes(config.ptr(), ctypes.byref(_ffi.bytes_to_capi(data)))


def start(before: wasmtime.InstancePre, context: Any) -> Instance:
    """Instantiate *before*. Raises: Trap, WasmtimeError."""
    handle: Any = raw.wasmtime_instance_t()
    trap: Any = _TrapPointer()
    _raise(raw.wasmtime_instance_pre_instantiate(before.ptr(), context, ctypes.byref(handle), ctypes.byref(trap)), trap)
    return Instance(context, handle)


def link(linker: wasmtime.Linker, context: Any, module: wasmtime.Module) -> Instance:
    """Instantiate *module* with what *linker* defines. Raises: Trap, WasmtimeError."""
    handle: Any = raw.wasmtime_instance_t()
    trap: Any = _TrapPointer()
    _raise(
        raw.wasmtime_linker_instantiate(linker.ptr(), context, module.ptr(), ctypes.byref(handle), ctypes.byref(trap)),
        trap,
    )
    return Instance(context, handle)


def define(linker: wasmtime.Linker, context: Any, module: Name, name: Name, item: Any) -> None:
    """Define *item* as *module*.*name* in *linker*."""
    _raise(
        raw.wasmtime_linker_define(
            linker.ptr(), context, module.text, module.length, name.text, name.length, ctypes.byref(item)
        )
    )


def define_host(linker: wasmtime.Linker, module: Name, name: Name, answer: Callable[[int, int, int, int], int]) -> Any:
    """Define *module*.*name*, which takes four i32 and gives one, as *answer*; arguments arrive unsigned.

    The answer must be kept for as long as *linker* is used. Whatever *answer* raises stops the guest: nothing of ours
    may unwind through frames that are not Python's.
    """

    def entered(_env: Any, _caller: Any, given: Any, _given: int, results: Any, _results: int) -> int:
        try:
            number = answer(*(given[place].of.i32 & 0xFFFF_FFFF for place in range(4)))
        except BaseException:  # noqa: BLE001 -- the frames below this one are C's
            return _trap_address()
        results[0].kind = _I32
        results[0].of.i32 = number
        return 0

    entry = raw.wasmtime_func_callback_t(entered)
    four = wasmtime.FuncType([wasmtime.ValType.i32()] * 4, [wasmtime.ValType.i32()])
    _raise(
        raw.wasmtime_linker_define_func(
            linker.ptr(), module.text, module.length, name.text, name.length, four.ptr(), entry, None, _no_finalizer
        )
    )
    return entry


def _trap_address() -> int:
    trap = wasmtime.Trap("stopped by the host")._consume()  # noqa: SLF001 -- ownership passes to wasmtime
    return ctypes.cast(trap, ctypes.c_void_p).value or 0


def call(context: Any, function: Any, arguments: tuple[int, ...], results: int) -> int:
    """Call *function* with i32 *arguments*; answers its integer result, 0 when it has none.

    The module scan has checked the function's type; wasmtime checks it again. Raises: Trap, WasmtimeError.
    """
    given = (raw.wasmtime_val_t * len(arguments))()
    for slot, argument in zip(given, arguments, strict=True):
        slot.kind = _I32
        slot.of.i32 = argument
    taken = (raw.wasmtime_val_t * results)()
    trap: Any = _TrapPointer()
    error = raw.wasmtime_func_call(
        context, ctypes.byref(function), given, len(arguments), taken, results, ctypes.byref(trap)
    )
    _raise(error, trap)
    if not results:
        return 0
    value: Any = taken[0]
    return int(value.of.i32 if value.kind == _I32 else value.of.i64)


def _raise(error: Any, trap: Any = None) -> None:
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)  # noqa: SLF001 -- how the package itself reads an error
    if trap:
        raise wasmtime.Trap._from_ptr(trap)  # noqa: SLF001 -- how the package itself reads a trap
