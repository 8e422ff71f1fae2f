"""Refuses a workspace that shares a folder with what governs the server; looks at paths, never changes them."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from holdfast.contracts import OperatorError

_MAX_LINKS: Final = 40
"""The kernel's own bound on links in one resolution."""


def refuse_overlap(root: Path, guarded: Sequence[Path]) -> None:
    """Refuse when *root* contains, equals or lies inside one of *guarded* (data directory, policies, files).

    Real paths are compared, folders also by identity, and every link on the way to a guarded path counts as guarded:
    whoever can replace the link chooses what it points to.

    Raises: OperatorError that names both.
    """
    real = _real(root)
    for path in guarded:
        inside = real.is_relative_to(_real(path)) and _real(path) != real
        if inside or any(_contains(real, place) for place in _places(path)):
            raise OperatorError(
                f"the workspace `{root}` and `{path}` overlap, so a tool could change what governs it",
                remedy='move one of them: `[workspace] root = "…"` in holdfast.toml names the workspace',
            )


def _places(path: Path) -> Iterator[Path]:
    """Where *path* itself is, and every link that leads to it."""
    yield _real(path)
    waiting, hops = [Path(os.path.abspath(path))], 0  # noqa: PTH100 -- `..` must go away, links must not
    while waiting and hops < _MAX_LINKS:
        current = waiting.pop()
        for prefix in (*reversed(current.parents), current):
            here = _real(prefix.parent) / prefix.name
            if here.is_symlink():
                yield here
                hops += 1
                waiting.append(here.parent / here.readlink())


def _contains(root: Path, place: Path) -> bool:
    if place.is_relative_to(root):
        return True
    # A bind mount or a file system without case gives one folder two paths.
    return any(_same(root, above) for above in (place, *place.parents))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
