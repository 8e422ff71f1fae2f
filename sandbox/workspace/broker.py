"""Files under one root for tools (the `Workspace` port); never opens outside the root, never deletes.

1. The root is opened once. Whatever its path means later, the folder that was opened is the workspace.
2. A read is one resolution from that descriptor; what was opened is what is judged and what is read.
3. A write goes to a new file that is renamed into place, so no hard or soft link is ever written through.
4. Only regular files: a pipe cannot hold a call up, a device cannot be spoken to.

What it cannot see: a hard link that already stands in the workspace is a file of the workspace, whoever else has it.
A folder that somebody with rights outside moves out while it is open stays writable through that one call.
"""

import os
import secrets
import stat
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from holdfast.contracts import Entry, HoldfastError, InvalidRequest, OperatorError, Refusal, TooLarge
from holdfast.contracts.limits import MIB

from .folders import within
from .listing import Listing
from .names import ProtectedNames, refuse_unprintable
from .openers import FOLDER_FLAGS, NO_LINK, Resolution, descend_making, opener_for
from .paths import parts_of
from .refusals import explained, folder_named, not_a_file, outside_grant
from .survey import Located, Mark, locate, survey

# Non-blocking: opening a pipe answers at once, and what it is is judged on the open descriptor.
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | NO_LINK
_NEW_MODE: Final = 0o666
"""Before the umask, as any program makes its files."""
_PERMISSIONS: Final = 0o777
"""Kept from the file that is replaced; set-user-id and the like are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Sizes one operation may have. DESIGN section 5: all of an output is kept to 10 MiB, so no read is larger."""

    read_bytes: int = 10 * MIB
    write_bytes: int = 10 * MIB
    entries: int = 10_000
    depth: int = 64


