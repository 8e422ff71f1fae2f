"""Reads from the record what rules that are only observed would have stopped. It judges nothing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from holdfast.contracts import Json, OperatorError

from .audit import newest

MOST: Final = 100_000
"""Records looked at, the newest."""


def observations(root: Path) -> list[Json]:
    """One row for each layer, verdict and set of rules in the record of the data directory *root*, the most first.

    Raises: OperatorError when there is no record.
    """
    folder = root / "audit"
    if not folder.is_dir():
        raise OperatorError(f"there is no record in `{root}`")
    return counted(newest(folder, MOST))


def counted(records: Iterable[Mapping[str, Json]]) -> list[Json]:
    """The rows for *records*, oldest first."""
    tools: dict[str, str] = {}
    found: dict[tuple[str, str, str], dict[str, Json]] = {}
    counts: dict[tuple[str, str, str], int] = {}
    seen: dict[tuple[str, str, str], dict[str, None]] = {}
    for record in records:
        call = str(record.get("call_id"))
        if record.get("kind") == "intent":
            tools[call] = str(record.get("tool"))
        for one in _observed(record):
            rules = one.get("rules")
            named = ", ".join(map(str, rules)) if isinstance(rules, list) else ""
            key = (str(one.get("layer")), str(one.get("would")), named)
            counts[key] = counts.get(key, 0) + 1
            if call in tools:
                seen.setdefault(key, {})[tools[call]] = None
            found[key] = {"last": record.get("at"), "call": call, "policy": record.get("policy")}
    return [
        {
            "layer": key[0],
            "would": key[1],
            "rules": key[2],
            "calls": counts[key],
            "tools": ", ".join(seen.get(key, {})),
            **found[key],
        }
        for key in sorted(found, key=lambda one: -counts[one])
    ]


def _observed(record: Mapping[str, Json]) -> Iterable[Mapping[str, Json]]:
    decisions = record.get("decisions") if record.get("kind") == "outcome" else None
    return (
        one for one in (decisions if isinstance(decisions, list) else ()) if isinstance(one, Mapping) and "would" in one
    )
