"""Takes blocking file work off the event loop; never leaves a loop of it running after its call has ended."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final, TypeVar

T = TypeVar("T")

_THREADS: Final = 4
"""Enough to keep a disk busy; the loop's own pool stays free for name resolution."""
_POOL: Final = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="holdfast-files")


async def off_loop(work: Callable[[Event], T]) -> T:
    """Run *work* in a thread and answer what it answers.

    The event it is handed is set when the call is cancelled: work of more than one step looks at it between steps.
    Work that has not begun by then never does.
    """
    ended = Event()
    try:
        return await asyncio.get_running_loop().run_in_executor(_POOL, work, ended)
    finally:
        ended.set()
