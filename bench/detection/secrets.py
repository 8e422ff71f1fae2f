"""Recall, false positives and value covered of the credential layers, each apart and both as a text meets them."""

from collections.abc import Iterator
from pathlib import Path

from holdfast.contracts import Where

from .layers import SECRETS, acted, covered, layers, looked
from .rows import Row, Table, read

COLUMNS = ("leak rules", "credential detector", "note or more", "both")
ENOUGH = 0.9
"""The share of a value that must lie in spans before it counts as covered."""


def tables(folder: Path) -> Iterator[Table]:
    """Recall by source, value covered by source, false positives by kind."""
    recall = Table(title="secrets found", columns=COLUMNS)
    spans = Table(title="value covered", columns=("leak rules", "credential detector", "both"))
    for name in ("secrets_positive", "secrets_positive_extra"):
        for place, row in read(folder, name):
            _found(place, row, "easy variants" if name.endswith("extra") else row["source"], recall, spans)
    yield recall
    yield spans
    yield _false(folder)


def _found(place: str, row: Row, line: str, recall: Table, spans: Table) -> None:
    text, value = row["text"], row.get("value")
    leaks = acted(layers().detectors.leaks.scan((text,), Where.OUTPUT))
    names = acted(layers().detectors.credentials.scan((text,), Where.OUTPUT))
    seen = looked(text)
    both = acted(seen)
    noted = any(found.layer in SECRETS for found in seen)
    for each in (line, "all") if line != "easy variants" else (line,):
        hits = (bool(leaks), bool(names), noted, bool(both))
        recall.count(each, hits, wrong=None if both else place)
        at = text.find(value) if value else -1
        if at >= 0:
            shares = [covered(found, at, at + len(value)) >= ENOUGH for found in (leaks, names, both)]
            spans.count(each, shares, wrong=None if shares[-1] else place)


def _false(folder: Path) -> Table:
    table = Table(title="flagged although no secret", columns=COLUMNS)
    for place, row in read(folder, "secrets_negative"):
        text = row["text"]
        leaks = acted(layers().detectors.leaks.scan((text,), Where.OUTPUT))
        names = acted(layers().detectors.credentials.scan((text,), Where.OUTPUT))
        seen = looked(text)
        both = acted(seen)
        hits = (bool(leaks), bool(names), any(found.layer in SECRETS for found in seen), bool(both))
        for line in _lines(row):
            table.count(line, hits, wrong=place if both else None)
    return table


def _lines(row: Row) -> tuple[str, ...]:
    """What a row without a secret counts as."""
    source, kind = row["source"], row["kind"]
    if source.startswith("benign_real"):
        return ("ordinary lines",)
    if source != "benign_synth":
        return ({"code_candidate": "hard negatives", "placeholder_X": "placeholders"}.get(kind, "near misses"),)
    return (
        (f"look-alike: {kind}",) if kind == "example_key" else ("look-alikes but example keys", f"look-alike: {kind}")
    )
