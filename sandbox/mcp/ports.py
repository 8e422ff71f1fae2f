"""What the MCP client side asks of others: a store for pins, a confined child, a schema check. Implements none."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from holdfast.contracts import Digest
from holdfast.contracts.json_values import Json

from .config import UpstreamConfig


class PinStore(Protocol):
    """Which definitions an operator approved. Durable; shared by all replicas."""

    async def get(self, upstream: str, /) -> Mapping[str, Digest]:
        """The approved definition of each tool of *upstream*, by the tool's own name."""
        ...

    async def put(self, upstream: str, tool: str, definition: Digest, /) -> None:
        """Approve *definition* for *tool*, replacing what was approved before."""
        ...

    async def remove(self, upstream: str, tool: str, /) -> None:
        """Withdraw the approval of *tool*; nothing happens when there is none."""
        ...


class Ended(Protocol):
    """How a child ended."""

    @property
    def killed(self) -> bool:
        """Whether we or a limit ended it. When nobody asked for it, that was its memory limit."""
        ...


class Child(Protocol):
    """A confined process spoken to over its standard input and output."""

    @property
    def isolation(self) -> tuple[str, ...]:
        """What confines it, as applied."""
        ...

    async def receive(self, most: int, /) -> bytes:
        """At most *most* bytes of its output, at least one; empty once it has closed it."""
        ...

    async def send(self, data: bytes, /) -> None:
        """Write all of *data* to its input.

        Raises: OSError when it no longer reads.
        """
        ...

    async def wait(self) -> Ended:
        """Wait until it and all it started have ended."""
        ...

    async def close(self) -> None:
        """End it and all it started, within seconds whatever it does. Idempotent."""
        ...

    def log(self) -> str:
        """The newest of what it wrote to its standard error, bounded. Untrusted."""
        ...


class ChildStarter(Protocol):
    """Starts the confined child of a stdio upstream."""

    async def __call__(self, config: UpstreamConfig, /) -> Child:
        """Start the command of *config* with nothing but what it grants.

        Raises: OperatorError when it cannot be confined as asked, or its program cannot be run.
        """
        ...


OutputCheck: TypeAlias = Callable[[Mapping[str, Json], Json], str | None]
"""Whether structured output matches the schema: None, or one constant sentence. Bounded in steps; runs on a thread."""
