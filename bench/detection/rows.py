"""Reads a labelled set and holds a table of what was counted over it. It prints positions of rows, never a text."""

import json
import lzma
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Table:
    """One table of the page."""

    title: str
    columns: tuple[str, ...]
    """What is counted; each is a share of the rows of its line."""
    lines: dict[str, list[int]] = field(default_factory=dict)
    """Name of the line: how many rows, then how many of them for each column."""
    misses: dict[str, list[str]] = field(default_factory=dict)
    """Name of the line: `file:number` of each row that the last column got wrong."""

    def count(self, line: str, hits: Iterable[bool], *, wrong: str | None = None) -> None:
        """Add one row to *line*; *wrong* is its place when the last column is not what it should be."""
        counted = self.lines.setdefault(line, [0] * (len(self.columns) + 1))
        counted[0] += 1
        for at, hit in enumerate(hits, 1):
            counted[at] += hit
        if wrong is not None:
            self.misses.setdefault(line, []).append(wrong)

    def shares(self, line: str) -> list[float]:
        """Percent of the rows of *line* for each column."""
        rows, *hits = self.lines[line]
        return [100 * hit / rows for hit in hits]


def read(folder: Path, name: str) -> Iterator[tuple[str, Row]]:
    """Every row of a file with its place; nothing when *folder* has no such file."""
    path = folder / f"{name}.jsonl.xz"
    if not path.is_file():
        return
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            yield f"{name}:{number}", json.loads(line)


def written(table: Table) -> str:
    """*table* in Markdown, percent with one digit, two below one percent."""
    head = f"| {table.title} | rows | " + " | ".join(table.columns) + " |"
    rule = "|---|---" + "|---" * len(table.columns) + "|"
    body = [
        f"| {line} | {table.lines[line][0]} | " + " | ".join(_percent(share) for share in table.shares(line)) + " |"
        for line in sorted(table.lines, key=lambda name: name != "all")
    ]
    return "\n".join([head, rule, *body])


def _percent(share: float) -> str:
    return f"{share:.2f}" if 0 < share < 1 else f"{share:.1f}"
