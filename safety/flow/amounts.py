"""Reads numbers as people write them into one form; what could be two numbers is read as none or as the plain one.

`1,200.00`, `1.200,00`, `1'200`, `$1200`, `1200€` and `1200` are one number. `1.200` alone is 1.2, as in JSON. A number
with a leading zero is a name, not an amount, and so is one inside a longer word.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from holdfast.contracts import Json

_MAX_CHARACTERS: Final = 40
_CURRENCIES: Final = {"$": "usd", "\u20ac": "eur", "\u00a3": "gbp", "\u00a5": "jpy"}
PERCENT: Final = "%"
UNITS: Final = ("", "usd", "eur", "gbp", "jpy", "chf", "cad", "aud", "sek", "nok", "dkk", "pln", "inr", "cny")
"""Units in which an amount of money may be written."""

_UNIT: Final = "|".join(("[$\u20ac\u00a3\u00a5]", *UNITS[1:]))
_AMOUNT: Final = re.compile(
    rf"(?P<sign>[+-]?)(?P<before>{_UNIT})?(?P<inner>[+-]?)"
    r"(?:(?P<commas>\d{1,3}(?:,\d{3})+)(?:\.(?P<f1>\d+))?"
    r"|(?P<quotes>\d{1,3}(?:'\d{3})+)(?:[.,](?P<f2>\d+))?"
    r"|(?P<dots>\d{1,3}(?:\.\d{3})+)(?:,(?P<f3>\d+))"
    r"|(?P<many>\d{1,3}(?:\.\d{3}){2,})"
    r"|(?P<plain>\d+)(?:[.,](?P<f4>\d+))?)"
    rf"(?P<after>{_UNIT}|%)?",
    re.IGNORECASE,
)
_GROUPS: Final = ("commas", "quotes", "dots", "many", "plain")
_FRACTIONS: Final = ("f1", "f2", "f3", "f4")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, in digits, and the unit it was written with (empty: none)."""

    digits: str
    """Canonical: `-1200.5`; no zeros that change nothing."""
    unit: str


def amount_of(value: Json) -> Amount | None:
    """The number that *value* is; None for what is none, booleans among it."""
    match value:
        case bool():
            return None
        case int() | float():
            return _of_number(value)
        case str():
            return _of_text(value)
        case _:
            return None


def _of_number(value: float) -> Amount | None:
    if isinstance(value, int):
        return Amount(str(value), "") if abs(value) < 10**_MAX_CHARACTERS else None
    number = Decimal(repr(value))
    if not number.is_finite() or abs(number.adjusted()) > _MAX_CHARACTERS:
        return None
    whole, _, fraction = format(number, "f").partition(".")
    return Amount(_canonical(whole.lstrip("-"), fraction, is_negative=number < 0), "")


def _of_text(text: str) -> Amount | None:
    found = _AMOUNT.fullmatch(text) if len(text) <= _MAX_CHARACTERS else None
    if found is None or (found["sign"] and found["inner"]) or (found["before"] and found["after"]):
        return None
    grouped = next(found[name] for name in _GROUPS if found[name])
    fraction = next((found[name] for name in _FRACTIONS if found[name]), "")
    whole = re.sub(r"\D", "", grouped)
    if whole.startswith("0") and (len(whole) > 1):
        return None
    unit = (found["before"] or found["after"] or "").lower()
    is_negative = "-" in found["sign"] + found["inner"]
    return Amount(_canonical(whole, fraction, is_negative=is_negative), _CURRENCIES.get(unit, unit))


def _canonical(whole: str, fraction: str, *, is_negative: bool) -> str:
    fraction = fraction.rstrip("0")
    digits = (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")
    return f"-{digits}" if is_negative and digits != "0" else digits
