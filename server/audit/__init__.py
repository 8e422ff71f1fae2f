"""The record: two chained, keyed records a call, written before and after. It never holds arguments or output."""

from .chain import ChainWriter, Durability
from .checkpoint import Checkpoint, FileAnchor, read_checkpoint, sign
from .log import AuditLog, IntentRecord
from .reading import ChainReport, newest, tail, verify

__all__ = [
    "AuditLog",
    "ChainReport",
    "ChainWriter",
    "Checkpoint",
    "Durability",
    "FileAnchor",
    "IntentRecord",
    "newest",
    "read_checkpoint",
    "sign",
    "tail",
    "verify",
]
