"""Opens names beneath a folder that is already open; never checks a path first and opens it afterwards.

1. Where the kernel has openat2, one call resolves the whole way and follows links only while they stay beneath.
2. Elsewhere every component is opened from its parent's descriptor, and no link is followed at all.
3. For writing, the second way is always taken: a link is never written through.
"""

import errno
import os
import stat
from enum import Enum
from typing import Final, Protocol

from holdfast.contracts import OperatorError

from .openat_unsafe import RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, openat2, openat2_works

FOLDER_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0)
"""O_DIRECTORY and O_NOFOLLOW are missing on Windows only, where `opener_for` refuses."""
NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_RACED_TRIES: Final = 128
"""EAGAIN means some rename on this machine raced a `..` in a link; the next try nearly always wins."""


class Resolution(Enum):
    """How a way down is resolved."""

    BEST = "best"
    """By the kernel if it can, else by walking."""
    KERNEL = "kernel"
    WALK = "walk"


class Opener(Protocol):
    """Opens for reading."""

    def open(self, root: int, parts: tuple[str, ...], flags: int, /) -> int:
        """Open the thing at *parts* beneath *root*.

        Raises: OSError; EXDEV or ELOOP when a link on the way may not be followed.
        """
        ...


class KernelOpener:
    """Lets the kernel resolve, with everything outside out of reach."""

    def open(self, root: int, parts: tuple[str, ...], flags: int, /) -> int:
        """See `Opener`. Follows links that stay beneath *root*."""
        path = "/".join(parts) or "."
        for _ in range(_RACED_TRIES):
            try:
                return openat2(root, path, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


class WalkOpener:
    """Goes down one folder at a time."""

    def open(self, root: int, parts: tuple[str, ...], flags: int, /) -> int:
        """See `Opener`. Follows no link."""
        if not parts:
            return os.open(".", flags | NO_LINK, dir_fd=root)
        folder = descend(root, parts[:-1])
        try:
            return _open_here(folder, parts[-1], flags)
        finally:
            os.close(folder)


def opener_for(resolution: Resolution, root: int) -> Opener:
    """The way of opening that *resolution* asks for, proven to work on *root*.

    Raises: OperatorError when this machine has not got it.
    """
    if os.open not in os.supports_dir_fd or not NO_LINK:
        raise OperatorError("the workspace needs openat, which this operating system has not got")
    if resolution is Resolution.WALK:
        return WalkOpener()
    if openat2_works(root):
        return KernelOpener()
    if resolution is Resolution.KERNEL:
        raise OperatorError("openat2 is missing here or filtered; it takes Linux 5.6 on x86_64 or aarch64")
    return WalkOpener()


def descend(root: int, parts: tuple[str, ...]) -> int:
    """A descriptor of the folder at *parts*, reached without following a link; the caller closes it."""
    return _go_down(root, parts, missing=_absent)


def descend_making(root: int, parts: tuple[str, ...]) -> int:
    """The same, making the folders that are missing."""
    return _go_down(root, parts, missing=_make)


class _Missing(Protocol):
    def __call__(self, folder: int, name: str, error: FileNotFoundError, /) -> None: ...


def _absent(_folder: int, _name: str, error: FileNotFoundError, /) -> None:
    raise error


def _make(folder: int, name: str, _error: FileNotFoundError, /) -> None:
    try:
        os.mkdir(name, dir_fd=folder)
    except FileExistsError:
        return  # somebody was quicker; whatever it is, it is opened without following


def _go_down(root: int, parts: tuple[str, ...], *, missing: _Missing) -> int:
    folder = os.open(".", FOLDER_FLAGS, dir_fd=root)
    for part in parts:
        try:
            below = _open_or(folder, part, missing)
        finally:
            os.close(folder)
        folder = below
    return folder


def _open_or(folder: int, name: str, missing: _Missing) -> int:
    try:
        return _open_here(folder, name, FOLDER_FLAGS)
    except FileNotFoundError as error:
        missing(folder, name, error)
    return _open_here(folder, name, FOLDER_FLAGS)


def _open_here(folder: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags | NO_LINK, dir_fd=folder)
    except NotADirectoryError:
        # With O_DIRECTORY the kernel says this of a link too. Only the words of the refusal hang on what we find.
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
        raise
