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
    begin, line = 0, 1
    for end in [*(token.end() for token in _TOKEN.finditer(text) if token.group() == ";"), len(text)]:
        blank = _BLANK.match(text, begin, end)
        first = begin if blank is None else blank.end()
        line += text.count("\n", begin, first)
        if first < end:
            found.append(Statement(file=file, line=line, text=text[first:end]))
        line += text.count("\n", first, end)
        begin = end
    return tuple(found)
