"""Says how much memory a call of a component has, which nothing outside a component can ask it. It limits nothing.

The kernel counts the private writable memory of a process, page by page: linear memories as they grow, and the little
that the engine and this process take beside them. The file that says so is opened before confinement.
"""

import os
from typing import Final

_DATA_AND_STACK: Final = 5  # the field of /proc/PID/statm, in pages
_LINE: Final = 256


class Held:
    """The memory of this process, measured from a moment on."""

    def __init__(self) -> None:
        """Raises: OSError, where /proc cannot be read."""
        self._file = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._before = 0

    def begin(self) -> None:
        """Measure from here."""
        self._before = self._now()

    def grown(self) -> int:
        """Bytes more than at the last `begin`."""
        return max(0, self._now() - self._before)

    def _now(self) -> int:
        return int(os.pread(self._file, _LINE, 0).split()[_DATA_AND_STACK]) * self._page
