"""The policy layer: Cedar over principal, tool, typed arguments, facts and session labels. It reads no files."""

from .around import Approved, Around, Counts, Locations, Tooling, settle, settled, supposed
from .bundle import PolicyBundle
from .decisions import (
    Allowed,
    ApprovalLevel,
    Asks,
    Broken,
    Denied,
    Effect,
    Explanation,
    Facts,
    Match,
    PolicyDecision,
    PolicyRequest,
    decided_by,
    verdict_of,
)
from .inputs import PolicyInput, ToolSketch, Unclear, redacted
from .observing import NOTHING as NOTHING_OBSERVED
from .observing import Observes

__all__ = [
    "NOTHING_OBSERVED",
    "Allowed",
    "ApprovalLevel",
    "Approved",
    "Around",
    "Asks",
    "Broken",
    "Counts",
    "Denied",
    "Effect",
    "Explanation",
    "Facts",
    "Locations",
    "Match",
    "Observes",
    "PolicyBundle",
    "PolicyDecision",
    "PolicyInput",
    "PolicyRequest",
    "ToolSketch",
    "Tooling",
    "Unclear",
    "decided_by",
    "redacted",
    "settle",
    "settled",
    "supposed",
    "verdict_of",
]
