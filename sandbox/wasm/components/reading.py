"""Reads the types of a compiled component from the engine into shapes. It runs nothing of the component.

Types share their parts, so a small component can describe an enormous tree: reading stops at a number of parts and a
depth, and a function beyond them is not offered.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from wasmtime.component import _types as engine_types

from .shapes import Bytes, Enum, Flags, Kind, ListOf, Option, Record, Result, Scalar, Shape, Signature, TupleOf, Variant

PARTS: Final = 2_000
"""Of the types of one function."""
DEPTH: Final = 24
"""So that a value stays below the 64 levels of JSON, with two levels to a part at most."""

_SCALARS: Final[dict[type, Kind]] = {
    engine_types.Bool: Kind.BOOL,
    engine_types.S8: Kind.S8,
    engine_types.U8: Kind.U8,
    engine_types.S16: Kind.S16,
    engine_types.U16: Kind.U16,
    engine_types.S32: Kind.S32,
    engine_types.U32: Kind.U32,
    engine_types.S64: Kind.S64,
    engine_types.U64: Kind.U64,
    engine_types.F32: Kind.F32,
    engine_types.F64: Kind.F64,
    engine_types.Char: Kind.CHAR,
    engine_types.String: Kind.STRING,
}
# How the engine's own types are taken apart; each answers a shape, given what reads a part.
_Part = Callable[[Any], Shape]


class Shapeless(Exception):
    """A type has no shape. Says in a few words of ours why."""


@dataclass(slots=True)
class _Reader:
    left: int = PARTS
    deep: int = field(default=0)

    def read(self, kind: Any) -> Shape:
        self.left -= 1
        if self.left < 0 or self.deep >= DEPTH:
            raise Shapeless("its types are too large")
        scalar = _SCALARS.get(_class_of(kind))
        if scalar is not None:
            return Scalar(scalar)
        take_apart = _COMPOUND.get(_class_of(kind))
        if take_apart is None:
            raise Shapeless("it takes or gives a resource, a future or a stream")
        self.deep += 1
        try:
            return take_apart(kind, self.read)
        finally:
            self.deep -= 1


def signature_of(function: Any) -> Signature:
    """The shapes of *function*, a function type of the engine's. Raises: Shapeless."""
    reader = _Reader()
    result = function.result
    return Signature(
        parameters=tuple((name, reader.read(kind)) for name, kind in function.params),
        result=None if result is None else reader.read(result),
    )


def _class_of(kind: object) -> type:
    return type(kind)


def _list(kind: Any, part: _Part) -> Shape:
    element = part(kind.element)
    return Bytes() if element == Scalar(Kind.U8) else ListOf(element)


def _record(kind: Any, part: _Part) -> Shape:
    return Record(tuple((name, part(inner)) for name, inner in kind.fields))


def _tuple(kind: Any, part: _Part) -> Shape:
    return TupleOf(tuple(part(inner) for inner in kind.elements))


def _variant(kind: Any, part: _Part) -> Shape:
    return Variant(tuple((name, None if inner is None else part(inner)) for name, inner in kind.cases))


def _enum(kind: Any, _part: _Part) -> Shape:
    return Enum(tuple(kind.names))


def _flags(kind: Any, _part: _Part) -> Shape:
    return Flags(tuple(kind.names))


def _option(kind: Any, part: _Part) -> Shape:
    return Option(part(kind.payload))


def _result(kind: Any, part: _Part) -> Shape:
    ok, error = kind.ok, kind.err
    return Result(None if ok is None else part(ok), None if error is None else part(error))


_COMPOUND: Final[dict[type, Callable[[Any, _Part], Shape]]] = {
    engine_types.ListType: _list,
    engine_types.RecordType: _record,
    engine_types.TupleType: _tuple,
    engine_types.VariantType: _variant,
    engine_types.EnumType: _enum,
    engine_types.FlagsType: _flags,
    engine_types.OptionType: _option,
    engine_types.ResultType: _result,
}
