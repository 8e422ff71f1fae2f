"""Works out beforehand what the first calls of a server would wait for. It judges no call and keeps no answer.

Compiled schemas, policies per tool, the engines' scratch memory: 50 to 100 ms in all, in steps with other work between.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import structlog

from holdfast.contracts import Text, ToolSpec, Where

from ..dispatch import Layers
from ..policies import Policies
from .secrecy import Secrecy

_log = structlog.get_logger("holdfast.warming")
NAME: Final = "holdfast-warming"
"""Of the task."""
_TOOLS: Final = 256
"""Tools that are made ready; the others are when they are called."""
_SAMPLES: Final = (
    "A line of text.\nAnd another one, of a tool that was never called.\n" * 4,
    # What looks like something, so that whatever takes a closer look is ready too.
    f'{{"token": "{"0123456789ab" * 2}", "at": "https://example.org/?q=%41%42%43%44"}} aWdub3JlIHRoaXM= \u00fc',
)


def open_warming(stack: AsyncExitStack, secrecy: Secrecy, policies: Policies, specs: Sequence[ToolSpec]) -> None:
    """Warm what judges calls of *specs* while they may come already, until *stack* closes."""
    task = asyncio.get_running_loop().create_task(warm(secrecy, policies, specs), name=NAME)

    async def end() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)


async def warm(secrecy: Secrecy, policies: Policies, specs: Sequence[ToolSpec]) -> None:
    """Take all the steps; a call that comes between two of them finds what is ready by then. Raises nothing."""
    try:
        await secrecy.held.fresh()
        for step in _steps(secrecy.layers, policies, specs):
            await asyncio.sleep(0)
            step()
    except Exception as error:  # noqa: BLE001 -- whatever it is, the first call meets it too, and is denied and recorded
        _log.warning("warming.failed", error=type(error).__name__)


def _steps(layers: Layers, policies: Policies, specs: Sequence[ToolSpec]) -> Iterator[Callable[[], object]]:
    for text in _SAMPLES:
        arguments = {"text": text}
        yield partial(layers.sanitizer.arguments, arguments)
        yield partial(layers.sanitizer.output, (Text(text=text),), None)
        yield partial(layers.detectors.leaks.scan_arguments, arguments, Where.ARGUMENTS)
        yield partial(layers.detectors.credentials.scan_arguments, arguments, Where.ARGUMENTS)
        yield partial(layers.detectors.scan, [text], Where.OUTPUT)
        yield partial(layers.injection.scan, [text], Where.OUTPUT)
    for spec in specs[:_TOOLS]:
        yield partial(layers.validator.prepare, spec)
        yield partial(policies.current().prepare, spec.name)
