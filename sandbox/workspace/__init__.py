"""The workspace broker: files under one root for tools, never anything outside it, never a deletion."""

from .broker import Caps, WorkspaceBroker
from .names import PROTECTED_NAMES, ProtectedNames, fold
from .openers import Resolution
from .overlap import refuse_overlap
from .survey import Located, Mark, changes

__all__ = [
    "PROTECTED_NAMES",
    "Caps",
    "Located",
    "Mark",
    "ProtectedNames",
    "Resolution",
    "WorkspaceBroker",
    "changes",
    "fold",
    "refuse_overlap",
]
