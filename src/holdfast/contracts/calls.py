"""What a host asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

from .json_values import Json
from .specs import ToolName

CallId = NewType("CallId", str)
ApprovalId = NewType("ApprovalId", str)


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
