"""Keeps `holdfast.lock`: reads what is approved, writes what an operator decides. It judges no definition.

1. What is in the file is the approval; what the store keeps are only the definitions, to show differences.
2. A file that cannot be taken approves nothing and is never written over: somebody has to look at it.
3. It is replaced whole, so that nobody reads half of it; of two processes that write, one waits.
"""

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from holdfast.contracts import Digest, OperatorError

from .lockfile import MAX_APPROVER, MAX_LOCK_BYTES, Approval, Lock, LockedServer, now, read_lock, write_lock

LOCK_NAME: Final = "holdfast.lock"
_MODE: Final = 0o644
"""It holds no secret, and is meant for a repository."""


def lock_path(named: Path | None, config: Path | None, root: Path) -> Path:
    """Where the lock is: as *named*, else beside *config*, else in the data directory *root*."""
    if named is not None:
        return named
    return (root if config is None else config.absolute().parent) / LOCK_NAME


class CatalogueLock:
    """The lock file at one path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._lock = Lock()
        self._fault: str | None = None

    def approved(self, server: str, entry: Digest) -> Mapping[str, Digest]:
        """The approved definition of each key of *server*; none when they were approved of another *entry*."""
        locked = self._current().servers.get(server)
        if locked is None or locked.entry != entry:
            return {}
        return {key: approval.definition for key, approval in locked.approvals.items()}

    def approvals(self, server: str) -> Mapping[str, Approval]:
        """Who approved what of *server*, and when, by key."""
        locked = self._current().servers.get(server)
        return {} if locked is None else locked.approvals

    def fault(self, server: str, entry: Digest) -> str | None:
        """Why nothing of *server* is approved although the file may say so; None when nothing is wrong."""
        lock = self._current()
        locked = lock.servers.get(server)
        if self._fault is not None:
            return self._fault
        if locked is not None and locked.entry != entry and locked.approvals:
            return f"what `{self.path.name}` approves of it is of another command or URL"
        return lock.refused.get(server)

    def approve(self, server: str, entry: Digest, definitions: Mapping[str, Digest], *, by: str) -> None:
        """Approve *definitions*, by key, beside what is approved of the same *entry* already.

        Raises: OperatorError when the file cannot be taken or written.
        """
        if not 1 <= len(by) <= MAX_APPROVER or not by.isprintable():
            raise OperatorError(f"an approver's name is 1 to {MAX_APPROVER} characters that can be seen")
        with self._changing() as servers:
            before = servers.get(server)
            kept = {} if before is None or before.entry != entry else dict(before.approvals)
            at = now()
            fresh = {
                key: Approval(definition=definition, by=by, at=at)
                for key, definition in definitions.items()
                if key not in kept or kept[key].definition != definition
            }
            servers[server] = LockedServer(entry=entry, approvals=kept | fresh)

    def withdraw(self, server: str, key: str) -> None:
        """Withdraw the approval of *key*; nothing happens when there is none."""
        with self._changing() as servers:
            locked = servers.get(server)
            if locked is not None and key in locked.approvals:
                rest = {name: one for name, one in locked.approvals.items() if name != key}
                servers[server] = replace(locked, approvals=rest)

    def forget(self, server: str) -> None:
        """Let go of everything about *server*."""
        if server in self._current().servers:
            with self._changing() as servers:
                servers.pop(server, None)

    @contextlib.contextmanager
    def _changing(self) -> Generator[dict[str, LockedServer]]:
        """What is approved now, to change it; written back once that is done.

        Raises: OperatorError when the file, or a part of it, cannot be taken, or it cannot be written.
        """
        try:
            with _alone(self.path.parent):
                lock = self._current()
                fault = self._fault or next(iter(lock.refused.values()), None)
                if fault is not None:
                    raise OperatorError(f"nothing can be written into `{self.path}`: {fault}", remedy="mend it first")
                servers = dict(lock.servers)
                yield servers
                if servers != lock.servers:
                    self._write(write_lock(servers))
        except OSError as error:
            raise OperatorError(
                f"lock file `{self.path}` cannot be written: {error.strerror}",
                remedy="name another with `[catalogue] lock`",
            ) from None

    def _current(self) -> Lock:
        """The file as it is now, read again only when it is another."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._seen, self._lock, self._fault = None, Lock(), None
            return self._lock
        except OSError as error:
            self._seen, self._lock, self._fault = None, Lock(), f"the lock file cannot be read: {error.strerror}"
            return self._lock
        mark = (found.st_ino, found.st_size, found.st_mtime_ns)
        if mark != self._seen:
            self._lock, self._fault = self._read(found)
            self._seen = mark
        return self._lock

    def _read(self, found: os.stat_result) -> tuple[Lock, str | None]:
        try:
            if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_LOCK_BYTES:
                return Lock(), f"the lock file is no file of at most {MAX_LOCK_BYTES} bytes"
            if found.st_mode & stat.S_IWOTH:
                return Lock(), "the lock file can be written by everybody; take that right away"
            return read_lock(self.path.read_text(encoding="utf-8")), None
        except OperatorError as error:
            return Lock(), error.message
        except UnicodeDecodeError:
            return Lock(), "the lock file is not UTF-8"
        except OSError as error:
            return Lock(), f"the lock file cannot be read: {error.strerror}"

    def _write(self, text: str) -> None:
        mode = stat.S_IMODE(self.path.stat().st_mode) if self.path.exists() else _MODE
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        finally:
            draft.unlink(missing_ok=True)
        _sync(self.path.parent)


@contextlib.contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Nobody else of ours writes into *folder* meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
