"""Writes a call's arguments as Cedar values of their shape; total: what does not fit is said, never raised.

1. Only what the shape names is written; the rest sets `unseen`.
2. A number that Cedar cannot hold exactly is moved to the nearest it can, and sets `inexact`. Order is kept.
3. Text is never cut, so what a policy judged is what runs.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, TypeAlias, assert_never

from holdfast.contracts import Digest, Json, MalformedJson

from .shapes import ListShape, NumberShape, OpaqueShape, RecordShape, Scalar, Shape, TextShape, TruthShape, WholeShape

_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
_STEP: Final = Decimal("0.0001")
_LEAST_DECIMAL: Final = Decimal(_LEAST).scaleb(-4)
_MOST_DECIMAL: Final = Decimal(_MOST).scaleb(-4)
_DIGITS: Final = 400
"""A float has at most 309 digits before the point; an integer with more is over every bound anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Arguments as a policy sees them."""

    input: dict[str, Json]
    inexact: bool
    """Some number was moved to the nearest that Cedar can hold."""
    unseen: bool
    """The arguments hold something that the tool's shape does not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """The arguments are not of the tool's shape."""

    why: str


class _Mismatch(Exception):
    """A value is not of its shape."""


Seal: TypeAlias = Callable[[Json], Digest]
"""The keyed digest of a value."""


def write_arguments(
    shape: RecordShape, arguments: Mapping[str, Json], seal: Seal, *, wanted: AbstractSet[str] | None = None
) -> Written | Unfit:
    """Write *arguments* as Cedar's JSON form of *shape*; what has no type as its digest under *seal*.

    Digests are worked out for the arguments *wanted* only (None: all); the others get an empty text that nobody reads.
    """
    notes = _Notes(seal=seal, wanted=wanted)
    try:
        written = _record(shape, arguments, notes)
    except _Mismatch as mismatch:
        return Unfit(why=str(mismatch))
    return Written(input=written, inexact=notes.inexact, unseen=notes.unseen)


@dataclass(slots=True)
class _Notes:
    seal: Seal
    wanted: AbstractSet[str] | None
    inexact: bool = False
    unseen: bool = False
    argument: str | None = None
    """The argument that is written now; what is below it is of it."""

    def digest(self, value: Json) -> str:
        """Of something that has no type."""
        if self.wanted is not None and self.argument not in self.wanted:
            return ""
        try:
            return str(self.seal(value))
        except MalformedJson:
            raise _Mismatch("an argument cannot be written as JSON") from None


def _record(shape: RecordShape, value: Mapping[str, Json], notes: _Notes) -> dict[str, Json]:
    written: dict[str, Json] = {}
    is_top = notes.argument is None
    for name, item in value.items():
        if is_top:
            notes.argument = name
        part = shape.parts.get(name)
        if part is None:
            notes.unseen = True
        elif not (item is None and part.nullable):
            written[name] = _value(part.shape, item, notes)
    for name, part in shape.parts.items():
        if part.required and name not in written:
            raise _Mismatch("a required argument is missing")
    return written


def _value(shape: Shape, value: Json, notes: _Notes) -> Json:
    match shape:
        case TextShape() | TruthShape() | WholeShape() | NumberShape():
            return _scalar(shape, value, notes)
        case ListShape(of=item):
            if not isinstance(value, list):
                raise _Mismatch("an argument that must be a list is not one")
            return [_scalar(item, one, notes) for one in value]
        case RecordShape():
            if not isinstance(value, Mapping):
                raise _Mismatch("an argument that must be an object is not one")
            return _record(shape, value, notes)
        case OpaqueShape():
            notes.unseen = True
            return {"digest": notes.digest(value)}
        case _:
            assert_never(shape)


def _scalar(shape: Scalar, value: Json, notes: _Notes) -> Json:
    match shape:
        case TextShape():
            if isinstance(value, str):
                return value
        case TruthShape():
            if isinstance(value, bool):
                return value
        case WholeShape():
            if isinstance(value, int | float) and not isinstance(value, bool):
                return _whole(value, notes)
        case NumberShape():
            if isinstance(value, int | float) and not isinstance(value, bool):
                return _number(value, notes)
        case _:
            assert_never(shape)
    raise _Mismatch("an argument is of another type than the tool's schema says")


def _whole(value: float, notes: _Notes) -> int:
    if not isinstance(value, int) and not value.is_integer():  # not for NaN or an infinity either
        raise _Mismatch("an argument that must be a whole number is not one")
    whole = int(value)
    held = max(_LEAST, min(_MOST, whole))
    notes.inexact |= held != whole
    return held


def _number(value: float, notes: _Notes) -> Json:
    exact = _decimal(value)
    held = max(_LEAST_DECIMAL, min(_MOST_DECIMAL, exact)).quantize(_STEP, rounding=ROUND_HALF_EVEN)
    notes.inexact |= held != exact
    return {"__extn": {"fn": "decimal", "arg": f"{held:.4f}"}}


def _decimal(value: float) -> Decimal:
    if isinstance(value, int):
        if value.bit_length() > _DIGITS * 3:
            return _MOST_DECIMAL + 1 if value > 0 else _LEAST_DECIMAL - 1
        return Decimal(value)
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 -- the test for NaN that needs no import
        raise _Mismatch("an argument is not a finite number")
    return Decimal(repr(value))
