"""Splits a bill, to the cent."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated


@dataclass
class Item:
    """One line of the bill."""

    what: str
    price: Decimal
    shared_by: list[str]
    """Who had of it; everybody, when it is empty."""


def split_bill(
    items: list[Item], people: list[str], tip_percent: Annotated[float, "on top of every line"] = 0.0
) -> dict[str, Decimal]:
    """Says what each pays of a bill, so that the parts add up to the whole.

    Args:
        items: the lines of the bill
        people: everybody at the table
        tip_percent: a percentage

    """
    owed = dict.fromkeys(people, 0)
    for item in items:
        cents = round(item.price * (100 + Decimal(str(tip_percent))))
        payers = item.shared_by or people
        unknown = sorted(set(payers) - set(people))
        if unknown:
            raise ValueError(f"{unknown[0]} is not at the table")
        for place, person in enumerate(payers):
            owed[person] += cents // len(payers) + (place < cents % len(payers))
    return {person: Decimal(cents).scaleb(-2) for person, cents in owed.items()}
