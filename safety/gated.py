"""Asks `re` only where RE2 finds something: the same answers, a hundred times sooner on what holds nothing.

`re` tries every branch of an alternation at every character, ten microseconds for a name; RE2 reads each byte once.
It knows no lookarounds: without them a pattern finds no less, so what it does not find is not there.
"""

import re
from typing import Final

from .expressions import expression

_LINES: Final = dict.fromkeys(map(ord, "\n\r\t"))
_ASSERTION: Final = re.compile(r"\(\?<?[=!]")


class Gated:
    """Whether a pattern occurs in a text."""

    __slots__ = ("_ends", "_gate", "_is_whole", "exact")

    def __init__(self, pattern: str, *, ignore_case: bool = False) -> None:
        """Compile *pattern*, as `re` reads it.

        Raises: ValueError when RE2 does not read what is left without its lookarounds.
        """
        plain = _without_assertions(pattern)
        # What is not ASCII is in no text that the gate is asked about.
        ascii_only = "".join(char if char.isascii() else r"\x00" for char in plain)
        self._gate = expression(f"(?i:{ascii_only})" if ignore_case else ascii_only)
        self.exact = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
        self._is_whole = plain == pattern
        self._ends = "$" in pattern.replace(r"\$", "")

    def search(self, text: str) -> bool:
        """Whether it occurs in *text*."""
        if text.isascii() and self._alike(text):
            found = self._gate.search(text.encode("ascii")) is not None
            if self._is_whole or not found:
                return found
        return self.exact.search(text) is not None

    def _alike(self, text: str) -> bool:
        """Whether the two think alike of the characters of *text*: of controls they do not, nor of where lines end."""
        return text.isprintable() or (not self._ends and text.translate(_LINES).isprintable())


def _without_assertions(pattern: str) -> str:
    """*pattern* without its lookarounds; none of them holds a parenthesis in a class."""
    kept, at = "", 0
    while found := _ASSERTION.search(pattern, at):
        kept += pattern[at : found.start()]
        at, depth = found.end(), 1
        while depth:
            depth += (pattern[at] == "(") - (pattern[at] == ")")
            at += 2 if pattern[at] == "\\" else 1
    return kept + pattern[at:]
