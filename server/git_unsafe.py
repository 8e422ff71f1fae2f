"""Reads the files of a folder as a git revision holds them. It runs `git` to read, and writes nothing."""

import subprocess
from typing import Final

from holdfast.contracts import OperatorError

_TIMEOUT_S: Final = 60
_READS_ONLY: Final = ("git", "--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false")


def files_at(revision: str, folder: str) -> dict[str, bytes]:
    """Every file under *folder* (from the root of the repository; `./` from here) at *revision*, by relative name.

    Raises: OperatorError when there is no git, no such revision, or no such folder.
    """
    tree = f"{revision}:{folder.rstrip('/') or './'}"
    names = _git("ls-tree", "-r", "-z", "--name-only", "--full-tree", tree, what=tree).split(b"\0")
    found: dict[str, bytes] = {}
    for name in (one.decode("utf-8", "surrogateescape") for one in names if one):
        found[name] = _git("cat-file", "blob", f"{tree}/{name}", what=f"{tree}/{name}")
    return found


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
