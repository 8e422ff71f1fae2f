"""What passes between a running call and whoever made it: progress and logs one way, questions and answers the other.

Ports only. A `Line` is the raw end of a face and cleans nothing; a `Talk` is what a runtime is handed, and cleans,
judges and records whatever passes.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from .json_values import Json
from .seal import Authorized
from .specs import Method

NEEDS: Final[Mapping[Method, str]] = {
    Method.ELICITATION: "mcp/needs-elicitation",
    Method.SAMPLING: "mcp/needs-sampling",
    Method.ROOTS: "mcp/needs-roots",
}
"""The reason codes of a call that needs a client which can be asked something, when this one did not declare it."""


class Line(Protocol):
    """The way back to the client that made one call, for as long as the call runs."""

    @property
    def answers(self) -> frozenset[Method]:
        """What the client declared that it can be asked: of elicitation, sampling and roots."""
        ...

    @property
    def wants_progress(self) -> bool:
        """Whether it asked to be told how far the call is."""
        ...

    @property
    def log_level(self) -> str | None:
        """The least severe level it wants to hear of (`debug` to `emergency`, RFC 5424); None for no logs."""
        ...

    async def progress(self, done: float, total: float | None, message: str | None, /) -> None:
        """Tell it how far the call is, if it asked to be told."""
        ...

    async def log(self, level: str, logger: str | None, data: Json, /) -> None:
        """Hand it one log entry."""
        ...

    async def ask(self, method: Method, params: Mapping[str, Json], /, *, key: str | None = None) -> Mapping[str, Json]:
        """Ask it, and wait for its answer: the result that MCP defines for *method*.

        *key* is what the server calls the question, if it does; a client of 2026-07-28 sees it. Questions asked at
        once reach such a client together.

        Raises: Refusal when it cannot be asked or does not answer.
        """
        ...


class Talk(Protocol):
    """What the runtime of an MCP server may say to, and ask of, whoever made a call."""

    def answers(self, call: Authorized, /) -> frozenset[Method]:
        """What *call*'s server may ask: declared by the client, and granted by the server's entry."""
        ...

    def wants_progress(self, call: Authorized, /) -> bool:
        """Whether the client asked to be told; a server that nobody listens to is not asked for progress."""
        ...

    def log_level(self, call: Authorized, /) -> str | None:
        """The least severe level wanted; None for no logs."""
        ...

    async def progress(self, call: Authorized, done: float, total: float | None, message: str | None, /) -> None:
        """Pass progress on, cleaned; never fails."""
        ...

    async def log(self, call: Authorized, level: str, logger: str | None, data: Json, /) -> None:
        """Pass a log entry on, cleaned; never fails."""
        ...

    async def ask(
        self, call: Authorized, method: Method, params: Mapping[str, Json], /, *, key: str | None = None
    ) -> Mapping[str, Json]:
        """Put a question of *call*'s server to the client: cleaned, judged as a call of its own, and recorded.

        Raises: Refusal when it may not be asked, or the answer may not go to the server.
        """
        ...
