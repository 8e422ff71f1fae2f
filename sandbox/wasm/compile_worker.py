"""The child that scans, compiles and assembles: confines itself, waits for leave, does one thing, and ends.

The scan runs before the compiler sees a byte. One thread, and it can start none.
"""

import os
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from ..confinement.alone import confine_alone
from ..confinement.kernel_unsafe import ConfinementError
from ..confinement.syscalls import COMPILES
from .birth import READY, REFUSED
from .components.component_scan import is_component
from .module_scan import scan
from .pipes import write_frame
from .report import ModuleRefused, ModuleReport, shown, write_report
from .settings import MIB

INSPECT: Final = "inspect"
COMPILE: Final = "compile"
ASSEMBLE: Final = "assemble"
INTERPRETER: Final = "interpreter"
"""Compile a component of ours, which nobody else could have written: it is not scanned."""
CPU_SECONDS: Final = 60
INTERPRETER_CPU_SECONDS: Final = 300
"""An engine of a language is large: 5 seconds of Python's, 20 of JavaScript's on one core of 2026."""
TEXT_BYTES: Final = 16 * MIB
"""The most text that is assembled."""

Work: TypeAlias = Callable[[bytes], Iterator[bytes]]

_EXIT_REFUSED: Final = 70
_REASON_BYTES: Final = 400
_CHUNK: Final = 1 << 20


def main(operation: str, unprivileged: int, memory_bytes: int, source: int, leave: int, replies: int) -> None:
    """Do *operation* on the bytes in *source*. Never returns."""
    try:
        data = _read_all(source)
        work = prepared(operation)
        confine(unprivileged, memory_bytes, INTERPRETER_CPU_SECONDS if operation == INTERPRETER else CPU_SECONDS)
        write_frame(replies, READY)
        if os.read(leave, 1):
            for part in work(data):
                write_frame(replies, part)
    except (ModuleRefused, ConfinementError, OSError) as error:
        write_frame(replies, REFUSED + str(error).encode("utf-8", errors="replace")[:_REASON_BYTES])
        os._exit(_EXIT_REFUSED)
    except MemoryError:
        write_frame(replies, REFUSED + b"it takes more memory than compiling is given")
        os._exit(_EXIT_REFUSED)
    os._exit(0)


def prepared(operation: str) -> Work:
    """Load what *operation* needs; afterwards nothing can be loaded any more."""
    if operation == INSPECT:
        return lambda data: iter((write_report(scan(data)),))
    from .engine import ModuleRejected, assemble, compile_module, engine  # noqa: PLC0415 -- inspecting needs no engine

    running = engine()
    if operation == INTERPRETER:
        from .sealed.compiling import compile_interpreter, report_of  # noqa: PLC0415 -- as above

        return lambda data: iter((write_report(report_of(data)), compile_interpreter(running, data)))

    from .components.compiled import compile_component  # noqa: PLC0415 -- as above

    def compiled(data: bytes) -> Iterator[bytes]:
        if is_component(data):
            report, native = _compiled_component(data)
            yield write_report(report)
            yield native
            return
        yield write_report(scan(data))
        try:
            yield compile_module(running, data)
        except ModuleRejected as error:
            raise ModuleRefused(f"the module does not compile: {shown(str(error), 300)}") from None

    def _compiled_component(data: bytes) -> tuple[ModuleReport, bytes]:
        try:
            return compile_component(running, data)
        except ModuleRejected as error:
            raise ModuleRefused(f"the component does not compile: {shown(str(error), 300)}") from None

    def assembled(data: bytes) -> Iterator[bytes]:
        try:
            yield assemble(data.decode("utf-8"))
        except (ModuleRejected, UnicodeDecodeError) as error:
            raise ModuleRefused(f"the text does not assemble: {shown(str(error), 300)}") from None

    return compiled if operation == COMPILE else assembled


def confine(unprivileged: int, memory_bytes: int, cpu_seconds: int = CPU_SECONDS) -> None:
    """Give up everything that compiling does not need. Raises: ConfinementError."""
    confine_alone(unprivileged, memory_bytes, cpu_seconds, COMPILES)


def _read_all(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    parts = iter(lambda: os.read(descriptor, _CHUNK), b"")
    data = b"".join(parts)
    os.close(descriptor)
    return data
