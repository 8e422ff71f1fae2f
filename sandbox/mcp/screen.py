"""What an upstream may say without being asked, and how much of it. Everything else it says is dropped."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from .answers import Noticed

LIST_CHANGED: Final = "notifications/tools/list_changed"
PASSED: Final = frozenset({LIST_CHANGED, "notifications/subscriptions/acknowledged", "notifications/cancelled"})
"""The rest (progress, logs, other lists) has no reader here: it would only be text nobody cleaned."""

BURST_MESSAGES: Final = 10_000
MESSAGES_PER_SECOND: Final = 100
BURST_BYTES: Final = 64 << 20
BYTES_PER_SECOND: Final = 1 << 20


@dataclass(slots=True, kw_only=True)
class Screen:
    """One connection's allowance for what was not asked for, refilled with time and by each answer that was."""

    changed: Callable[[], None]
    """Called whenever the server says that its tools changed."""
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

    def passes(self, notice: Noticed) -> bool:
        """Whether *notice* goes on to the protocol library."""
        if notice.method == LIST_CHANGED:
            self.changed()
        return notice.method in PASSED
