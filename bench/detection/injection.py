"""Recall and false positives of the injection signals, by source and by kind."""

from collections.abc import Iterator
from pathlib import Path

from .layers import looked
from .rows import Table, read

LAYERS = ("injection",)
"""Signals of the text itself; hidden channels that the sanitizer finds count in a column of their own."""


def tables(folder: Path) -> Iterator[Table]:
    """Positives, then negatives."""
    for name, title in (("injection_positive", "instructions noted"), ("injection_negative", "noted although benign")):
        table = Table(title=title, columns=("hidden text", "signals"))
        for place, row in read(folder, name):
            found = looked(row["text"])
            hit = any(each.layer in LAYERS for each in found)
            hidden = any(each.layer == "sanitizer" for each in found)
            for line in ("all", row["source"], f"kind: {row['kind']}"):
                table.count(line, (hidden, hit), wrong=place if hit != bool(row["label"]) else None)
        yield table
