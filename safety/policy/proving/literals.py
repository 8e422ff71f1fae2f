"""What is written out in a policy, as numbers and pieces of text. It follows Cedar's own reading of them."""

import re
from collections.abc import Sequence
from typing import Final

from cedarpy import pst

from .symbols import LEAST, MOST

_DECIMAL: Final = re.compile(r"(-?)([0-9]+)\.([0-9]{1,4})")


def decimal_of(text: str) -> int | None:
    """The ten-thousandths that `decimal(text)` is; None if it fails."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        return None
    held = int(found[2]) * 10_000 + int(found[3].ljust(4, "0"))
    held = -held if found[1] else held
    return held if LEAST <= held <= MOST else None


def pieces(pattern: Sequence[pst.PatternElem]) -> tuple[str | None, ...]:
    """The texts of a pattern, with None for each `*`; one empty text for an empty pattern."""
    found: list[str | None] = []
    for element in pattern:
        last = found[-1] if found else None
        match element:
            case pst.Wildcard() if not found or last is not None:
                found.append(None)
            case pst.Char(value=char) if isinstance(last, str):
                found[-1] = last + char
            case pst.Char(value=char):
                found.append(char)
            case _:
                pass
    return tuple(found) or ("",)
