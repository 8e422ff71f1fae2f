"""Values of components as JSON, both ways, by their shapes. What does not fit is refused; nothing is rounded or cut.

bool, whole numbers, numbers and strings are themselves; bytes are base64. A record is an object, a tuple or list an
array, an enum a string, flags an array of strings. A case without a value is its name, one with a value an object of
one key. An option is the value or null; of an option again, `{"some": …}` or null. A result is `{"ok": …}` or
`{"error": …}`.
"""

import binascii
import math
import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, assert_never, cast

from holdfast.contracts.json_values import Json

from .shapes import (
    INTEGERS,
    Bytes,
    Enum,
    Flags,
    Kind,
    ListOf,
    Option,
    Record,
    Result,
    Scalar,
    Shape,
    Signature,
    TupleOf,
    Variant,
)

Value: TypeAlias = Any
"""bool, int, float, str, bytes, list, tuple, dict (record), frozenset (flags), Case, Some, None (an empty option)."""

_SURROGATES: Final = range(0xD800, 0xE000)


class Unfit(Exception):
    """A value is not of its shape. The message names the place and the rule, never the value."""


@dataclass(frozen=True, slots=True)
class Case:
    """The case *name* of a variant, or `ok` or `error` of a result, with what it carries."""

    name: str
    payload: Value = None


@dataclass(frozen=True, slots=True)
class Some:
    """An option that is there."""

    payload: Value


def read_arguments(signature: Signature, arguments: Json) -> tuple[Value, ...]:
    """The parameters of a function in their order, from an object of them. Raises: Unfit."""
    fields = _fields(signature.parameters, arguments, "arguments")
    return tuple(fields[name] for name, _ in signature.parameters)


def read(shape: Shape, data: Json, where: str = "value") -> Value:  # noqa: C901, PLR0911 -- one arm for each shape
    """The value of *shape* that *data* is. Raises: Unfit."""
    match shape:
        case Scalar(kind=kind):
            return _scalar(kind, data, where)
        case Bytes():
            return _bytes(data, where)
        case ListOf(element=element):
            return [read(element, item, f"{where}[{at}]") for at, item in enumerate(_array(data, where))]
        case Record(fields=fields):
            return _fields(fields, data, where)
        case TupleOf(items=items):
            given = _array(data, where)
            if len(given) != len(items):
                raise Unfit(f"{where}: must have {len(items)} items")
            return tuple(
                read(item, one, f"{where}[{at}]") for at, (item, one) in enumerate(zip(items, given, strict=True))
            )
        case Variant(cases=cases):
            return _case(dict(cases), data, where)
        case Enum(names=names):
            return _name(names, data, where)
        case Flags(names=names):
            return frozenset(_name(names, item, where) for item in _array(data, where))
        case Option(payload=payload):
            return _option(payload, data, where)
        case Result(ok=ok, error=error):
            return _result({"ok": ok, "error": error}, data, where)
        case _:
            assert_never(shape)


def write(shape: Shape, value: Value) -> Json:  # noqa: C901, PLR0911, PLR0912 -- as above
    """*value*, which is of *shape*, as JSON. Raises: Unfit for a number that JSON has not."""
    match shape:
        case Scalar():
            if isinstance(value, float) and not math.isfinite(value):
                raise Unfit("a number in the answer is infinite or not a number")
            return cast("Json", value)
        case Bytes():
            return b64encode(value).decode("ascii")
        case ListOf(element=element):
            return [write(element, item) for item in value]
        case Record(fields=fields):
            return {name: write(part, value[name]) for name, part in fields}
        case TupleOf(items=items):
            return [write(item, one) for item, one in zip(items, value, strict=True)]
        case Variant(cases=cases):
            payload = dict(cases)[value.name]
            return value.name if payload is None else {value.name: write(payload, value.payload)}
        case Enum():
            return cast("Json", value)
        case Flags(names=names):
            return [name for name in names if name in value]
        case Option(payload=payload):
            if value is None:
                return None
            inside = write(payload, value.payload)
            return {"some": inside} if isinstance(payload, Option) else inside
        case Result(ok=ok, error=error):
            payload = ok if value.name == "ok" else error
            return {value.name: None if payload is None else write(payload, value.payload)}
        case _:
            assert_never(shape)


