"""Defines and calls functions whose arguments are 64 bits wide, through wasmtime's C interface. It holds no state.

What `ffi_unsafe` promises holds here: nothing unwinds through frames that are not Python's, one call at a time.
"""

import ctypes
from collections.abc import Callable
from typing import Any, Final

import wasmtime

from ..ffi_unsafe import Name, raw

_NEEDED: Final = ("wasmtime_caller_context", "wasmtime_linker_define_func", "wasmtime_func_call")
_missing = [name for name in _NEEDED if not hasattr(raw, name)]
if _missing:
    raise ImportError(f"this wasmtime lacks {', '.join(_missing)}: holdfast needs wasmtime 50")

_I32: Final = 0
_I64: Final = 1
_MASK: Final = {_I32: 0xFFFF_FFFF, _I64: 0xFFFF_FFFF_FFFF_FFFF}
_KINDS: Final[dict[str, Callable[[], wasmtime.ValType]]] = {"i32": wasmtime.ValType.i32, "i64": wasmtime.ValType.i64}
_pointer_to: Any = ctypes.POINTER
_TrapPointer: Any = _pointer_to(raw.wasm_trap_t)
_no_finalizer = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))


def define_words(
    linker: wasmtime.Linker,
    module: Name,
    name: Name,
    types: tuple[tuple[str, ...], tuple[str, ...]],
    answer: Callable[..., int | None],
) -> Any:
    """Define *module*.*name* of *types*, parameters and at most one result, as *answer*.

    *answer* gets the caller's context and the arguments, unsigned. What this returns must be kept for as long as
    *linker* is used. Whatever *answer* raises stops the guest.
    """
    parameters, results = types
    wide = [_I64 if kind == "i64" else _I32 for kind in parameters]

    def entered(_env: Any, caller: Any, given: Any, _given: int, taken: Any, _taken: int) -> int:
        try:
            arguments = [_word(given[place], kind) for place, kind in enumerate(wide)]
            number = answer(raw.wasmtime_caller_context(caller), *arguments)
            if results:
                _put(taken[0], results[0], number or 0)
        except BaseException:  # noqa: BLE001 -- the frames below this one are C's
            trap = wasmtime.Trap("stopped by the host")._consume()  # noqa: SLF001 -- ownership passes to wasmtime
            return ctypes.cast(trap, ctypes.c_void_p).value or 0
        return 0

    entry = raw.wasmtime_func_callback_t(entered)
    written = wasmtime.FuncType([_KINDS[kind]() for kind in parameters], [_KINDS[kind]() for kind in results])
    error = raw.wasmtime_linker_define_func(
        linker.ptr(), module.text, module.length, name.text, name.length, written.ptr(), entry, None, _no_finalizer
    )
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)  # noqa: SLF001 -- how the package itself reads an error
    return entry


def call_words(context: Any, function: Any, arguments: tuple[int, ...], results: int) -> int:
    """Call *function* with i64 *arguments*; answers its i64 result unsigned, 0 when it has none.

    Raises: Trap, WasmtimeError.
    """
    given = (raw.wasmtime_val_t * len(arguments))()
    for slot, argument in zip(given, arguments, strict=True):
        slot.kind = _I64
        slot.of.i64 = argument
    taken = (raw.wasmtime_val_t * results)()
    trap: Any = _TrapPointer()
    error = raw.wasmtime_func_call(
        context, ctypes.byref(function), given, len(arguments), taken, results, ctypes.byref(trap)
    )
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)  # noqa: SLF001 -- how the package itself reads an error
    if trap:
        raise wasmtime.Trap._from_ptr(trap)  # noqa: SLF001 -- how the package itself reads a trap
    return _word(taken[0], _I64) if results else 0


def _word(value: Any, kind: int) -> int:
    return int(value.of.i64 if kind == _I64 else value.of.i32) & _MASK[kind]


def _put(slot: Any, kind: str, number: int) -> None:
    if kind == "i64":
        slot.kind = _I64
        slot.of.i64 = number
    else:
        slot.kind = _I32
        slot.of.i32 = number
