"""Holds a data directory for one process. Never waits, and never breaks a lock that another holds."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from holdfast.contracts import OperatorError

FILE_NAME = "lock"


class DataDirLock:
    """Within `with DataDirLock(root):` the data directory is this process's alone; the kernel frees it at its end."""

    def __init__(self, root: Path) -> None:
        self._path = root / FILE_NAME
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises: OperatorError when another process has it, or the lock file is not one.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise OperatorError(
                f"the data directory cannot be locked: {error.strerror}", remedy="check its owner and mode"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise OperatorError(
                f"another process{f' ({holder})' if holder.isdigit() else ''} uses this data directory",
                remedy="ask it through its admin socket, or stop it",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back. The file stays: taking it away could free two processes to hold two files."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
