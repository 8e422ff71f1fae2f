"""Does something again whenever files change, by looking at them; it never reads what is in them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

EVERY_S: Final = 0.25
_SUFFIXES: Final = frozenset({".cedar", ".yaml", ".yml"})


def watch(folder: Path, work: Callable[[], None]) -> None:
    """Do *work* now, and again after each change to a policy or case file under *folder*, until interrupted."""
    known: object = None
    while True:
        now = tuple(_seen(folder))
        if now != known:
            known = now
            work()
        time.sleep(EVERY_S)


def _seen(folder: Path) -> Iterator[tuple[str, int, int]]:
    for file in sorted(folder.rglob("*")):
        if file.suffix in _SUFFIXES:
            try:
                stat = file.stat()
            except OSError:  # gone between the listing and the look
                continue
            yield str(file), stat.st_mtime_ns, stat.st_size
