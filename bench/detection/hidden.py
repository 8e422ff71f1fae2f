"""Hidden channels that the sanitizer finds, and ordinary Unicode that it leaves byte for byte."""

from collections.abc import Iterator
from pathlib import Path

from holdfast.contracts import Where

from .layers import layers
from .rows import Table, read


def tables(folder: Path) -> Iterator[Table]:
    """Rows that hide something, then rows that do not."""
    found = Table(title="hidden channels", columns=("changed", "found"))
    kept = Table(title="ordinary Unicode", columns=("changed", "flagged"))
    for place, row in read(folder, "unicode_hidden"):
        text, seen = layers().sanitizer.text(row["text"], where=Where.OUTPUT)
        hit, hides = bool(seen), bool(row["label"])
        for line in ("all", row["kind"]):
            (found if hides else kept).count(line, (text != row["text"], hit), wrong=place if hit != hides else None)
    yield found
    yield kept
