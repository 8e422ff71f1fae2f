"""Personal data: recall, spans and false positives by entity."""

from collections.abc import Iterator
from pathlib import Path

from .layers import covered, looked
from .rows import Table, read

LAYER = "pii"
ENOUGH = 0.9
NOT_LOOKED_FOR = frozenset(
    {
        *("spacy", "stanza", "transformers", "huggingface_ner", "pattern", "date", "url", "certificate_number"),
        *("de_plz", "uk_postcode", "de_kfz", "uk_vehicle_registration", "tr_license_plate", "ng_vehicle_registration"),
        *("in_vehicle_registration", "de_handelsregister", "de_bsnr", "de_lanr", "ip", "mac"),
    }
)
"""Names and dates, which take a language model; plates, post codes, registers and practices; what is off by default."""


def tables(folder: Path) -> Iterator[Table]:
    """Positives with the share whose spans are covered, then negatives."""
    found = Table(title="personal data found", columns=("span covered", "found"))
    for place, row in read(folder, "pii_positive"):
        seen = [each for each in looked(row["text"]) if each.layer == LAYER]
        spans = row["spans"] or [[0, len(row["text"])]]
        exact = all(covered(seen, start, end) >= ENOUGH for start, end in spans if end > start)
        ours = () if row["entity"] in NOT_LOOKED_FOR else ("all that rules are for",)
        for line in ("all", *ours, row["entity"]):
            found.count(line, (exact, bool(seen)), wrong=None if seen else place)
    yield found
    false = Table(title="flagged although none", columns=("flagged",))
    for place, row in read(folder, "pii_negative"):
        hit = any(each.layer == LAYER for each in looked(row["text"]))
        for line in ("all", row["entity"]):
            false.count(line, (hit,), wrong=place if hit else None)
    yield false
