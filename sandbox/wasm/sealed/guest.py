"""Calls an interpreter's component in a confined worker: a fresh instance a call. It knows nothing of what is run.

1. Nothing of an instance outlives its call, but where the request says that it is kept: then it is the next one's, if
   that says so too, and any end but returning ends it. Which calls share a worker is the parent's to say.
2. WASI is empty: no files, sockets, environment or arguments; a clock and randomness, as the tool's description says.
3. Without the grants the clock and randomness are not linked: whoever asks for them is stopped.
4. A host function never raises: what wasmtime's component layer keeps of an exception could reach another call.
"""

from typing import Final

import wasmtime
from wasmtime import component

from ..birth import Birth
from ..capture import cut
from ..engine import Engine, ModuleRejected, ticks
from ..frames import Ending, Reply, Request
from ..held import Held
from ..hostcalls import HostCalls, HostLost, HostRefused
from ..report import ModuleRefused
from ..settings import DETAIL_CHARACTERS, TABLE_ELEMENTS

_RUN: Final = "run"
_HOST_CALL: Final = "host-call"
_STOP: Final = "stop"
_STOPS: Final = {"output_bytes": Ending.OUTPUT}
_INSTANCES: Final = 64
_TABLES: Final = 16
# The component layer has no trap codes: these are wasmtime's own words at the end of an error's text.
_ENDINGS: Final = (
    ("all fuel consumed", Ending.FUEL),
    ("wasm trap: interrupt", Ending.EPOCH),
    ("call stack exhausted", Ending.STACK),
    # It was asked for nothing but room for an answer of ours, had none, and went to say so.
    ("cannot leave component instance", Ending.MEMORY),
)


_COMPLAINT_BYTES: Final = 4096
# An engine that gets no more memory can only trap. These are SpiderMonkey's words for it, at the start of a line.
_OF_MEMORY: Final = (b'"out of memory"', b"uncaught exception: out of memory", b"Hit MOZ_CRASH([unhandlable oom]")


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


class SealedInterpreter:
    """The interpreter, ready to be called any number of times, each time fresh."""

    def __init__(self, running: Engine, descriptor: int, birth: Birth, host: HostCalls) -> None:
        """Load the artifact in *descriptor*, which the parent has checked. Raises: ModuleRejected."""
        self._engine = running
        self._host = host
        self._kept: tuple[wasmtime.Store, component.Func] | None = None
        self._inside: wasmtime.Store | None = None
        """The store of the call under way."""
        self._stopped: tuple[Ending, int] | None = None
        """What the runner ended the call for, and the fuel there was left."""
        self._complaints = Complaints()
        self._held = Held()
        try:
            self._component = component.Component.deserialize_file(running, f"/proc/self/fd/{descriptor}")
            self._linker, self._stops = _linker(running, self._component, birth)
            with self._linker.root() as root:
                root.add_func(_HOST_CALL, self._host_call)
                root.add_func(_STOP, self._stop)
        except (wasmtime.WasmtimeError, ModuleRefused) as error:
            raise ModuleRejected(str(error)) from None

    def run(self, request: Request) -> Reply:
        """One call. Never raises for what a program does."""
        kept, self._kept = self._kept, None
        store, function = kept if kept is not None and request.keep else (self._store(request), None)
        store.set_fuel(request.fuel)
        store.set_epoch_deadline(ticks(request.wall_ms))
        ending, output, detail = Ending.UNLINKED, b"", b""
        self._inside, self._stopped = store, None
        try:
            ending, output, detail, function = self._call(store, function, request)
            return Reply(
                ending=ending,
                exit_code=0,
                fuel=request.fuel - self._left(store),
                memory_bytes=self._held.grown(),
                cpu_us=0,
                output=output,
                log=b"",
                detail=detail,
            )
        finally:
            self._inside = None
            if request.keep and function is not None and ending is Ending.RETURNED:
                self._kept = store, function
            else:
                store.close()

    def _store(self, request: Request) -> wasmtime.Store:
        self._held.begin()
        store = wasmtime.Store(self._engine)
        store.set_limits(
            memory_size=request.memory_bytes,
            table_elements=TABLE_ELEMENTS,
            instances=_INSTANCES,
            tables=_TABLES,
            memories=1,  # the component has one, so the limit is of all memory there is
        )
        self._complaints = Complaints()
        config = wasmtime.WasiConfig()
        config.stderr_custom = self._complaints.write
        store.set_wasi(config)
        return store

    def _left(self, store: wasmtime.Store) -> int:
        """The fuel that was left when the call ended."""
        return store.get_fuel() if self._stopped is None else self._stopped[1]

    def _call(
        self, store: wasmtime.Store, function: component.Func | None, request: Request
    ) -> tuple[Ending, bytes, bytes, component.Func | None]:
        """Call *function*, or that of a fresh instance; answers it, so that it can be called again."""
        if function is None:
            try:
                function = self._linker.instantiate(store, self._component).get_func(store, _RUN)
            except wasmtime.WasmtimeError as error:
                return *self._ended(str(error), Ending.UNLINKED), None
        if function is None:
            return Ending.UNLINKED, b"", b"", None
        return *self._said(store, function, request), function

    def _said(self, store: wasmtime.Store, function: component.Func, request: Request) -> tuple[Ending, bytes, bytes]:
        try:
            said = function(store, request.arguments.decode("utf-8"))
        except wasmtime.WasmtimeError as error:
            return self._ended(str(error), Ending.TRAPPED)
        if not isinstance(said, str):
            return Ending.BROKE_ABI, b"", b""
        output = said.encode("utf-8")
        return (Ending.OUTPUT, b"", b"") if len(output) > request.output_bytes else (Ending.RETURNED, output, b"")

    def _ended(self, text: str, otherwise: Ending) -> tuple[Ending, bytes, bytes]:
        if self._stopped is not None:
            return self._stopped[0], b"", b""
        for words, ending in _ENDINGS:
            if words in text:
                return ending, b"", b""
        if self._complaints.of_memory:
            return Ending.MEMORY, b"", b""
        return otherwise, b"", cut(text.encode("utf-8", errors="replace"), DETAIL_CHARACTERS)

    def _stop(self, _store: object, limit: str) -> None:
        """End the call at its next instruction, whatever the program would catch."""
        store = self._inside
        if store is not None:
            self._stopped = _STOPS.get(limit, Ending.BROKE_ABI), store.get_fuel()
            store.set_fuel(0)

    def _host_call(self, _store: object, name: str, payload: str) -> str | tuple[str, str]:
        try:
            return self._host.call(name, payload.encode("utf-8")).decode("utf-8")
        except HostRefused as refused:
            return refused.code, refused.message
        except HostLost:
            return "host/lost", "the host is gone"
        except Exception:  # noqa: BLE001 -- invariant 4
            return "host/broken", "the host could not answer"


def make(running: Engine, descriptor: int, birth: Birth, host: HostCalls) -> SealedInterpreter:
    """The maker that `guests` looks for. Raises: ModuleRejected."""
    return SealedInterpreter(running, descriptor, birth, host)


def _linker(running: Engine, loaded: component.Component, birth: Birth) -> tuple[component.Linker, object]:
    """WASI with nothing in it, less what *birth* withholds; and what must live as long as the linker."""
    if not (birth.clock and birth.random):
        from ..components.linking import link_world  # noqa: PLC0415 -- a worker loads what it needs
        from ..components.world import world_of  # noqa: PLC0415 -- as above

        linked = link_world(running, world_of(running, loaded), clock=birth.clock, random=birth.random)
        return linked.linker, linked
    linker = component.Linker(running)
    linker.add_wasip2()
    return linker, None
