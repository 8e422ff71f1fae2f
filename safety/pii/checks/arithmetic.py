"""The sums that check digits are made of. Each reads what it is given as digits; none knows any document."""

from collections.abc import Sequence
from typing import Final

_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_VERHOEFF: Final = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
"""Multiplication in the dihedral group of ten elements (J. Verhoeff, 1969)."""
_SHIFTS: Final = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def numbers(value: str) -> list[int]:
    """The digits of *value*, each as a number; letters as 10 for A to 35 for Z."""
    return [int(char, 36) for char in value]


def weighted(value: str, weights: Sequence[int]) -> int:
    """The sum of the digits of *value*, each times its weight; what has no weight does not count."""
    return sum(digit * weight for digit, weight in zip(numbers(value), weights, strict=False))


def luhn(value: str) -> bool:
    """ISO/IEC 7812-1: every second digit from the right doubled, the sum of all digits is a multiple of ten."""
    folded = [sum(divmod(2 * digit, 10)) if at % 2 else digit for at, digit in enumerate(reversed(numbers(value)))]
    return sum(folded) % 10 == 0


def verhoeff(value: str) -> bool:
    """The check of Verhoeff, which Aadhaar numbers carry."""
    state = 0
    for at, digit in enumerate(reversed(numbers(value))):
        state = int(_VERHOEFF[state][int(_SHIFTS[at % 8][digit])])
    return state == 0


def mod_97(value: str) -> int:
    """*value* modulo 97, letters read as two digits (ISO/IEC 7064 MOD 97-10)."""
    return int("".join(str(digit) for digit in numbers(value))) % 97


def mod_11_10(value: str) -> bool:
    """ISO/IEC 7064 MOD 11,10."""
    state = 10
    for digit in numbers(value[:-1]):
        state = ((state + digit) % 10 or 10) * 2 % 11
    return (state + int(value[-1])) % 10 == 1


def eleven_minus(total: int) -> int:
    """What brings *total* to the next multiple of eleven: 0 to 10."""
    return -total % 11


def is_date(day: str, month: str) -> bool:
    """Whether there is such a day in some year."""
    return 1 <= int(month) <= len(_DAYS) and 1 <= int(day) <= _DAYS[int(month) - 1]


def is_varied(value: str) -> bool:
    """Whether *value* is more than one character over and over, which many sums let through."""
    return len(set(value)) > 1