def _scalar(kind: Kind, data: Json, where: str) -> Value:
    if kind in INTEGERS:
        return _integer(kind, data, where)
    match kind:
        case Kind.BOOL:
            if isinstance(data, bool):
                return data
            raise Unfit(f"{where}: must be true or false")
        case Kind.F32 | Kind.F64:
            return _number(kind, data, where)
        case _:
            return _text(kind, data, where)


def _integer(kind: Kind, data: Json, where: str) -> int:
    least, most = INTEGERS[kind]
    if isinstance(data, float) and data.is_integer():
        data = int(data)  # JSON Schema calls 1.0 an integer
    if isinstance(data, bool) or not isinstance(data, int) or not least <= data <= most:
        raise Unfit(f"{where}: must be a whole number from {least} to {most}")
    return data


def _number(kind: Kind, data: Json, where: str) -> float:
    if isinstance(data, bool) or not isinstance(data, int | float):
        raise Unfit(f"{where}: must be a number")
    try:
        number = float(data)
        if kind is Kind.F32:
            number = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        raise Unfit(f"{where}: must be in the range of {kind.value}") from None
    if not math.isfinite(number):
        raise Unfit(f"{where}: must be a finite number")
    return number


def _text(kind: Kind, data: Json, where: str) -> str:
    if not isinstance(data, str) or (not data.isascii() and any(ord(char) in _SURROGATES for char in data)):
        raise Unfit(f"{where}: must be text")
    if kind is Kind.CHAR and len(data) != 1:
        raise Unfit(f"{where}: must be one character")
    return data


def _bytes(data: Json, where: str) -> bytes:
    if not isinstance(data, str):
        raise Unfit(f"{where}: must be base64")
    try:
        return b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise Unfit(f"{where}: must be base64") from None


def _array(data: Json, where: str) -> list[Json]:
    if not isinstance(data, list):
        raise Unfit(f"{where}: must be an array")
    return data


def _fields(fields: tuple[tuple[str, Shape], ...], data: Json, where: str) -> dict[str, Value]:
    if not isinstance(data, Mapping):
        raise Unfit(f"{where}: must be an object")
    if set(data) - {name for name, _ in fields}:
        raise Unfit(f"{where}: has a key that is not one of its fields")
    built: dict[str, Value] = {}
    for name, shape in fields:
        if name in data:
            built[name] = read(shape, data[name], f"{where}.{name}")
        elif isinstance(shape, Option):
            built[name] = None
        else:
            raise Unfit(f"{where}.{name}: is required")
    return built


def _case(cases: Mapping[str, Shape | None], data: Json, where: str) -> Case:
    if isinstance(data, str) and data in cases and cases[data] is None:
        return Case(data)
    name, inside = _only(data, where)
    payload = cases.get(name)
    if payload is None:
        raise Unfit(f"{where}: is none of its cases")
    return Case(name, read(payload, inside, f"{where}.{name}"))


def _result(ways: Mapping[str, Shape | None], data: Json, where: str) -> Case:
    name, inside = _only(data, where)
    if name not in ways:
        raise Unfit(f"{where}: must have `ok` or `error`")
    payload = ways[name]
    if payload is None:
        if inside is not None:
            raise Unfit(f"{where}.{name}: must be null")
        return Case(name)
    return Case(name, read(payload, inside, f"{where}.{name}"))


def _option(payload: Shape, data: Json, where: str) -> Some | None:
    if data is None:
        return None
    if isinstance(payload, Option):
        name, inside = _only(data, where)
        if name != "some":
            raise Unfit(f"{where}: must be null or have `some`")
        return Some(read(payload, inside, f"{where}.some"))
    return Some(read(payload, data, where))


def _only(data: Json, where: str) -> tuple[str, Json]:
    if not isinstance(data, Mapping) or len(data) != 1:
        raise Unfit(f"{where}: must be an object with one key")
    return next(iter(data.items()))


def _name(names: tuple[str, ...], data: Json, where: str) -> str:
    if not isinstance(data, str) or data not in names:
        raise Unfit(f"{where}: is none of its names")
    return data
