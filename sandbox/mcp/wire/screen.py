"""What an upstream may say without being asked, and how much of it. Everything else it says is dropped."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ..answers import Asked, MessageId, Noticed
from ..catalogue.kinds import Kind
from ..ongoing import Ongoing

CHANGES: Final[Mapping[str, frozenset[Kind]]] = {
    "notifications/tools/list_changed": frozenset({Kind.TOOL}),
    "notifications/prompts/list_changed": frozenset({Kind.PROMPT}),
    "notifications/resources/list_changed": frozenset({Kind.RESOURCE, Kind.TEMPLATE}),
}
"""Which lists are others once a server has said so, in either era."""

UPDATED: Final = "notifications/resources/updated"
PASSED: Final = frozenset({*CHANGES, UPDATED, "notifications/subscriptions/acknowledged", "notifications/cancelled"})
"""The protocol library reads no others. What belongs to a call goes to that call."""

BURST_MESSAGES: Final = 10_000
MESSAGES_PER_SECOND: Final = 100
BURST_BYTES: Final = 64 << 20
BYTES_PER_SECOND: Final = 1 << 20


def _unheard(_uri: str) -> None:
    """Nobody wants to know."""


@dataclass(slots=True, kw_only=True)
class Screen:
    """One connection's allowance for what was not asked for, refilled with time and by each answer that was."""

    changed: Callable[[frozenset[Kind]], None]
    """Told the lists that the server says have changed."""
    updated: Callable[[str], None] = _unheard
    """Told the server's own URI of a resource that it says has changed."""
    ongoing: Ongoing = field(default_factory=Ongoing)
    """The calls that it can say something in the middle of."""
    clock: Callable[[], float] = time.monotonic
    _messages: float = field(default=BURST_MESSAGES, init=False)
    _bytes: float = field(default=BURST_BYTES, init=False)
    _at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._at = self.clock()

    def answered(self) -> None:
        """An answer to a request of ours came: what came with it was asked for."""
        self._messages, self._bytes = float(BURST_MESSAGES), float(BURST_BYTES)

    def spend(self, size: int) -> bool:
        """Count one message of *size* bytes; False once it is too much, and the connection has to end."""
        now = self.clock()
        passed, self._at = now - self._at, now
        self._messages = min(float(BURST_MESSAGES), self._messages + passed * MESSAGES_PER_SECOND) - 1
        self._bytes = min(float(BURST_BYTES), self._bytes + passed * BYTES_PER_SECOND) - size
        return self._messages >= 0 and self._bytes >= 0

    def passes(self, notice: Noticed, *, stream: MessageId | None = None) -> bool:
        """Whether *notice* goes on to the protocol library. *stream*: the request on whose stream it came."""
        if notice.method in CHANGES:
            self.changed(CHANGES[notice.method])
        uri = notice.params.get("uri")
        if notice.method == UPDATED and isinstance(uri, str):
            self.updated(uri)
        self.ongoing.noticed(notice, stream)
        return notice.method in PASSED

    def asked(self, message: Asked, *, stream: MessageId | None = None) -> bool:
        """Put a question of the server to whoever it is for; False when it is for nobody and has to be declined."""
        return self.ongoing.asked(message, stream)
