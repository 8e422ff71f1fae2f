"""The types of a component's functions as plain values. It converts nothing and imports no engine.

Resources, futures and streams have no shape: a function that needs one is not offered as a tool.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, TypeAlias


@unique
class Kind(StrEnum):
    """The types without parts, by their names in WIT."""

    BOOL = "bool"
    S8 = "s8"
    U8 = "u8"
    S16 = "s16"
    U16 = "u16"
    S32 = "s32"
    U32 = "u32"
    S64 = "s64"
    U64 = "u64"
    F32 = "f32"
    F64 = "f64"
    CHAR = "char"
    STRING = "string"


INTEGERS: Final = {
    Kind.S8: (-(1 << 7), (1 << 7) - 1),
    Kind.U8: (0, (1 << 8) - 1),
    Kind.S16: (-(1 << 15), (1 << 15) - 1),
    Kind.U16: (0, (1 << 16) - 1),
    Kind.S32: (-(1 << 31), (1 << 31) - 1),
    Kind.U32: (0, (1 << 32) - 1),
    Kind.S64: (-(1 << 63), (1 << 63) - 1),
    Kind.U64: (0, (1 << 64) - 1),
}
"""The least and the most of each type of whole number."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without parts."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Bytes:
    """`list<u8>`."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """Any other list."""

    element: "Shape"


@dataclass(frozen=True, slots=True)
class Record:
    """Named fields, in their order."""

    fields: "tuple[tuple[str, Shape], ...]"


@dataclass(frozen=True, slots=True)
class TupleOf:
    """A fixed number of values, each of its own shape."""

    items: "tuple[Shape, ...]"


@dataclass(frozen=True, slots=True)
class Variant:
    """One of several cases; a case may carry a value."""

    cases: "tuple[tuple[str, Shape | None], ...]"


@dataclass(frozen=True, slots=True)
class Enum:
    """One of several names."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flags:
    """Any of several names."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """A value or none."""

    payload: "Shape"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it, or an error; either may carry nothing."""

    ok: "Shape | None"
    error: "Shape | None"


Shape: TypeAlias = Scalar | Bytes | ListOf | Record | TupleOf | Variant | Enum | Flags | Option | Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A function: its parameters by name, and what it answers."""

    parameters: tuple[tuple[str, Shape], ...]
    result: Shape | None


STRING: Final = Scalar(Kind.STRING)
U16: Final = Scalar(Kind.U16)
U32: Final = Scalar(Kind.U32)
U64: Final = Scalar(Kind.U64)
BOOL: Final = Scalar(Kind.BOOL)
