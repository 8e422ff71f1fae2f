"""Checks of numbers that money moves by: cards, accounts, routing, addresses of coins. They know form, not owners."""

import re
from typing import Final

from ...checksums import BECH32, BECH32M, holds_base58check, holds_bech32
from .arithmetic import is_varied, luhn, mod_97, weighted

_ISSUERS: Final = re.compile(
    r"4.{15}(?:.{3})?|5[1-5].{14}|2(?:22[1-9]|2[3-9].|[3-6]..|7[01].|720).{12}|3[47].{13}|3(?:0[0-5]|[68].).{11}|"
    r"35(?:2[89]|[3-8].).{12}|6(?:011|4[4-9].|5..).{12}(?:.{3})?|62.{14,17}|9792.{12}|220[0-4].{12}|"
    r"(?:50|5[6-9]|6[01379]).{14,17}|(?:5018|5020|5038|5893|6304|6759|676[1-3]).{8,11}"
)
"""Issuer and length (ISO/IEC 7812 and the networks' published ranges): Visa, Mastercard, American Express, Diners, JCB,
Discover, UnionPay, Troy, Mir, Maestro. Visa's old thirteen digits are left out: no card has them, and many goods do."""
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FO FI GL NL SD FK",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK MN",
        21: "HR LV LI CH",
        22: "BH BG CR GE DE IE ME RS GB VA",
        23: "AE GI IQ IL OM SO TL",
        24: "AD CZ MD PK RO SA SK ES SE TN VG",
        25: "PT ST LY",
        26: "IS TR",
        27: "BI DJ FR GR IT MR MC SM",
        28: "AL AZ BY CY DO SV GT HU LB NI PL",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
"""Country and length of its numbers (SWIFT IBAN registry)."""
_IBAN_DIGITS: Final = re.compile(
    "A[ET]|B[AE]|C[RZ]|D[EK]|E[ES]|F[IO]|GL|H[RU]|I[LS]|L[TY]|M[ER]|NO|P[LT]|RS|S[DEIKT]|T[LN]|XK"
)
"""Countries whose account numbers are digits alone."""
_ADDRESS_BYTES: Final = 25
"""Of an address in base 58: version, hash and checksum."""


def card(value: str) -> bool:
    """A number of a card network, with its check digit."""
    return _ISSUERS.fullmatch(value) is not None and is_varied(value) and luhn(value)


def iban(value: str) -> bool:
    """An international bank account number (ISO 13616): a country, its length, MOD 97-10."""
    country = value[:2]
    if _IBAN_LENGTHS.get(country) != len(value) or (_IBAN_DIGITS.fullmatch(country) and not value[4:].isdigit()):
        return False
    return is_varied(value[4:]) and mod_97(value[4:] + value[:4]) == 1


def aba(value: str) -> bool:
    """A routing number of the American Bankers Association: a Federal Reserve district and a sum with 3, 7, 1."""
    district = int(value[:2])
    known = district <= 12 or 21 <= district <= 32 or 61 <= district <= 72 or district == 80
    return known and is_varied(value) and weighted(value, (3, 7, 1) * 3) % 10 == 0


def base58check(value: str) -> bool:
    """An address of Bitcoin and its kin in base 58: version, hash, and four bytes of a double SHA-256."""
    return holds_base58check(value, _ADDRESS_BYTES)


def bech32(value: str) -> bool:
    """An address in bech32 or bech32m, whose last six characters are a polynomial's rest."""
    return value in (value.lower(), value.upper()) and holds_bech32(value, BECH32, BECH32M)
