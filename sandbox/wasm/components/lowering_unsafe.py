"""Values of components as the engine's C values, both ways, and the two calls the package does not wrap safely.

1. Whatever the engine hands over is compared with the shape that is expected of it, tag by tag, before it is read.
2. Bytes are copied in bulk: one value of 32 bytes each is how the engine takes them, but no loop of ours makes them.
3. A host function never raises: it answers, or the guest traps. One call at a time in a process.
"""

import ctypes
from collections.abc import Callable
from typing import Any, Final, assert_never

import wasmtime
from wasmtime import _bindings, _ffi
from wasmtime import component as wasmtime_component

from .shapes import Bytes, Enum, Flags, Kind, ListOf, Option, Record, Result, Scalar, Shape, TupleOf, Variant
from .values import Case, Some, Value

raw: Any = _bindings  # generated from C headers: its types say nothing
_packed: Any = _ffi

_NEEDED: Final = (
    "wasmtime_component_func_call",
    "wasmtime_component_func_callback_t",
    "wasmtime_component_func_t",
    "wasmtime_component_instance_get_export_index",
    "wasmtime_component_instance_get_func",
    "wasmtime_component_linker_instance_add_func",
    "wasmtime_component_val_delete",
    "wasmtime_component_val_new",
    "wasmtime_component_valflags_new_uninit",
    "wasmtime_component_vallist_new_uninit",
    "wasmtime_component_valrecord_new_uninit",
    "wasmtime_component_valtuple_new_uninit",
)
_missing = [name for name in _NEEDED if not hasattr(raw, name)]
if _missing:
    raise ImportError(f"this wasmtime lacks {', '.join(_missing)}: holdfast needs wasmtime 50")

_VAL: Any = raw.wasmtime_component_val_t
_SIZE: Final = ctypes.sizeof(_VAL)
_OF: Final = int(_VAL.of.offset)


def _tag(name: str) -> int:
    return int(getattr(_packed, f"WASMTIME_COMPONENT_{name}").value)


_LONG: Final = {Kind.BOOL: "boolean", Kind.CHAR: "character", Kind.STRING: "string"}
_SCALARS: Final = {kind: (_tag(kind.name), _LONG.get(kind, kind.value)) for kind in Kind}
"""Of each: its tag, and the field of the union it is kept in."""
_LIST, _RECORD, _TUPLE, _VARIANT = _tag("LIST"), _tag("RECORD"), _tag("TUPLE"), _tag("VARIANT")
_ENUM, _OPTION, _RESULT, _FLAGS = _tag("ENUM"), _tag("OPTION"), _tag("RESULT"), _tag("FLAGS")
_AT_ONCE: Final = 1 << 15
"""Bytes in one piece of a bulk copy: small enough that the copy of it stays small."""
_ONE_BYTE: Final = bytes([_tag("U8")]) + bytes(_SIZE - 1)
_no_finalizer = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(0)


class Mismatch(Exception):
    """The engine handed over a value that is not of the shape it must be of."""


class StopGuest(Exception):
    """Raised by a host function of ours: the guest traps, and the trap's text is the message."""


def lower(shape: Shape, value: Value, slot: Any) -> None:  # noqa: C901, PLR0912 -- one arm for each shape
    """Write *value*, which is of *shape*, to *slot*. What it takes belongs to the slot."""
    match shape:
        case Scalar(kind=kind):
            slot.kind, name = _SCALARS[kind]
            setattr(slot.of, name, _scalar(kind, value))
        case Bytes():
            _lower_bytes(value, slot)
        case ListOf(element=element):
            parts = _several(slot, _LIST, "list", len(value))
            for at, item in enumerate(value):
                lower(element, item, parts[at])
        case Record(fields=fields):
            parts = _several(slot, _RECORD, "record", len(fields))
            for at, (name, part) in enumerate(fields):
                parts[at].name = _packed.str_to_capi(name)
                lower(part, value[name], parts[at].val)
        case TupleOf(items=items):
            parts = _several(slot, _TUPLE, "tuple", len(items))
            for at, item in enumerate(items):
                lower(item, value[at], parts[at])
        case Variant(cases=cases):
            payload = dict(cases)[value.name]
            slot.of.variant.val = _boxed(payload, value.payload)
            slot.of.variant.discriminant = _packed.str_to_capi(value.name)
            slot.kind = _VARIANT
        case Enum():
            slot.of.enumeration = _packed.str_to_capi(value)
            slot.kind = _ENUM
        case Flags():
            parts = _several(slot, _FLAGS, "flags", len(value))
            for at, name in enumerate(sorted(value)):
                parts[at] = _packed.str_to_capi(name)
        case Option(payload=payload):
            slot.of.option = None if value is None else _boxed(payload, value.payload)
            slot.kind = _OPTION
        case Result(ok=ok, error=error):
            fine = value.name == "ok"
            slot.of.result.val = _boxed(ok if fine else error, value.payload)
            slot.of.result.is_ok = fine
            slot.kind = _RESULT
        case _:
            assert_never(shape)


