"""Reads the files of a folder as a git revision holds them. It runs `git` to read, and writes nothing.

A link is followed where it stays inside the folder and leads to a file; any other is refused by name.
"""

import posixpath
import subprocess
from collections.abc import Callable, Mapping
from typing import Final

from holdfast.contracts import OperatorError

_TIMEOUT_S: Final = 60
_READS_ONLY: Final = ("git", "--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false")
_LINK: Final = "120000"
"""The mode of an entry that is a link; its content is where to."""
_HOPS: Final = 16


def files_at(revision: str, folder: str, *, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The files that are *wanted* under *folder* (from the root of the repository; `./` from here) at *revision*.

    By relative name.

    Raises: OperatorError when there is no git, no such revision, or no such folder; for a link that leads out.
    """
    tree = f"{revision}:{folder.rstrip('/') or './'}"
    listed = _git("ls-tree", "-r", "-z", "--full-tree", tree, what=tree).split(b"\0")
    modes: dict[str, str] = {}
    for entry in (one.decode("utf-8", "surrogateescape") for one in listed if one):
        head, _, name = entry.partition("\t")
        modes[name] = head.partition(" ")[0]
    for name in (one for one, mode in modes.items() if mode == _LINK and not wanted(one)):
        _refuse_folder(name, _read(tree, name), modes)
    return {name: _read(tree, _followed(tree, name, modes)) for name in modes if wanted(name)}


def _followed(tree: str, name: str, modes: Mapping[str, str]) -> str:
    """The file that *name* is, or leads to."""
    at = name
    for _ in range(_HOPS):
        if modes.get(at) != _LINK:
            break
        target = _read(tree, at).decode("utf-8", "surrogateescape")
        at = posixpath.normpath(posixpath.join(posixpath.dirname(at), target))
    if modes.get(at, _LINK) == _LINK:
        raise OperatorError(
            f"`{name}` is a link that leads to no file of the folder", remedy="put what it leads to there itself"
        )
    return at


def _refuse_folder(name: str, target: bytes, modes: Mapping[str, str]) -> None:
    """Whatever is no file of a policy may be a link, as long as it does not stand for a folder of them."""
    to = posixpath.normpath(posixpath.join(posixpath.dirname(name), target.decode("utf-8", "surrogateescape")))
    if to not in modes:
        raise OperatorError(
            f"`{name}` is a link that leads to no file of the folder", remedy="put what it leads to there itself"
        )


def _read(tree: str, name: str) -> bytes:
    return _git("cat-file", "blob", f"{tree}/{name}", what=f"{tree}/{name}")


def _git(*words: str, what: str) -> bytes:
    if what.startswith("-"):
        raise OperatorError("a git revision does not begin with `-`")
    try:
        done = subprocess.run([*_READS_ONLY, *words], capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        raise OperatorError(
            f"`{what}` is neither a folder nor can git be asked for it", remedy="name a folder, or REVISION:FOLDER"
        ) from None
    if done.returncode:
        raise OperatorError(f"git knows no `{what}` here", remedy="name a folder, or REVISION:FOLDER")
    return done.stdout
