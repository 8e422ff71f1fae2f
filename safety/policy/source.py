"""Cuts Cedar text into its statements and knows where each begins; it does not understand them."""

import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|;', re.DOTALL)
_BLANK: Final = re.compile(r"(?:\s|//[^\n]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One policy as written."""

    file: str
    line: int
    """Where its first word stands, from 1."""
    text: str

    @property
    def place(self) -> str:
        """The written form of where it is, for messages."""
        return f"`{self.file}` line {self.line}"


def statements(file: str, text: str) -> tuple[Statement, ...]:
    """Cut *text* after each `;` that is in neither a string nor a comment.

    What follows the last one is a statement too if it holds more than blanks and comments: the parser will refuse it.
    """
    found: list[Statement] = []
    begin = 0
    for token in _TOKEN.finditer(text):
        if token.group() == ";":
            found.extend(_statement(file, text, begin, token.end()))
            begin = token.end()
    found.extend(_statement(file, text, begin, len(text)))
    return tuple(found)


def _statement(file: str, text: str, begin: int, end: int) -> tuple[Statement, ...]:
    blank = _BLANK.match(text, begin, end)
    first = begin if blank is None else blank.end()
    if first == end:
        return ()
    return (Statement(file=file, line=text.count("\n", 0, first) + 1, text=text[first:end]),)