def lift(shape: Shape, slot: Any) -> Value:  # noqa: C901, PLR0911 -- one arm for each shape
    """The value of *shape* in *slot*, which keeps what it holds. Raises: Mismatch."""
    match shape:
        case Scalar(kind=kind):
            return _lift_scalar(kind, slot)
        case Bytes():
            _expect(slot, _LIST)
            return _lift_bytes(slot.of.list)
        case ListOf(element=element):
            _expect(slot, _LIST)
            data = slot.of.list.data
            return [lift(element, data[at]) for at in range(slot.of.list.size)]
        case Record(fields=fields):
            data = _counted(slot, _RECORD, slot.of.record, len(fields))
            return {name: lift(part, _field(data[at], name)) for at, (name, part) in enumerate(fields)}
        case TupleOf(items=items):
            data = _counted(slot, _TUPLE, slot.of.tuple, len(items))
            return tuple(lift(item, data[at]) for at, item in enumerate(items))
        case Variant(cases=cases):
            _expect(slot, _VARIANT)
            name = _one_of(dict(cases), _text(slot.of.variant.discriminant))
            return Case(name, _unboxed(dict(cases)[name], slot.of.variant.val))
        case Enum(names=names):
            _expect(slot, _ENUM)
            return _one_of(names, _text(slot.of.enumeration))
        case Flags(names=names):
            _expect(slot, _FLAGS)
            data = slot.of.flags.data
            return frozenset(_one_of(names, _text(data[at])) for at in range(slot.of.flags.size))
        case Option(payload=payload):
            _expect(slot, _OPTION)
            return Some(_unboxed(payload, slot.of.option)) if slot.of.option else None
        case Result(ok=ok, error=error):
            _expect(slot, _RESULT)
            fine = bool(slot.of.result.is_ok)
            return Case("ok" if fine else "error", _unboxed(ok if fine else error, slot.of.result.val))
        case _:
            assert_never(shape)


class Function:
    """A function of one instance in one store."""

    def __init__(self, context: Any, handle: Any, parameters: tuple[Shape, ...], result: Shape | None) -> None:
        self._context = context
        self._handle = handle
        self._parameters = parameters
        self._result = result

    def __call__(self, given: tuple[Value, ...]) -> Value:
        """Call it with *given*, of its shapes. Raises: WasmtimeError, ExitTrap, Mismatch."""
        count = len(self._parameters)
        slots: Any = (_VAL * max(count, 1))()
        answer: Any = (_VAL * 1)()
        wanted = 0 if self._result is None else 1
        try:
            for at, shape in enumerate(self._parameters):
                lower(shape, given[at], slots[at])
            _raise(
                raw.wasmtime_component_func_call(
                    ctypes.byref(self._handle), self._context, slots, count, answer if wanted else None, wanted
                )
            )
            return None if self._result is None else lift(self._result, answer[0])
        finally:
            for at in range(count):
                raw.wasmtime_component_val_delete(ctypes.byref(slots[at]))
            raw.wasmtime_component_val_delete(ctypes.byref(answer[0]))


def find(
    context: Any, instance: Any, path: tuple[str, ...], parameters: tuple[Shape, ...], result: Shape | None
) -> Function | None:
    """The function that *instance*, of the package, exports under *path*; None when there is none."""
    made = ctypes.byref(instance._instance)  # noqa: SLF001 -- the package offers no other way to its raw instance
    index = None
    for name in path:
        data = name.encode("utf-8")
        found = raw.wasmtime_component_instance_get_export_index(
            made, context, index, ctypes.create_string_buffer(data), len(data)
        )
        if index is not None:
            raw.wasmtime_component_export_index_delete(index)
        if not found:
            return None
        index = found
    handle: Any = raw.wasmtime_component_func_t()
    there = raw.wasmtime_component_instance_get_func(made, context, index, ctypes.byref(handle))
    raw.wasmtime_component_export_index_delete(index)
    return Function(context, handle, parameters, result) if there else None


def define_host(
    within: wasmtime_component.LinkerInstance,
    name: str,
    takes: tuple[Shape, ...],
    gives: Shape | None,
    answer: Callable[..., Value],
) -> Any:
    """Define *name* in the instance *within* as *answer*, which takes and gives values of these shapes.

    What is returned must be kept for as long as the linker is used. Whatever *answer* raises stops the guest: nothing
    of ours may unwind through frames that are not Python's.
    """

    def entered(_env: Any, _context: Any, _type: Any, given: Any, count: int, results: Any, wanted: int) -> Any:
        try:
            _check_counts(count, len(takes), wanted, 0 if gives is None else 1)
            value = answer(*(lift(shape, given[at]) for at, shape in enumerate(takes)))
            if gives is not None:
                lower(gives, value, results[0])
        except StopGuest as stop:
            return _error_address(str(stop))
        except BaseException:  # noqa: BLE001 -- the frames below this one are C's
            return _error_address("stopped by the host")
        return 0

    return _added(within, name, entered)


