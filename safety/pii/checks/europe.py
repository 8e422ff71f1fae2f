"""Checks of European people's numbers. They know the form of a number, not whether it was given out."""

import re
from typing import Final

from .arithmetic import eleven_minus, is_date, is_varied, luhn, mod_11_10, numbers, weighted

_SPANISH: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_FINNISH: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_IRISH: Final = "WABCDEFGHIJKLMNOPQRSTUV"
_ITALIAN_ODD: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
"""What a character counts in an odd place, for 0 or A, 1 or B and so on (decree of 12 March 1974)."""
_NO_NINO: Final = frozenset({"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"})
_FRENCH: Final = re.compile(r"[1-478]\d\d(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d\d|2[AB])\d{8}")
_ITALIAN: Final = re.compile(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]")


def uk_nhs(value: str) -> bool:
    """A British health service number: a sum modulo eleven."""
    return is_varied(value) and eleven_minus(weighted(value[:9], range(10, 1, -1))) == int(value[9])


def uk_nino(value: str) -> bool:
    """A British national insurance number: letters that are given out, and A to D at the end."""
    letters = value[:2].upper()
    return letters not in _NO_NINO and letters[0] not in "DFIQUV" and letters[1] not in "DFIOQUV"


def de_tax_id(value: str) -> bool:
    """A German tax identification number: MOD 11,10, and no digit more than three times."""
    most = max(value[:10].count(digit) for digit in set(value[:10]))
    return value[0] != "0" and most <= 3 and "000" not in value[:10] and mod_11_10(value)


def icao_731(value: str) -> bool:
    """A German identity card or passport number: the sum of ICAO Doc 9303 with 7, 3, 1."""
    upper = value.upper()
    return any(char.isdigit() for char in upper[:8]) and weighted(upper[:-1], (7, 3, 1) * 3) % 10 == int(upper[-1])


