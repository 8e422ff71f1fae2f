"""What the MCP server asks of whoever decides about calls. It decides about none itself."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from holdfast.contracts import Line, Method, Offers, Principal, ToolCall, ToolName, ToolResult, ToolSpec


class Listing(StrEnum):
    """One of the lists that a client reads, and is told of when it is another."""

    TOOLS = "tools"
    PROMPTS = "prompts"
    RESOURCES = "resources"
    """Resources and templates."""


class ToolService(Protocol):
    """Decides and runs calls: the dispatcher, and what there is to call."""

    async def execute(self, call: ToolCall, principal: Principal, /, *, line: Line | None = None) -> ToolResult:
        """Take *call* through every layer. Denials and limit hits are results.

        *line* is the way back to the client while the call runs; without one it hears nothing and is asked nothing.

        Raises: CallerError for what has no result. Cancelling it ends what was started, and the record says so.
        """
        ...

    def visible(self, principal: Principal, /) -> Sequence[ToolSpec]:
        """The tools *principal* may know of, in a stable order; specs of other methods are not among them."""
        ...

    def offers(self, principal: Principal, /) -> Offers:
        """The resources, templates and prompts *principal* may know of."""
        ...

    def place(self, method: Method, served: str, /) -> tuple[ToolName, str] | None:
        """Who takes *method* on the served URI, or prompt, *served*: the spec's name, and what its server calls it.

        None when there is nothing of that name. A resource that matches an approved template is there. The calls:
        `resources/read {uri}`, `prompts/get {name, arguments?}`, `completion/complete {kind: "prompt" | "resource",
        ref, argument, value, context?}`. What they answer: resource blocks; the blocks of all messages in order, with
        `structured` `{description, roles}`; `structured` `{values, total, hasMore}`.
        """
        ...
