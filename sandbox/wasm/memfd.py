"""Bytes in memory that nobody can change any more: what is checked is what the child reads."""

import fcntl
import os
import weakref
from typing import Final

_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def sealed(data: bytes) -> int:
    """A descriptor over exactly *data*; the caller closes it. Raises: OSError."""
    descriptor = os.memfd_create("holdfast", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


class Shared:
    """Sealed bytes that many workers read, and none can write: copied once, and mapped by each."""

    def __init__(self, data: bytes) -> None:
        """Seal *data*. Raises: OSError."""
        self.descriptor = sealed(data)
        """Open for as long as this object is there."""
        weakref.finalize(self, os.close, self.descriptor)  # never while somebody who starts a worker still holds it