def de_social(value: str) -> bool:
    """A German pension insurance number: an area, a birthday, a letter, a sum of sums of digits."""
    if not is_date(value[2:4], value[4:6]) or int(value[:2]) not in range(2, 90):
        return False
    spelled = f"{value[:8]}{ord(value[8].upper()) - 64:02}{value[9:11]}"
    products = (
        digit * weight for digit, weight in zip(numbers(spelled), (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    )
    return sum(sum(divmod(product, 10)) for product in products) % 10 == int(value[11])


def de_health(value: str) -> bool:
    """A German health insurance number: a letter, then Luhn's sum begun with a weight of one."""
    spelled = f"{ord(value[0].upper()) - 64:02}{value[1:9]}"
    total = sum(sum(divmod(digit * (1 + at % 2), 10)) for at, digit in enumerate(numbers(spelled)))
    return total % 10 == int(value[9])


def fr_nir(value: str) -> bool:
    """A French social security number: sex, year, month, place, and 97 minus the rest."""
    if _FRENCH.fullmatch(value) is None:
        return False
    number = int(value[:13].replace("2A", "19").replace("2B", "18"))
    return 97 - number % 97 == int(value[13:])


def es_nif(value: str) -> bool:
    """A Spanish person's number: the letter is the number modulo 23."""
    return is_varied(value[:-1]) and _SPANISH[int(value[:-1]) % 23] == value[-1].upper()


def es_nie(value: str) -> bool:
    """A Spanish foreigner's number: as the citizens', with X, Y, Z for 0, 1, 2."""
    return es_nif(str("XYZ".index(value[0].upper())) + value[1:])


def it_fiscal(value: str) -> bool:
    """An Italian tax code: fifteen characters and a letter that follows from them."""
    upper = value.upper()
    if _ITALIAN.fullmatch(upper) is None:
        return False
    places = [int(char) if char.isdigit() else ord(char) - 65 for char in upper]
    total = sum(_ITALIAN_ODD[place] if at % 2 == 0 else place for at, place in enumerate(places[:15]))
    return total % 26 == places[15]


def it_vat(value: str) -> bool:
    """An Italian company's tax number: Luhn."""
    return is_varied(value) and luhn(value)


def pl_pesel(value: str) -> bool:
    """A Polish number: a birthday whose month tells the century, and a sum."""
    month = f"{int(value[2:4]) % 20:02}"
    return is_date(value[4:6], month) and weighted(value, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def nl_bsn(value: str) -> bool:
    """A Dutch citizen's number: the test of eleven."""
    return is_varied(value) and weighted(value, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def be_national(value: str) -> bool:
    """A Belgian number: a birthday and 97 minus the rest, with a 2 before it for this century."""
    if not is_date(value[4:6], value[2:4]):
        return False
    return int(value[9:]) in (97 - int(value[:9]) % 97, 97 - int("2" + value[:9]) % 97)


def se_person(value: str) -> bool:
    """A Swedish person's number: a birthday (sixty more for a coordination number), and Luhn."""
    last = value[-10:]
    day = int(last[4:6])
    return is_date(f"{day - 60 if day > 60 else day:02}", last[2:4]) and luhn(last)


def se_company(value: str) -> bool:
    """A Swedish organisation's number: its third digit is two or more, and Luhn."""
    return value[2] in "23456789" and luhn(value)


def fi_person(value: str) -> bool:
    """A Finnish person's number: a birthday, a century, and a character modulo 31."""
    return is_date(value[:2], value[2:4]) and _FINNISH[int(value[:6] + value[-4:-1]) % 31] == value[-1].upper()


def no_person(value: str) -> bool:
    """A Norwegian person's number: a birthday (forty more for a D-number) and two sums modulo eleven."""
    day = int(value[:2])
    first = eleven_minus(weighted(value[:9], (3, 7, 6, 1, 8, 9, 4, 5, 2)))
    second = eleven_minus(weighted(value[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)))
    return is_date(f"{day - 40 if day > 40 else day:02}", value[2:4]) and value[9:] == f"{first}{second}"


def dk_person(value: str) -> bool:
    """A Danish person's number: a birthday; its sum is no longer kept since 2007."""
    return is_date(value[:2], value[2:4]) and is_varied(value)


def pt_tax(value: str) -> bool:
    """A Portuguese tax number: a sum modulo eleven, where ten is zero."""
    return (
        value[0] in "1235689"
        and is_varied(value)
        and eleven_minus(weighted(value, range(9, 1, -1))) % 10 == int(value[8])
    )


def ch_ahv(value: str) -> bool:
    """A Swiss insured person's number: 756 and the check digit of EAN-13."""
    return is_varied(value[3:]) and weighted(value, (1, 3) * 6 + (1,)) % 10 == 0


def at_social(value: str) -> bool:
    """An Austrian insured person's number: its fourth digit follows from the rest."""
    return value[0] != "0" and weighted(value, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == int(value[3])


def cz_birth(value: str) -> bool:
    """A Czech or Slovak birth number: a birthday (fifty more for women) and a multiple of eleven."""
    month = int(value[2:4]) % 50
    return is_date(value[4:6], f"{month - 20 if month > 20 else month:02}") and int(value) % 11 == 0


def ro_person(value: str) -> bool:
    """A Romanian person's number: sex and century, a birthday, a sum modulo eleven."""
    check = weighted(value[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return value[0] != "0" and is_date(value[5:7], value[3:5]) and (1 if check > 9 else check) == int(value[12])


def bg_person(value: str) -> bool:
    """A Bulgarian person's number: a birthday whose month tells the century, a sum modulo eleven."""
    month = f"{int(value[2:4]) % 20:02}"
    return is_date(value[4:6], month) and weighted(value[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(value[9])


def baltic_person(value: str) -> bool:
    """An Estonian or Lithuanian person's number: a birthday and a sum modulo eleven, tried with two sets of weights."""
    check = weighted(value[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check > 9:
        check = weighted(value[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return value[0] in "123456" and is_date(value[5:7], value[3:5]) and check == int(value[10])


def ie_pps(value: str) -> bool:
    """An Irish public service number: a letter modulo 23, a second letter counted nine times."""
    upper = value.upper()
    second = ord(upper[8]) - 64 if len(upper) > 8 and upper[8] != "W" else 0
    return _IRISH[(weighted(upper[:7], range(8, 1, -1)) + 9 * second) % 23] == upper[7]


def hr_oib(value: str) -> bool:
    """A Croatian person's number: MOD 11,10."""
    return is_varied(value) and mod_11_10(value)


def gr_amka(value: str) -> bool:
    """A Greek insured person's number: a birthday, and Luhn."""
    return is_date(value[:2], value[2:4]) and luhn(value)


def tr_person(value: str) -> bool:
    """A Turkish citizen's number: two check digits over odd and even places."""
    digits = numbers(value)
    odd, even = sum(digits[0:9:2]), sum(digits[1:8:2])
    return digits[0] != 0 and (7 * odd - even) % 10 == digits[9] and sum(digits[:10]) % 10 == digits[10]
