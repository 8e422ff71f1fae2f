"""Lays out what somebody decides by: every value whole, on lines that it cannot leave. It chooses nothing.

Each line of a value stands behind a bar, and is broken here rather than by the terminal: no text from a guest can
look like a line of ours.
"""

import json
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len

from holdfast.contracts import Json

from ..terminal import escaped, escaped_json

WIDTH: Final = 92
"""Columns of a value's lines; with margin and bar they fit the 100 that people give a terminal."""
_BAR: Final = "| "
_FURTHER: Final = ": "
"""Before what goes on from the line above."""
_LINE_END_SPACE: Final = "\\u0020"


class Page:
    """Lines for a person, from top to bottom."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def head(self, title: str) -> None:
        """Begin a part."""
        if self._lines:
            self._lines.append("")
        self.line(title, deep=0)

    def line(self, text: str, *, deep: int = 2) -> None:
        """One statement, *deep* columns in. What of it comes from elsewhere is escaped."""
        self._broken(escaped(text), " " * deep, "")

    def value(self, value: Json, *, deep: int = 4) -> None:
        """A whole value behind a bar: a text line by line, everything else as JSON."""
        if isinstance(value, str):
            lines = [escaped(line) for line in value.split("\n")]
        else:
            lines = escaped_json(json.dumps(value, ensure_ascii=False, indent=2)).split("\n")
        for line in lines:
            ending = line[:-1] + _LINE_END_SPACE if line.endswith(" ") else line
            self._broken(ending, " " * deep, _BAR)

    def text(self) -> str:
        """All of it."""
        return "\n".join(self._lines) + "\n"

    def _broken(self, line: str, margin: str, bar: str) -> None:
        for place, piece in enumerate(_pieces(line, words=not bar)):
            self._lines.append(margin + (bar if place == 0 else _FURTHER) + piece)


def kind(value: Json) -> str:
    """What sort of value it is: the text `1` and the number look alike on a page."""
    match value:
        case str():
            return "text" if value else "empty text"
        case bool():
            return "true or false"
        case None:
            return "null"
        case int() | float():
            return "number"
        case list():
            return "list"
        case _:
            return "object"


def _pieces(line: str, *, words: bool) -> Iterator[str]:
    """*line* in pieces that fit `WIDTH` columns, broken between words if asked; one for the empty line."""
    begin = 0
    while (end := _fitting(line, begin)) < len(line):
        space = line.rfind(" ", begin, end)
        end = space + 1 if words and space > begin else end
        yield line[begin:end]
        begin = end
    yield line[begin:]


def _fitting(line: str, begin: int) -> int:
    """Where the piece that starts at *begin* must end."""
    width = 0
    for place in range(begin, len(line)):
        width += cell_len(line[place])
        if width > WIDTH:
            return place
    return len(line)
