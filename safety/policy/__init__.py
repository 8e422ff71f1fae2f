"""The policy layer: Cedar over principal, tool, typed arguments, facts and session labels. It reads no files."""

from .bundle import PolicyBundle
from .cases import decided_by
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
)

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
    "PolicyRequest",
    "decided_by",
]
