"""Who descends from a process, read from `/proc`; it signals nobody."""

import os
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def descendants(ancestor: int, *, but: frozenset[int] = frozenset()) -> tuple[int, ...]:
    """Every live process below *ancestor*, without *but* and what is below those.

    A snapshot: take it again after acting on it.
    """
    children: dict[int, list[int]] = {}
    for process, parent in _parents():
        children.setdefault(parent, []).append(process)
    found: list[int] = []
    waiting = [ancestor]
    while waiting:
        below = [process for process in children.get(waiting.pop(), ()) if process not in but]
        found += below
        waiting += below
    return tuple(found)


def _parents() -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for name in os.listdir(_PROC):  # noqa: PTH208 -- thousands of names, and only names
        if name.isdecimal():
            with suppress(OSError, IndexError, ValueError):
                # After the last `)`: the name before it may hold anything.
                fields = (_PROC / name / "stat").read_bytes().rpartition(b")")[2].split()
                if fields[0] != b"Z":
                    pairs.append((int(name), int(fields[1])))
    return pairs
