"""Checks of American people's numbers, north and south. They know its form, not whether it was given out."""

import re
from typing import Final

from .arithmetic import is_date, is_varied, luhn, weighted

_MBI: Final = re.compile(
    r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]{2}\d\d"
)
_PRINTED: Final = frozenset({"078051120", "219099999", "457555462"})
"""Numbers printed in advertisements; the administration has declared them void."""


def us_ssn(value: str) -> bool:
    """A US social security number: areas 000, 666 and 900 up, group 00 and serial 0000 are not given out."""
    if value in _PRINTED or not is_varied(value) or value == "123456789":
        return False
    return value[:3] not in ("000", "666") and value[0] != "9" and value[3:5] != "00" and value[5:] != "0000"


def us_itin(value: str) -> bool:
    """A US individual taxpayer number: 9, and a group of 50-65, 70-88, 90-92 or 94-99."""
    group = int(value[3:5])
    return value[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or group >= 94)


def us_npi(value: str) -> bool:
    """A US provider number: Luhn over 80840 and the number."""
    return value[0] in "12" and is_varied(value[1:]) and luhn("80840" + value)


def us_mbi(value: str) -> bool:
    """A US Medicare number: a form of its own without S, L, O, I, B and Z."""
    return _MBI.fullmatch(value.upper()) is not None


def ca_sin(value: str) -> bool:
    """A Canadian social insurance number: Luhn; 0 and 8 do not begin one."""
    return value[0] not in "08" and is_varied(value) and luhn(value)


def br_cpf(value: str) -> bool:
    """A Brazilian person's tax number: two sums modulo eleven."""
    return is_varied(value) and all(_brazilian(value, at, range(at + 1, 1, -1)) for at in (9, 10))


def br_cnpj(value: str) -> bool:
    """A Brazilian company's number: two sums modulo eleven."""
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return is_varied(value) and all(_brazilian(value, at, weights[13 - at :]) for at in (12, 13))


def _brazilian(value: str, at: int, weights: range | tuple[int, ...]) -> bool:
    return 10 * weighted(value[:at], weights) % 11 % 10 == int(value[at])


def ar_cuit(value: str) -> bool:
    """An Argentinian tax number: a kind, then a sum modulo eleven."""
    check = -weighted(value[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return value[:2] in ("20", "23", "24", "25", "26", "27", "30", "33", "34") and str(check) == value[10]


def cl_rut(value: str) -> bool:
    """A Chilean number: a sum modulo eleven whose ten is K."""
    total = sum(int(digit) * (2 + at % 6) for at, digit in enumerate(reversed(value[:-1])))
    return is_varied(value[:-1]) and "0123456789K"[-total % 11] == value[-1].upper()


def mx_curp(value: str) -> bool:
    """A Mexican population code: a date, and a sum over its 37 characters."""
    letters = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(letters.index(char) * (18 - at) for at, char in enumerate(value[:17]))
    return is_date(value[8:10], value[6:8]) and str(-total % 10) == value[17]
