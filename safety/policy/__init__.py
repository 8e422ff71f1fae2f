"""The policy layer: Cedar over principal, tool, typed arguments, facts and session labels. It reads no files."""

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

__all__ = [
    "Allowed",
    "ApprovalLevel",
    "Asks",
    "Broken",
    "Denied",
    "Effect",
    "Explanation",
    "Facts",
    "Match",
    "PolicyBundle",
    "PolicyDecision",
    "PolicyInput",
    "PolicyRequest",
    "ToolSketch",
    "Unclear",
    "decided_by",
    "redacted",
    "verdict_of",
]
