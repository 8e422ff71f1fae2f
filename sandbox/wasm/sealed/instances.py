"""Makes an interpreter's instances, one for each call, and the next one ahead of its call. It runs nobody's program.

1. An instance is given away once. One that waits has met nothing but a fixed request of ours, which every instance
   meets the same way when the component is built.
2. One that waits is given only to a call with the memory limit it was made under.
3. What cannot be made ahead is made by its call, which then has the fault to tell.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import wasmtime
from wasmtime import component

from ..abi import PYTHON
from ..birth import Birth
from ..engine import Engine, ticks
from ..held import Held
from ..settings import TABLE_ELEMENTS

_RUN: Final = "run"
_INSTANCES: Final = 64
_TABLES: Final = 16
_FUEL: Final = 1_000_000_000
"""For making an instance, and for our own request: an interpreter uses a hundredth of it."""
_WALL_MS: Final = 2000
_COMPLAINT_BYTES: Final = 4096
# An engine that gets no more memory can only trap. These are SpiderMonkey's words for it, at the start of a line.
_OF_MEMORY: Final = (b'"out of memory"', b"uncaught exception: out of memory", b"Hit MOZ_CRASH([unhandlable oom]")
_TOUCH: Final = '{"touch":true}'
"""Has the runner do once what every call does. The pages it needs are then this instance's before a call waits."""
_TOUCHABLE: Final = frozenset({PYTHON})
_TOUCHED: Final = '{"touched":true}'


class Complaints:
    """The first few lines of an engine's standard error."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def write(self, data: bytes) -> int:
        """Keep what there is room for; answers that all of it was taken."""
        self._kept += data[: _COMPLAINT_BYTES - len(self._kept)]
        return len(data)

    @property
    def of_memory(self) -> bool:
        """Whether one says that there was no more memory."""
        return any(line.startswith(_OF_MEMORY) for line in self._kept.splitlines())


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance in a store of its own."""

    store: wasmtime.Store
    run: component.Func
    complaints: Complaints
    memory_bytes: int
    """The limit it was made under."""

    def close(self) -> None:
        """Let go of it and of everything in it."""
        self.store.close()


class Unmade(Exception):
    """There is no instance. The message is wasmtime's, or empty."""


class Instances:
    """Of one component, one at a time and one ahead."""

    def __init__(
        self, running: Engine, loaded: component.Component, linker: component.Linker, held: Held, birth: Birth
    ) -> None:
        """Those ahead are made for a worker of *birth*; *held* measures from where each one begins."""
        self._engine = running
        self._component = loaded
        self._linker = linker
        self._held = held
        self._memory_bytes = birth.memory_bytes
        self._touches = birth.abi in _TOUCHABLE
        self._ahead: Instance | None = None

    def take(self, memory_bytes: int) -> Instance:
        """An instance that nobody else gets, under a limit of *memory_bytes*. Raises: Unmade."""
        waiting, self._ahead = self._ahead, None
        if waiting is None:
            return self._made(memory_bytes)
        if waiting.memory_bytes != memory_bytes:
            waiting.close()
            return self._made(memory_bytes)
        return waiting

    def make_ahead(self, idle: Callable[[], bool]) -> None:
        """Make the next one, and while *idle* says that no call waits, have it touch what a call needs."""
        if self._ahead is not None:
            return
        try:
            made = self._made(self._memory_bytes)
        except Unmade:
            return
        if self._touches and idle() and not _touched(made):
            self._touches = False  # under these grants it cannot be done
            made.close()
        else:
            self._ahead = made

    def _made(self, memory_bytes: int) -> Instance:
        self._held.begin()
        store, complaints = self._store(memory_bytes)
        try:
            run = self._linker.instantiate(store, self._component).get_func(store, _RUN)
        except wasmtime.WasmtimeError as error:
            store.close()
            raise Unmade(str(error)) from None
        if run is None:
            store.close()
            raise Unmade
        return Instance(store=store, run=run, complaints=complaints, memory_bytes=memory_bytes)

    def _store(self, memory_bytes: int) -> tuple[wasmtime.Store, Complaints]:
        store, complaints = wasmtime.Store(self._engine), Complaints()
        store.set_limits(
            memory_size=memory_bytes,
            table_elements=TABLE_ELEMENTS,
            instances=_INSTANCES,
            tables=_TABLES,
            memories=1,  # the component has one, so the limit is of all memory there is
        )
        store.set_fuel(_FUEL)
        store.set_epoch_deadline(ticks(_WALL_MS))
        config = wasmtime.WasiConfig()
        config.stderr_custom = complaints.write
        store.set_wasi(config)
        return store, complaints


def _touched(made: Instance) -> bool:
    """Whether *made* did what was asked and nothing went wrong: one that did not serves nobody."""
    try:
        return bool(made.run(made.store, _TOUCH) == _TOUCHED)
    except wasmtime.WasmtimeError:
        return False
