"""Checks of numbers of people in Asia, Africa and Oceania. They know form, not whose it is."""

from typing import Final

from .arithmetic import eleven_minus, is_date, is_varied, luhn, numbers, verhoeff, weighted

_TAIWAN: Final = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
_SINGAPORE: Final = {"S": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "M": "KLJNPQRTUWX"}


def in_aadhaar(value: str) -> bool:
    """An Indian Aadhaar number: Verhoeff; 0 and 1 do not begin one, and it reads not the same backwards."""
    return value[0] not in "01" and value != value[::-1] and verhoeff(value)


def in_gstin(value: str) -> bool:
    """An Indian goods and services tax number: a state, a PAN, an entity, Z and a check character."""
    return 1 <= int(value[:2]) <= 37 or value[:2] in ("97", "99")


def au_tfn(value: str) -> bool:
    """An Australian tax file number: a sum modulo eleven."""
    return is_varied(value) and weighted(value, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def au_abn(value: str) -> bool:
    """An Australian business number: one less in front, a sum modulo 89."""
    if value[0] == "0":
        return False
    return weighted(str(int(value[0]) - 1) + value[1:], (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0


def au_acn(value: str) -> bool:
    """An Australian company number: a sum modulo ten."""
    return is_varied(value) and -weighted(value[:8], range(8, 0, -1)) % 10 == int(value[8])


def au_medicare(value: str) -> bool:
    """An Australian Medicare card: a first digit from 2 to 6, a sum modulo ten in the ninth place."""
    return value[0] in "23456" and weighted(value[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(value[8])


def nz_ird(value: str) -> bool:
    """A New Zealand tax number: a sum modulo eleven, tried with two sets of weights."""
    body, check = value[:-1].zfill(8), eleven_minus(weighted(value[:-1].zfill(8), (3, 2, 7, 6, 5, 4, 3, 2)))
    if check > 9:
        check = eleven_minus(weighted(body, (7, 4, 3, 2, 5, 2, 7, 6)))
    return 10_000_000 <= int(value) <= 150_000_000 and check == int(value[-1])


def sg_nric(value: str) -> bool:
    """A Singaporean identity number: a letter that follows from seven digits and the first letter."""
    upper = value.upper()
    total = weighted(upper[1:8], (2, 7, 6, 5, 4, 3, 2)) + (4 if upper[0] in "TG" else 3 if upper[0] == "M" else 0)
    table = _SINGAPORE[{"T": "S", "G": "F"}.get(upper[0], upper[0])]
    return (table[10 - total % 11] if upper[0] == "M" else table[total % 11]) == upper[8]


def kr_person(value: str) -> bool:
    """A Korean resident's or foreigner's number: a birthday and a century; its sum is no longer kept since 2020."""
    return is_date(value[4:6], value[2:4]) and value[6] in "12345678"


def kr_company(value: str) -> bool:
    """A Korean business number: a sum modulo ten with the ninth digit counted in full."""
    total = weighted(value[:9], (1, 3, 7, 1, 3, 7, 1, 3, 5)) + int(value[8]) * 5 // 10
    return -total % 10 == int(value[9])


def th_person(value: str) -> bool:
    """A Thai citizen's number: a sum modulo eleven."""
    rest = weighted(value[:12], range(13, 1, -1)) % 11
    return value[0] in "12345678" and (11 - rest) % 10 == int(value[12])


def cn_person(value: str) -> bool:
    """A Chinese citizen's number: a birthday, and a sum modulo eleven whose ten is X (GB 11643)."""
    if not is_date(value[12:14], value[10:12]) or value[6:8] not in ("19", "20"):
        return False
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[weighted(value[:17], weights) % 11] == value[17].upper()


def tw_person(value: str) -> bool:
    """A Taiwanese person's number: a letter for two digits, a sum modulo ten."""
    region = 10 + _TAIWAN.index(value[0].upper())
    return (region // 10 + 9 * (region % 10) + weighted(value[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def hk_person(value: str) -> bool:
    """A Hong Kong identity card: letters from 10 on, a sum modulo eleven whose ten is A."""
    upper = value.upper()
    letters = f"{upper[:-7]:>2}"
    places = [36 if char == " " else int(char, 36) for char in letters] + numbers(upper[-7:])
    return sum(place * weight for place, weight in zip(places, (9, 8, 7, 6, 5, 4, 3, 2, 1), strict=True)) % 11 == 0


def jp_person(value: str) -> bool:
    """A Japanese individual's number: a sum modulo eleven, where ten and eleven are zero."""
    rest = weighted(value[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return is_varied(value) and (0 if rest <= 1 else 11 - rest) == int(value[11])


def il_person(value: str) -> bool:
    """An Israeli identity number: Luhn over nine digits."""
    return is_varied(value) and luhn(value)


def za_person(value: str) -> bool:
    """A South African identity number: a birthday, citizen, resident or refugee, and Luhn."""
    return is_date(value[4:6], value[2:4]) and value[10] in "012" and luhn(value)


def ph_tin(value: str) -> bool:
    """A Philippine tax number: a sum modulo eleven in the ninth place; three digits of a branch may follow."""
    return is_varied(value[:9]) and weighted(value[:8], range(9, 1, -1)) % 11 == int(value[8])


def ng_nin(value: str) -> bool:
    """A Nigerian identity number: Verhoeff."""
    return is_varied(value) and verhoeff(value)
