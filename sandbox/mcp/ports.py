"""What the MCP client side asks of others: a store for pins, a confined child, a schema check. Implements none."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from holdfast.contracts import Digest, Secret, TenantId
from holdfast.contracts.json_values import Json

from .config import UpstreamConfig


class PinStore(Protocol):
    """Which definitions an operator approved. Durable; keys as `key_of` makes them: a tool's is its name."""

    async def get(self, upstream: str, /) -> Mapping[str, Digest]:
        """The approved definitions of *upstream*, by key."""
        ...

    async def put(self, upstream: str, definitions: Mapping[str, Digest], /, *, by: str) -> None:
        """Approve *definitions*, by key, replacing what was approved of those keys before.

        Raises: OperatorError when it cannot be kept; then none is approved.
        """
        ...

    async def remove(self, upstream: str, key: str, /) -> None:
        """Withdraw the approval of *key*; nothing happens when there is none."""
        ...


class Ended(Protocol):
    """How a child ended."""

    @property
    def killed(self) -> bool:
        """Whether we or a limit ended it. When nobody asked for it, that was its memory limit."""
        ...


class Pipe(Protocol):
    """Something spoken to line by line."""

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


class Child(Pipe, Protocol):
    """A confined process spoken to over its standard input and output."""

    @property
    def isolation(self) -> tuple[str, ...]:
        """What confines it, as applied."""
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


class TokenStore(Protocol):
    """What was had from authorization servers, sealed at rest. One state for each tenant and upstream."""

    async def load(self, tenant: TenantId, upstream: str, /) -> Secret | None:
        """The state that was kept last, or None.

        Raises: IntegrityError when it is not what was kept.
        """
        ...

    async def keep(self, tenant: TenantId, upstream: str, state: Secret, /) -> None:
        """Keep *state* in place of what was there."""
        ...

    async def forget(self, upstream: str, /) -> None:
        """Forget what there is of *upstream*, of every tenant."""
        ...


class Asker(Protocol):
    """Has somebody sign in with a browser."""

    @property
    def redirect_uri(self) -> str:
        """Where the browser comes back to."""
        ...

    async def show(self, url: str, /) -> None:
        """Have *url* opened."""
        ...

    async def came_back(self) -> Mapping[str, str]:
        """The parameters that the browser came back with: `code`, `state`, perhaps `iss`.

        Raises: UpstreamFault when nobody signed in.
        """
        ...


OutputCheck: TypeAlias = Callable[[Mapping[str, Json], Json], str | None]
"""Whether structured output matches the schema: None, or one constant sentence. Bounded in steps; runs on a thread."""
