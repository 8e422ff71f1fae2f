"""The keywords about numbers, and what counts as one: a boolean never does, and no digit is lost to rounding."""

from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any, Final

from holdfast.contracts import Json

from .evaluation import Errors, Evaluation, Keyword, refuse
from .wording import cleaned

_LONG_INTEGER = 1 << 62
_SHOWN_NUMBER = 32
_NUMBERS = (int, float)
_EXACT: Final = Context(prec=10_000, Emax=99_999, Emin=-99_999)
"""Enough digits for the longest integer that JSON is read with (4 300) over the smallest float (324 places)."""
_DECIMAL_STEPS = 8
"""What reading two floats as decimals and dividing them is charged; a quotient of many digits costs more."""
_BITS_A_STEP = 256


def is_number(value: Json) -> bool:
    """Whether *value* is a number as JSON means it."""
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def is_integer(value: Json) -> bool:
    """Whether *value* is a whole number, however it is written: `1.0` is."""
    return is_number(value) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def bound(keyword: str, holds: Callable[[Any, Any], bool], wants: str) -> Keyword:
    """A keyword that compares a number with a limit."""

    def check(run: Evaluation, limit: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
        if not isinstance(instance, _NUMBERS) or isinstance(instance, bool):
            return None
        run.left -= 1
        if holds(instance, limit):
            return None
        return refuse(keyword, lambda: f"{wants} {_shown(limit)}")

    return check


def multiple_of(run: Evaluation, divisor: Any, instance: Any, _schema: dict[str, Any]) -> Errors:
    """`multipleOf`, in decimals as they are written: 0.3 is a multiple of 0.1."""
    if not is_number(instance):
        return None
    if isinstance(instance, int) and isinstance(divisor, int):
        run.spend(_bits(instance) // _BITS_A_STEP * (1 + _bits(divisor) // 4_096))
        whole = instance % divisor == 0
    else:
        run.pay(_DECIMAL_STEPS + (_bits(instance) + _bits(divisor)) // _BITS_A_STEP * 4)
        dividend, by = _decimal(instance), _decimal(divisor)
        run.pay(abs(dividend.adjusted() - by.adjusted()) // 4)
        whole = _EXACT.remainder(dividend, by).is_zero()
    return None if whole else refuse("multipleOf", lambda: f"must be a multiple of {_shown(divisor)}")


def _decimal(number: float) -> Decimal:
    return Decimal(number) if isinstance(number, int) else Decimal(repr(number))


def _bits(number: float) -> int:
    return number.bit_length() if isinstance(number, int) else 0


def _shown(number: float) -> str:
    if isinstance(number, int) and abs(number) > _LONG_INTEGER:
        return "the limit of the schema"
    return cleaned(str(number), limit=_SHOWN_NUMBER)
