"""What stands where in the workspace, so that labels can follow files. It reads names and times, never content."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from .openers import FOLDER_FLAGS, NO_LINK

MOST_ENTRIES: Final = 20_000
"""Entries looked at in one survey, about 100 ms; in a larger workspace everything counts as changed."""
MOST_DEPTH: Final = 64

Mark: TypeAlias = tuple[int, int, int]
"""Device, inode and change time in nanoseconds. Nothing but the kernel sets a change time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where a path leads."""

    exists: bool
    real: str | None
    """The path without links, from the root; None when nothing is there, or it cannot be told."""


def locate(root: int, file: int) -> Located:
    """The name beneath the folder *root* of what is open as *file*."""
    try:
        above, path = (str(Path(f"/proc/self/fd/{one}").readlink()) for one in (root, file))
    except OSError:
        return Located(exists=True, real=None)
    if path == above:
        return Located(exists=True, real="")
    inside = path.startswith(above.rstrip("/") + "/")
    return Located(exists=True, real=path[len(above.rstrip("/")) + 1 :] if inside else None)


def survey(root: int) -> Mapping[str, Mark] | None:
    """Everything under the folder open as *root*, links not followed; None when it is too large to tell."""
    found: dict[str, Mark] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        below = _files_of(root, folder, found)
        if below is None or folder.count("/") > MOST_DEPTH or len(found) + len(waiting) > MOST_ENTRIES:
            return None
        waiting.extend(below)
    return found


def changes(before: Mapping[str, Mark] | None, after: Mapping[str, Mark] | None) -> tuple[str, ...] | None:
    """Files and folders that are new, elsewhere or of another mark; None when that cannot be told.

    A file in a folder that was moved has another name, and so counts as changed.
    """
    if before is None or after is None:
        return None
    return tuple(sorted(path for path, mark in after.items() if before.get(path) != mark))


def _files_of(root: int, folder: str, found: dict[str, Mark]) -> list[str] | None:
    """Put what is in *folder* into *found* and answer its folders; None when it cannot be read."""
    below: list[str] = []
    try:
        opened = os.open(folder or ".", FOLDER_FLAGS | NO_LINK, dir_fd=root)
    except OSError:
        return None
    try:
        with os.scandir(opened) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                seen = entry.stat(follow_symlinks=False)
                is_folder = entry.is_dir(follow_symlinks=False)
                # What is put into a folder changes its time; that it is another folder, or a new one, is what counts.
                found[path] = (seen.st_dev, seen.st_ino, 0 if is_folder else seen.st_ctime_ns)
                if is_folder:
                    below.append(path)
    except OSError:  # something went away while it was looked at
        return None
    finally:
        os.close(opened)
    return below
