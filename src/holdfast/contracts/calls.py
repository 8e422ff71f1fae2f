"""What a host asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NewType

from .json_values import Json
from .specs import ToolName

CallId = NewType("CallId", str)
ApprovalId = NewType("ApprovalId", str)


MOST_NESTED: Final = 3
"""Calls above one that a tool makes, down to the one that came from outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """That a tool makes the call, in the middle of a call of its own. Only the broker says so, never a caller."""

    by: CallId
    """The call in whose middle it is made."""
    depth: int
    """How many calls are above it: 1 to `MOST_NESTED`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One request to run one tool. Untrusted until a gate has authorized it."""

    id: CallId
    tool: ToolName
    arguments: Mapping[str, Json]
    session: str | None = None
    approval: ApprovalId | None = None
    idempotency_key: str | None = None
    deadline_ms: int | None = None
    nested: Nested | None = None
    """None: it came through a door. A nested call asks nobody: what would be pending is refused."""