class WorkspaceBroker:
    """The `Workspace` port over a folder of this machine. Safe to use from several threads."""

    def __init__(
        self,
        root: Path,
        *,
        write_denied: AbstractSet[str] = frozenset(),
        released: AbstractSet[str] = frozenset(),
        caps: Caps = Caps(),
        resolution: Resolution = Resolution.BEST,
    ) -> None:
        """Open *root*, which must exist.

        Raises: OperatorError when it is no folder, cannot be opened, or a protected name makes no sense.
        """
        self._protected = ProtectedNames.of(added=write_denied, released=released)
        self._caps = caps
        self._real = os.path.realpath(root)
        try:
            self._root = os.open(self._real, FOLDER_FLAGS)
        except OSError as error:
            raise OperatorError(f"`[workspace] root` is not a folder that can be opened: {error.strerror}") from error
        try:
            self._opener = opener_for(resolution, self._root)
        except OperatorError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the root. Everything fails afterwards; closing twice is nothing."""
        root, self._root = self._root, -1
        if root >= 0:
            os.close(root)

    def locate(self, path: str, /) -> Located:
        """Where reading *path* would lead. Total: what cannot be read is not there."""
        try:
            file = self._opener.open(self._root, parts_of(path, root=self._real), _READ)
        except (OSError, HoldfastError, Refusal):
            return Located(exists=False, real=None)
        try:
            return locate(self._root, file)
        finally:
            os.close(file)

    def leads(self, path: str, /) -> str | None:
        """Where *path* leads from the root, links followed, whether or not something stands there already.

        Empty for the root itself; None when it leads out, or nobody can tell.
        """
        try:
            parts = parts_of(path, root=self._real)
        except (HoldfastError, Refusal):
            return None
        for there in range(len(parts), -1, -1):
            try:
                file = self._opener.open(self._root, parts[:there], _READ)
            except FileNotFoundError:
                continue  # what is not there yet is where its folder is
            except OSError:
                return None
            try:
                real = locate(self._root, file).real
            finally:
                os.close(file)
            return None if real is None else "/".join(one for one in (real, *parts[there:]) if one)
        return None

    def survey(self) -> Mapping[str, Mark] | None:
        """Every file with its mark, to be compared with a later one; None when there are too many."""
        return survey(self._root)

    def read(self, path: str, *, offset: int = 0, limit: int | None = None) -> tuple[bytes, int]:
        """Bytes of a regular file from *offset*, at most *limit* and at most the cap, and the file's whole size.

        Raises: Refusal when *path* leads out or is no regular file; NotFound; InvalidRequest for a folder;
        TooLarge without *limit* when more than the cap is left.
        """
        if offset < 0 or (limit is not None and limit < 0):
            raise InvalidRequest("`offset` and `limit` are zero or more")
        parts = parts_of(path, root=self._real)
        with explained():
            file = self._opener.open(self._root, parts, _READ)
            try:
                size = _regular_size(file)
                return _read(file, offset, self._wanted(size - offset, limit)), size
            finally:
                os.close(file)

    def read_within(self, path: str, granted: tuple[str, ...], /, *, limit: int) -> bytes:
        """All of the regular file at *path*, if what was opened lies within *granted*, at most *limit* bytes.

        Raises: Refusal as `read`, and when the file, whatever links led to it, is not granted; TooLarge; NotFound;
        InvalidRequest.
        """
        parts = parts_of(path, root=self._real)
        if not within("/".join(parts), granted):
            raise outside_grant()
        with explained():
            opened = self._opener.open(self._root, parts, _READ)
            try:
                real = locate(self._root, opened).real
                if real is None or not within(real, granted):
                    raise outside_grant()
                size = _regular_size(opened)
                if size > min(limit, self._caps.read_bytes):
                    raise TooLarge(f"the file is over {min(limit, self._caps.read_bytes)} bytes")
                return _read(opened, 0, size)
            finally:
                os.close(opened)

    def write(self, path: str, data: bytes, /) -> int:
        """Replace or make the file at *path*, with the folders it lacks; answers the bytes written.

        On return the content is on disk. A replaced file keeps its permission bits. A link at *path* is replaced,
        and what it pointed to stays as it was.

        Raises: Refusal when *path* leads out, goes through a link, has a protected name or is no regular file;
        InvalidRequest for a folder or an unprintable name; TooLarge over the cap.
        """
        parts = parts_of(path, root=self._real)
        if not parts or path.endswith("/"):
            raise folder_named()
        self._protected.refuse(parts)
        refuse_unprintable(parts)
        if len(data) > self._caps.write_bytes:
            raise TooLarge(f"`content` is over {self._caps.write_bytes} bytes")
        with explained():
            folder = descend_making(self._root, parts[:-1])
            try:
                _replace(folder, parts[-1], data)
            finally:
                os.close(folder)
        return len(data)

    def entries(self, path: str, *, depth: int, limit: int) -> tuple[tuple[Entry, ...], bool]:
        """What is under *path*, *depth* levels of it, and whether *limit* or our own cap cut it.

        Sorted by name within each folder, a folder before what is in it; links are listed, not followed.

        Raises: Refusal when *path* leads out; NotFound; InvalidRequest when it is no folder.
        """
        if depth < 1 or limit < 1:
            raise InvalidRequest("`depth` and `limit` are one or more")
        parts = parts_of(path, root=self._real)
        prefix = "".join(part + "/" for part in parts)
        with explained():
            folder = self._opener.open(self._root, parts, FOLDER_FLAGS)
            try:
                return Listing().under(
                    folder, prefix, depth=min(depth, self._caps.depth), limit=min(limit, self._caps.entries)
                )
            finally:
                os.close(folder)

    def _wanted(self, left: int, limit: int | None) -> int:
        if limit is not None:
            return min(limit, self._caps.read_bytes)
        if left > self._caps.read_bytes:
            raise TooLarge(
                f"more than {self._caps.read_bytes} bytes are left; read in pieces with `offset` and `limit`"
            )
        return max(left, 0)


def _regular_size(file: int) -> int:
    found = os.fstat(file)
    if stat.S_ISDIR(found.st_mode):
        raise folder_named()
    if not stat.S_ISREG(found.st_mode):
        raise not_a_file()
    return found.st_size


def _read(file: int, offset: int, wanted: int) -> bytes:
    pieces: list[bytes] = []
    while wanted > 0:
        piece = os.pread(file, min(wanted, MIB), offset)
        if not piece:
            break
        pieces.append(piece)
        offset, wanted = offset + len(piece), wanted - len(piece)
    return b"".join(pieces)


def _replace(folder: int, name: str, data: bytes) -> None:
    mode = _mode_to_keep(folder, name)
    temporary = f".holdfast-{secrets.token_hex(8)}.part"
    file = os.open(temporary, _NEW, _NEW_MODE, dir_fd=folder)
    try:
        try:
            if mode is not None:
                os.fchmod(file, mode)
            _write_all(file, data)
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


def _mode_to_keep(folder: int, name: str) -> int | None:
    """The bits of the file about to be replaced. A look, not a check: the rename is safe whatever stands there."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise folder_named()
    if stat.S_ISLNK(found.st_mode):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise not_a_file()
    return found.st_mode & _PERMISSIONS


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
