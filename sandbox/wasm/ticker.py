"""The thread that moves a worker's epoch every 10 ms while a guest runs, and sleeps while none does.

It is also the worker's own last deadline: a guest asleep in a host call whose parent is gone ends with the worker.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import Final

from .settings import TICK_MS

_PARK_AFTER_S: Final = 1.0
_OVERDUE_S: Final = 2.0
_EXIT_OVERDUE: Final = 75


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
        while True:
            self._wanted.wait()
            self._tick_until_idle()
            self._wanted.clear()
            if self._deadline is not None:  # a call began between the two looks
                self._wanted.set()

    def _tick_until_idle(self) -> None:
        began, ticked, busy = time.monotonic(), 0, time.monotonic()
        while time.monotonic() - busy < _PARK_AFTER_S:
            time.sleep(TICK_MS / 1000)
            now, deadline = time.monotonic(), self._deadline
            due = int((now - began) * 1000 / TICK_MS)
            while ticked < due:  # on a busy machine a sleep is longer than asked for: the epoch is a clock all the same
                self._tick()
                ticked += 1
            if deadline is not None:
                busy = now
                if now > deadline + _OVERDUE_S:
                    os._exit(_EXIT_OVERDUE)
