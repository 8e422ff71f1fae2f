"""Says where a text is code, and whether it is no prose at all. What is not plainly code is none, so none can hide.

Renderers agree on little of Markdown. A stretch counts as code only where they do: fenced at the margin and closed, or
within backticks that pair on their line and on every line before it in its paragraph. From the first construct on that
moves these borders (raw HTML, a fence in a list or quote), nothing counts as code any more.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_FENCE: Final = re.compile(r"(`{3,}(?=[^`\n]*$)|~{3,})")
_CLOSING: Final = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*$")
_UNCLEAR: Final = re.compile(r"[\s>*+\-\d.):]*(?:`{3}|~{3}|<[a-zA-Z/!?])")
_WHOLE_COMMENT: Final = re.compile(r"<!--(?:(?!-->)[^\n])*-->[ \t]*$")
_RUN: Final = re.compile(r"`+")
_UNPAIRABLE: Final = re.compile(r"[<|]|\\`")
_CODE_LINE: Final = re.compile(
    r" {4}|\t|\s*(?:\s#|//|/\*|\*[ /]|--|;;|#!|#include|#\[|import\s|from\s+\S+\s+import\b|@\w+[\w.(]|[})\]]"
    r"|(?:pub|async|def|class|fn|func|package|use|mod|struct|enum|impl|type|const|let|var|return|export|static|public"
    r"|private|if|for|while|else|match|switch|try)\b[^.]*[({:;=]"
    r"|[\w.\[\]\"']+\s*(?:[-+*/|]?=|:=)\s*\S|(?:-\s+)?[a-z_][\w.\"'-]*:(?:\s|$)|\[?\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d)"
    r"|[^\n]*[;{}]\s*$"
)
"""Indentation, comments, keywords, brackets, assignments, keys, times; lines that end a statement or open a block."""
_LINES: Final = 400
_FEWEST_LINES: Final = 5
_CODE_SHARE: Final = 0.5
_MOST_JSON_LINES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Regions:
    """Stretches of a text that are code, in order."""

    starts: Sequence[int]
    ends: Sequence[int]

    def hold(self, position: int) -> bool:
        """Whether the character at *position* is code."""
        index = bisect_right(self.starts, position) - 1
        return index >= 0 and position < self.ends[index]


def code_regions(text: str) -> Regions:
    """Where *text* is code by every reading of Markdown."""
    found: list[tuple[int, int]] = []
    fence, fenced_from, at, paired = "", 0, 0, True
    for line in text.split("\n"):
        end = at + len(line)
        if fence:
            closing = _CLOSING.match(line)
            if closing and closing[1][0] == fence[0] and len(closing[1]) >= len(fence):
                found.append((fenced_from, end))
                fence, paired = "", True
        elif opening := _FENCE.match(line):
            fence, fenced_from = opening[1], at
        elif _UNCLEAR.match(line) and not _WHOLE_COMMENT.match(line):
            break
        elif not line.strip():
            paired = True
        else:
            spans = _spans(line) if paired else None
            paired = spans is not None
            found += [(at + start, at + stop) for start, stop in spans or ()]
        at = end + 1
    return Regions([start for start, _ in found], [stop for _, stop in found])


def is_data(text: str) -> bool:
    """Whether *text* is JSON, as a whole or line by line."""
    plain = text.strip()
    if plain[:1] not in ("{", "["):
        return False
    lines = plain.split("\n")
    return _is_json(plain) or (len(lines) <= _MOST_JSON_LINES and all(map(_is_json, filter(str.strip, lines))))


def is_source(text: str) -> bool:
    """Whether most lines of *text* have the shape of source code, configuration, a table or a log."""
    lines = [line for line in text.split("\n", _LINES)[:_LINES] if line.strip()]
    if len(lines) < _FEWEST_LINES:
        return False
    commented = [line.lstrip().startswith("#") for line in lines]
    in_blocks = sum(mark and (before or after) for before, mark, after in _neighbours(commented))
    commas = lines[0].count(",")
    rows = sum(line.count(",") >= commas for line in lines) if commas > 1 else 0
    shaped = in_blocks + sum(_CODE_LINE.match(line) is not None for line in lines)
    return max(shaped, rows) >= len(lines) * _CODE_SHARE


def _neighbours(marks: list[bool]) -> list[tuple[bool, bool, bool]]:
    return list(zip([False, *marks], marks, [*marks[1:], False], strict=False))


def _spans(line: str) -> list[tuple[int, int]] | None:
    """The code spans of *line*; None when its backticks do not pair on it, or something else may claim one."""
    if "`" not in line:
        return []
    if _UNPAIRABLE.search(line):
        return None
    spans: list[tuple[int, int]] = []
    runs = list(_RUN.finditer(line))
    at = 0
    while at < len(runs):
        length = len(runs[at][0])
        closing = next((index for index in range(at + 1, len(runs)) if len(runs[index][0]) == length), None)
        if closing is None:
            return None
        spans.append((runs[at].start(), runs[closing].end()))
        at = closing + 1
    return spans


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False
