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


def labels_read(effects: frozenset[Effect]) -> frozenset[Label]:
    """The labels a session takes on when a tool with *effects* has answered."""
    learned: set[Label] = set()
    if Effect.READ_PRIVATE in effects:
        learned.add(Label.PRIVATE)
    if Effect.READ_UNTRUSTED in effects:
        learned.add(Label.UNTRUSTED)
    return frozenset(learned)
