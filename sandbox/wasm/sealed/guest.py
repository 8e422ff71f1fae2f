"""Calls an interpreter's component in a confined worker: a fresh instance a call. It knows nothing of what is run.

1. Nothing of an instance outlives its call, but where the request says that it is kept: then it is the next one's, if
   that says so too, and any end but returning ends it. Which calls share a worker is the parent's to say.
2. WASI is empty: no files, sockets, environment or arguments; a clock and randomness, as the tool's description says.
3. Without the grants the clock and randomness are not linked: whoever asks for them is stopped.
4. A host function never raises: what wasmtime's component layer keeps of an exception could reach another call.
"""

from collections.abc import Callable
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
from ..settings import DETAIL_CHARACTERS
from .instances import Instance, Instances, Unmade

_HOST_CALL: Final = "host-call"
_STOP: Final = "stop"
_STOPS: Final = {"output_bytes": Ending.OUTPUT}
# The component layer has no trap codes: these are wasmtime's own words at the end of an error's text.
_ENDINGS: Final = (
    ("all fuel consumed", Ending.FUEL),
    ("wasm trap: interrupt", Ending.EPOCH),
    ("call stack exhausted", Ending.STACK),
    # It was asked for nothing but room for an answer of ours, had none, and went to say so.
    ("cannot leave component instance", Ending.MEMORY),
)


class SealedInterpreter:
    """The interpreter, ready to be called any number of times, each time fresh."""

    def __init__(self, running: Engine, descriptor: int, birth: Birth, host: HostCalls) -> None:
        """Load the artifact in *descriptor*, which the parent has checked. Raises: ModuleRejected."""
        self._host = host
        self._kept: Instance | None = None
        self._spent: Instance | None = None
        """Served its call, which is answered before it is let go of."""
        self._inside: wasmtime.Store | None = None
        """The store of the call under way."""
        self._stopped: tuple[Ending, int] | None = None
        """What the runner ended the call for, and the fuel there was left."""
        self._held = Held()
        try:
            loaded = component.Component.deserialize_file(running, f"/proc/self/fd/{descriptor}")
            linker, self._stops = _linker(running, loaded, birth)
            with linker.root() as root:
                root.add_func(_HOST_CALL, self._host_call)
                root.add_func(_STOP, self._stop)
        except (wasmtime.WasmtimeError, ModuleRefused) as error:
            raise ModuleRejected(str(error)) from None
        self._instances = Instances(running, loaded, linker, self._held, birth)

    def run(self, request: Request) -> Reply:
        """One call. Never raises for what a program does."""
        self._let_go()
        kept, self._kept = self._kept, None
        if kept is not None and not request.keep:
            kept.close()
            kept = None
        self._stopped = None
        try:
            instance = kept or self._instances.take(request.memory_bytes)
        except Unmade as error:
            return self._reply(*_ended(str(error), Ending.UNLINKED), fuel=0)
        self._inside, self._spent = instance.store, instance
        instance.store.set_fuel(request.fuel)
        instance.store.set_epoch_deadline(ticks(request.wall_ms))
        try:
            ending, output, detail = self._said(instance, request)
        finally:
            self._inside = None
        if request.keep and ending is Ending.RETURNED:
            self._kept, self._spent = instance, None
        return self._reply(ending, output, detail, fuel=request.fuel - self._left(instance.store))

    def prepare(self, idle: Callable[[], bool]) -> None:
        """Between two calls: let go of what the last one used, and make what the next one will."""
        self._let_go()
        if self._kept is None:
            self._instances.make_ahead(idle)

    def _let_go(self) -> None:
        spent, self._spent = self._spent, None
        if spent is not None:
            spent.close()

    def _reply(self, ending: Ending, output: bytes, detail: bytes, *, fuel: int) -> Reply:
        return Reply(
            ending=ending,
            exit_code=0,
            fuel=fuel,
            memory_bytes=self._held.grown(),
            cpu_us=0,
            output=output,
            log=b"",
            detail=detail,
        )

    def _left(self, store: wasmtime.Store) -> int:
        """The fuel that was left when the call ended."""
        return store.get_fuel() if self._stopped is None else self._stopped[1]

    def _said(self, instance: Instance, request: Request) -> tuple[Ending, bytes, bytes]:
        try:
            said = instance.run(instance.store, request.arguments.decode("utf-8"))
        except wasmtime.WasmtimeError as error:
            if self._stopped is not None:
                return self._stopped[0], b"", b""
            return _ended(str(error), Ending.MEMORY if instance.complaints.of_memory else Ending.TRAPPED)
        if not isinstance(said, str):
            return Ending.BROKE_ABI, b"", b""
        output = said.encode("utf-8")
        return (Ending.OUTPUT, b"", b"") if len(output) > request.output_bytes else (Ending.RETURNED, output, b"")

    def _stop(self, _store: object, limit: str) -> None:
        """End the call at its next instruction, whatever the program would catch."""
        store = self._inside
        if store is not None:
            self._stopped = _STOPS.get(limit, Ending.BROKE_ABI), store.get_fuel()
            store.set_fuel(0)

    def _host_call(self, _store: object, name: str, payload: str) -> str | tuple[str, str]:
        if self._inside is None:  # nobody's call: the parent would take what is said for an answer
            return "host/broken", "there is no call"
        try:
            return self._host.call(name, payload.encode("utf-8")).decode("utf-8")
        except HostRefused as refused:
            return refused.code, refused.message
        except HostLost:
            return "host/lost", "the host is gone"
        except Exception:  # noqa: BLE001 -- invariant 4
            return "host/broken", "the host could not answer"


def _ended(text: str, otherwise: Ending) -> tuple[Ending, bytes, bytes]:
    for words, ending in _ENDINGS:
        if words in text:
            return ending, b"", b""
    detail = b"" if otherwise is Ending.MEMORY else cut(text.encode("utf-8", errors="replace"), DETAIL_CHARACTERS)
    return otherwise, b"", detail


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
