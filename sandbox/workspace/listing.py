"""Lists what is in an open folder; never follows a link and never opens anything but folders."""

import os
import stat
from collections.abc import Generator
from contextlib import closing
from itertools import islice
from typing import Final

from holdfast.contracts import Entry

from .openers import FOLDER_FLAGS, NO_LINK

MAX_NAMES: Final = 50_000
"""Names taken from one folder: sorting needs them all in memory."""


class Listing:
    """One walk. `cut` says afterwards whether a folder had more names than were taken."""

    def __init__(self) -> None:
        self.cut = False

    def under(self, folder: int, prefix: str, *, depth: int, limit: int) -> tuple[tuple[Entry, ...], bool]:
        """At most *limit* entries, sorted name by name down the tree, *depth* levels; and whether there are more."""
        with closing(self._walk(folder, prefix, depth)) as found:
            entries = tuple(islice(found, limit + 1))
        return entries[:limit], self.cut or len(entries) > limit

    def _walk(self, folder: int, prefix: str, depth: int) -> Generator[Entry]:
        for name in self._names(folder):
            entry = _entry(folder, name, prefix)
            if entry is None:
                continue
            yield entry
            if entry.kind == "dir" and depth > 1:
                yield from self._below(folder, name, entry.path + "/", depth - 1)

    def _below(self, folder: int, name: str, prefix: str, depth: int) -> Generator[Entry]:
        try:
            below = os.open(name, FOLDER_FLAGS | NO_LINK, dir_fd=folder)
        except OSError:
            return  # gone, turned into a link, or not ours to read: it stays listed and is not entered
        try:
            yield from self._walk(below, prefix, depth)
        finally:
            os.close(below)

    def _names(self, folder: int) -> list[str]:
        with os.scandir(folder) as found:
            names = [item.name for item in islice(found, MAX_NAMES + 1)]
        if len(names) > MAX_NAMES:
            self.cut = True
            names.pop()
        return sorted(names)


def _entry(folder: int, name: str, prefix: str) -> Entry | None:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None  # gone since the names were read
    kind = _kind(found.st_mode)
    return Entry(path=prefix + _shown(name), kind=kind, size=found.st_size if kind == "file" else 0)


def _shown(name: str) -> str:
    """*name* as Unicode; bytes that are none are written as hex escapes, since no argument could carry them."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "dir"
    return "link" if stat.S_ISLNK(mode) else "other"
