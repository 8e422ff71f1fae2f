"""One call as its broker knows it: what it may do, and what it has done so far. The guest never says any of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from holdfast.contracts import Authorized, Json, Label, Labelling

from ..capture import Log
from .powers import Powers
from .refusals import absent, grown, over

HTTP_CALLS: Final = 50
INVOCATIONS: Final = 20
FREE_CALLS: Final = 10_000
"""`log` and `now` together: ten times the lines that are kept."""


@dataclass(slots=True, kw_only=True)
class Brokered:
    """A call under way."""

    call: Authorized
    powers: Powers
    deadline: float
    """Of the event loop's clock."""
    host_calls: int = 0
    free_calls: int = 0
    http_calls: int = 0
    invocations: int = 0
    taught: frozenset[Label] = frozenset()
    """What other tools, and this tool's own store, have taught the session in the middle of this call."""
    log: Log = field(default_factory=Log)

    @property
    def remaining_ms(self) -> int:
        """Until the deadline; at least 1."""
        return max(1, int((self.deadline - asyncio.get_running_loop().time()) * 1000))

    @property
    def labelling(self) -> Labelling:
        """Where labels are followed. Raises: Refusal."""
        if self.powers.labelling is None:
            raise absent("account of labels, without which nothing is fetched, kept or written")
        return self.powers.labelling

    def count_http(self) -> None:
        """One more request. Raises: Refusal."""
        self.http_calls += 1
        if self.http_calls > HTTP_CALLS:
            raise over(f"a call makes at most {HTTP_CALLS} requests")

    def count_invocation(self) -> None:
        """One more call of another tool. Raises: Refusal."""
        self.invocations += 1
        if self.invocations > INVOCATIONS:
            raise over(f"a call makes at most {INVOCATIONS} calls of other tools")

    @asynccontextmanager
    async def learning(self) -> AsyncGenerator[None]:
        """What the session learns meanwhile is noted: the rest of this call was not judged with it."""
        before = await self.labelling.grown(self.call)
        try:
            yield
        finally:
            self.taught |= await self.labelling.grown(self.call) - before

    def refuse_if_taught(self, *labels: Label) -> None:
        """Raises: Refusal when the call was taught one of *labels* since it was judged."""
        if self.taught & frozenset(labels):
            raise grown()


class Answering(Protocol):
    """Answers one host function. Raises: Refusal, HoldfastError."""

    async def __call__(self, brokered: Brokered, payload: bytes, /) -> dict[str, Json]:
        """The answer to *payload*."""
        ...
