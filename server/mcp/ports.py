"""What the MCP server asks of whoever decides about calls. It decides about none itself."""

from collections.abc import Sequence
from typing import Protocol

from holdfast.contracts import Principal, ToolCall, ToolResult, ToolSpec


class ToolService(Protocol):
    """Decides and runs calls: the dispatcher. The same two methods that HTTP asks for."""

    async def execute(self, call: ToolCall, principal: Principal, /) -> ToolResult:
        """Take *call* through every layer. Denials and limit hits are results.

        Raises: CallerError for what has no result. Cancelling it ends what was started, and the record says so.
        """
        ...

    def visible(self, principal: Principal, /) -> Sequence[ToolSpec]:
        """The tools *principal* may know of, in a stable order."""
        ...
