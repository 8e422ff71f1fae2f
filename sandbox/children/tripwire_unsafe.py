"""Notices that a protected name has come to be at the top of a writable folder, and sets it aside; deletes nothing.

sandlock denies making such a name, but two threads can swap the name in memory after it has looked. What the kernel
says afterwards cannot be swapped: the name that was made. Whoever made it is not known, so nothing is lost: it is
renamed to what no program obeys.
"""

import ctypes
import os
import secrets
import struct
from contextlib import suppress
from typing import Final

from holdfast.contracts import OperatorError

from ..workspace import ProtectedNames

_CREATE: Final = 0x100  # linux/inotify.h
_MOVED_TO: Final = 0x80
_OVERFLOW: Final = 0x4000
_ONLY_FOLDERS: Final = 0x0100_0000
_CLOSE_ON_EXEC: Final = 0o2000000
_NON_BLOCKING: Final = 0o4000
_EVENT: Final = struct.Struct("iIII")
_READ_BYTES: Final = 1 << 16
_PREFIX: Final = "set-aside-"

_libc = ctypes.CDLL(None, use_errno=True)


class Tripwire:
    """Watches the folders themselves, not what is below them."""

    def __init__(self, folders: tuple[str, ...], names: ProtectedNames) -> None:
        """Watch *folders* for names that *names* covers, beginning now.

        Raises: OperatorError when the kernel has no watch left.
        """
        self._names = names
        self.descriptor: int = _libc.inotify_init1(_CLOSE_ON_EXEC | _NON_BLOCKING)
        """Readable when something happened."""
        self._folders = {self._watched(folder): folder for folder in folders}
        self._there = {path for folder in folders for path in self._protected_in(folder)}

    def tripped(self) -> bool:
        """Whether a protected name has been made since the last look. It is set aside already."""
        made = False
        with suppress(BlockingIOError):
            while data := os.read(self.descriptor, _READ_BYTES):
                made = self._looked_at(data) or made
        return made

    def swept(self) -> bool:
        """Whether a protected name is there now that was not at the beginning. It is set aside already."""
        found = [path for folder in self._folders.values() for path in self._protected_in(folder)]
        new = [path for path in found if path not in self._there]
        for path in new:
            _set_aside(path)
        return bool(new)

    def _looked_at(self, data: bytes) -> bool:
        made = False
        at = 0
        while at < len(data):
            watch, mask, _cookie, length = _EVENT.unpack_from(data, at)
            name = os.fsdecode(data[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0"))
            at += _EVENT.size + length
            if mask & _OVERFLOW:
                made = self.swept() or made
            elif watch in self._folders and self._names.covers(name):
                made = True
                _set_aside(f"{self._folders[watch]}/{name}")
        return made

    def _watched(self, folder: str) -> int:
        watch: int = _libc.inotify_add_watch(self.descriptor, os.fsencode(folder), _CREATE | _MOVED_TO | _ONLY_FOLDERS)
        if watch < 0:
            raise OperatorError(f"inotify: {os.strerror(ctypes.get_errno()).lower()}")
        return watch

    def _protected_in(self, folder: str) -> list[str]:
        with suppress(OSError):
            return [f"{folder}/{name}" for name in os.listdir(folder) if self._names.covers(name)]  # noqa: PTH208 -- names
        return []


def _set_aside(path: str) -> None:
    with suppress(OSError):  # gone again already, or read-only and there before
        os.rename(path, f"{path.rpartition('/')[0]}/{_PREFIX}{secrets.token_hex(8)}")  # noqa: PTH104 -- as in all of it