def define_stop(within: wasmtime_component.LinkerInstance, name: str, why: str) -> Any:
    """Define *name* in the instance *within*, of whatever type, to stop the guest with *why*. Keep what is returned."""

    def entered(*_given: Any) -> Any:
        return _error_address(why)

    return _added(within, name, entered)


def _added(within: wasmtime_component.LinkerInstance, name: str, entered: Callable[..., Any]) -> Any:
    entry = raw.wasmtime_component_func_callback_t(entered)
    data = name.encode("utf-8")
    _raise(
        raw.wasmtime_component_linker_instance_add_func(
            within.ptr(), ctypes.create_string_buffer(data), len(data), entry, None, _no_finalizer
        )
    )
    return entry


def _check_counts(count: int, taken: int, wanted: int, given: int) -> None:
    if count != taken or wanted != given:
        raise Mismatch("a host function of another type")


def _error_address(message: str) -> int:
    error = wasmtime.WasmtimeError(message)._consume()  # noqa: SLF001 -- ownership passes to wasmtime
    return ctypes.cast(error, ctypes.c_void_p).value or 0


def _raise(error: Any) -> None:
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)  # noqa: SLF001 -- how the package itself reads an error


def _scalar(kind: Kind, value: Value) -> Any:
    match kind:
        case Kind.CHAR:
            return ord(value)
        case Kind.STRING:
            return _packed.str_to_capi(value)
        case _:
            return value


def _lift_scalar(kind: Kind, slot: Any) -> Value:
    tag, name = _SCALARS[kind]
    _expect(slot, tag)
    value = getattr(slot.of, name)
    match kind:
        case Kind.CHAR:
            return chr(value)
        case Kind.STRING:
            return _text(value)
        case _:
            return value


def _lower_bytes(data: bytes, slot: Any) -> None:
    items = _several(slot, _LIST, "list", len(data))
    if not data:
        return
    room = (ctypes.c_ubyte * (len(data) * _SIZE)).from_address(_address(items))
    view = memoryview(room).cast("B")
    for at in range(0, len(data), _AT_ONCE):
        part = data[at : at + _AT_ONCE]
        chunk = bytearray(_ONE_BYTE * len(part))
        chunk[_OF::_SIZE] = part
        view[at * _SIZE : (at + len(part)) * _SIZE] = chunk


def _lift_bytes(vector: Any) -> bytes:
    size = vector.size
    start = _address(vector.data) if size else 0
    return b"".join(
        ctypes.string_at(start + at * _SIZE, min(_AT_ONCE, size - at) * _SIZE)[_OF::_SIZE]
        for at in range(0, size, _AT_ONCE)
    )


def _address(pointer: Any) -> int:
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


def _several(slot: Any, tag: int, name: str, count: int) -> Any:
    """Give *slot* a vector of *count* parts, each zero: false, until something is written there."""
    vector = getattr(slot.of, name)
    getattr(raw, f"wasmtime_component_val{name}_new_uninit")(ctypes.byref(vector), count)
    if count:
        ctypes.memset(vector.data, 0, count * ctypes.sizeof(vector.data._type_))
    slot.kind = tag
    return vector.data


def _boxed(shape: Shape | None, value: Value) -> Any:
    if shape is None:
        return None
    slot = _VAL()
    lower(shape, value, slot)
    return raw.wasmtime_component_val_new(ctypes.byref(slot))


def _unboxed(shape: Shape | None, pointer: Any) -> Value:
    if (shape is None) != (not pointer):
        raise Mismatch("a case with a payload it must not have, or without one")
    return None if shape is None else lift(shape, pointer.contents)


def _expect(slot: Any, tag: int) -> None:
    if slot.kind != tag:
        raise Mismatch("a value of another type")


def _counted(slot: Any, tag: int, vector: Any, count: int) -> Any:
    _expect(slot, tag)
    if vector.size != count:
        raise Mismatch("a value with more or fewer parts")
    return vector.data


def _field(entry: Any, name: str) -> Any:
    if _text(entry.name) != name:
        raise Mismatch("a record with other fields")
    return entry.val


def _one_of(known: Any, name: str) -> str:
    if name not in known:
        raise Mismatch("a name that is not of its type")
    return name


def _text(vector: Any) -> str:
    return ctypes.string_at(vector.data, vector.size).decode("utf-8") if vector.size else ""
