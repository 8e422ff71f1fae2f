"""What a tool does to the world, and what a session has learned from it."""

from enum import StrEnum


class Effect(StrEnum):
    """One kind of consequence. A tool that declares none of them explicitly has all of them."""

    READ_PRIVATE = "read_private"
    READ_UNTRUSTED = "read_untrusted"
    WRITE = "write"
    EGRESS = "egress"
    EXECUTE = "execute"
    SPEND = "spend"


ALL_EFFECTS: frozenset[Effect] = frozenset(Effect)
CONSEQUENTIAL: frozenset[Effect] = frozenset({Effect.WRITE, Effect.EGRESS, Effect.EXECUTE, Effect.SPEND})
"""Effects that outlive the call: their intent is on disk before the call runs."""


class Label(StrEnum):
    """What flowed into a session. Labels are only ever added."""

    PRIVATE = "private"
    UNTRUSTED = "untrusted"
