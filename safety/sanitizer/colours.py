"""Follows a terminal's colours through their sequences and says when writing would not show; it edits nothing."""

import re
from typing import Final, TypeAlias

_Colour: TypeAlias = tuple[str, ...] | None

_FOREGROUND: Final = 38
_BACKGROUND: Final = 48
_MOST_PARAMETERS: Final = 32
_COUNTS: Final = {"5": 1, "2": 3}
"""Parameters after `38` or `48` and the kind: one of a palette of 256, or red, green and blue."""


class Pen:
    """The colours a terminal would write in now."""

    def __init__(self) -> None:
        self._concealed = False
        self._ink: _Colour = None
        self._paper: _Colour = None

    def hides_after(self, parameters: str) -> bool:
        """Take the *parameters* of a colour sequence in; answer whether what is written from then on does not show."""
        left = re.split(r"[;:]", parameters)[:_MOST_PARAMETERS]
        while left:
            self._take(int(left.pop(0)[-4:] or "0"), left)
        return self._concealed or (self._ink is not None and self._ink == self._paper)

    def _take(self, number: int, left: list[str]) -> None:
        match number:
            case 0:
                self._concealed, self._ink, self._paper = False, None, None
            case 8:
                self._concealed = True
            case 28:
                self._concealed = False
            case 38:
                self._ink = _extended(left)
            case 48:
                self._paper = _extended(left)
            case _ if number in range(30, 40):
                self._ink = (str(number - 30),) if number < _FOREGROUND else None
            case _ if number in range(40, 50):
                self._paper = (str(number - 40),) if number < _BACKGROUND else None
            case _ if number in range(90, 98):
                self._ink = (str(number - 82),)
            case _ if number in range(100, 108):
                self._paper = (str(number - 92),)
            case _:
                pass


def _extended(left: list[str]) -> _Colour:
    """The colour that the next parameters name; they are taken away."""
    count = _COUNTS.get(left.pop(0).lstrip("0"), 0) if left else 0
    colour, left[:count] = tuple(one.lstrip("0") or "0" for one in left[:count]), []
    return colour or None
