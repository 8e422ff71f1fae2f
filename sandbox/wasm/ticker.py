"""The thread that moves a worker's epoch every 10 ms while a guest runs, and sleeps while none does.

It is also the worker's own last deadline: a guest asleep in a host call whose parent is gone ends with the worker.
"""

import os
import threading
import time
from collections.abc import Callable

from .settings import TICK_MS

_PARK_AFTER_TICKS = 100
_OVERDUE_S = 2.0
_EXIT_OVERDUE = 75


class Ticker:
    """One thread. `begin` and `end` bracket a call; between calls it parks after a second."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._wanted = threading.Event()
        self._deadline: float | None = None
        threading.Thread(target=self._run, name="epoch", daemon=True).start()

    def begin(self, wall_ms: int) -> None:
        """A call of at most *wall_ms* begins."""
        self._deadline = time.monotonic() + wall_ms / 1000
        if not self._wanted.is_set():
            self._wanted.set()

    def end(self) -> None:
        """The call is over."""
        self._deadline = None

    def _run(self) -> None:
        idle = 0
        while True:
            self._wanted.wait()
            time.sleep(TICK_MS / 1000)
            self._tick()
            deadline = self._deadline
            if deadline is not None and time.monotonic() > deadline + _OVERDUE_S:
                os._exit(_EXIT_OVERDUE)
            idle = idle + 1 if deadline is None else 0
            if idle > _PARK_AFTER_TICKS:
                idle = 0
                self._wanted.clear()
                if self._deadline is not None:  # a call began between the two looks
                    self._wanted.set()
