"""Does what takes long beside the event loop, so that one long text holds up nobody else. It knows nothing of calls."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

ASIDE_CHARACTERS: Final = 4 << 10
"""Longer text is worked on in a thread: looking at it takes up to 10 µs a character, changing threads 100 µs in all."""

LONG_CHARACTERS: Final = 64 << 10
"""Still longer text may wait for the process where long HTML is cleaned: it does not hold up the rest."""

_THREADS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="holdfast-text")
"""Of their own: the record's fsync, which every call waits for, does not queue behind somebody's long text."""

_FOR_LONG: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="holdfast-long-text")


async def aside(work: Callable[[], T], *, characters: int) -> T:
    """What *work* answers; done in a thread when it is about more than `ASIDE_CHARACTERS` *characters*."""
    if characters <= ASIDE_CHARACTERS:
        return work()
    threads = _THREADS if characters <= LONG_CHARACTERS else _FOR_LONG
    return await asyncio.get_running_loop().run_in_executor(threads, work)
