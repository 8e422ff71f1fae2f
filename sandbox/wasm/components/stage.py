"""Plays one call of a component in a fresh store: limits first, then instances, then the function. It keeps nothing.

Every store has fuel, an epoch deadline and limits on memory, tables and instances before it meets a guest; memories
and tables have one limit together. Standard output and error are a log of bounded size.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import wasmtime
from wasmtime import component as wasmtime_component

from ..birth import Birth
from ..capture import Log, Output, cut
from ..engine import last_words, ticks
from ..ffi_unsafe import context_of, set_stdin
from ..frames import Ending, Reply, Request
from ..held import Held
from ..settings import DETAIL_CHARACTERS, TABLE_ELEMENTS
from .bounds import share
from .linking import HostInterface, link_world
from .lowering_unsafe import Function, Mismatch, find
from .values import Value
from .world import Offered, World

_ENDINGS: Final = {
    "wasm trap: all fuel consumed by WebAssembly": Ending.FUEL,
    "wasm trap: interrupt": Ending.EPOCH,
    "wasm trap: call stack exhausted": Ending.STACK,
}
"""The last line of what wasmtime says. A component's errors carry no code."""
_COPIED: Final = "fuel allocated for hostcalls has been exhausted"
"""What wasmtime says when an answer has more values than it copies: 128 MiB of them, so 2.7 MB as a `list<u8>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How a call went. `value` is there when `ending` is RETURNED."""

    ending: Ending
    exit_code: int
    fuel: int
    log: bytes
    detail: bytes
    memory_bytes: int = 0
    """What the process had more at the end: linear memories never shrink, so this is the most there was."""
    value: Value = None

    def reply(self, *, ending: Ending | None = None, output: bytes = b"", exit_code: int = 0) -> Reply:
        """The frame of it."""
        return Reply(
            ending=ending or self.ending,
            exit_code=self.exit_code or exit_code,
            fuel=self.fuel,
            memory_bytes=self.memory_bytes,
            cpu_us=0,
            output=output,
            log=self.log,
            detail=self.detail,
        )


class Stage:
    """One component with what its imports are linked to."""

    def __init__(
        self,
        running: wasmtime.Engine,
        component: wasmtime_component.Component,
        world: World,
        birth: Birth,
        ours: tuple[HostInterface, ...] = (),
    ) -> None:
        self._engine = running
        self._component = component
        self._birth = birth
        self._held = Held()
        self._linked = link_world(running, world, clock=birth.clock, random=birth.random, ours=ours)

    def play(
        self, request: Request, offered: Offered, arguments: tuple[Value, ...], *, output: Output | None = None
    ) -> Played:
        """Call *offered* with *arguments*, of its shapes. Never raises for what a guest does.

        With *output* it is a program: it reads the request's arguments from its standard input and writes there.
        """
        if self._birth.declared_memory_bytes > request.memory_bytes:
            return Played(ending=Ending.MEMORY, exit_code=0, fuel=0, log=b"", detail=b"")
        self._held.begin()
        log, store = Log(), self._store(request)
        try:
            store.set_wasi(_empty_wasi(request, log, output))
            return self._act(request, store, offered, arguments, log)
        finally:
            store.close()

    def _act(
        self, request: Request, store: wasmtime.Store, offered: Offered, arguments: tuple[Value, ...], log: Log
    ) -> Played:
        otherwise, value, code = Ending.UNLINKED, None, 0
        try:
            instance = self._linked.linker.instantiate(store, self._component)
            otherwise = Ending.TRAPPED
            function = _found(store, instance, offered)
            value = function(arguments)
            ending, detail = Ending.RETURNED, b""
        except wasmtime.ExitTrap as error:
            ending, code, detail = Ending.EXITED, error.code, b""
        except Mismatch as error:
            ending, detail = Ending.BROKE_ABI, str(error).encode()
        except wasmtime.WasmtimeError as error:
            ending, detail = ended(str(error), otherwise, out_of_fuel=store.get_fuel() == 0)
        fuel, said = request.fuel - store.get_fuel(), log.taken()
        if ending is Ending.TRAPPED:
            detail = last_words(detail, said)
        return Played(
            ending=ending,
            exit_code=code,
            fuel=fuel,
            log=said,
            detail=detail,
            memory_bytes=self._held.grown(),
            value=value,
        )

    def _store(self, request: Request) -> wasmtime.Store:
        birth = self._birth
        store = wasmtime.Store(self._engine)
        store.set_limits(
            memory_size=share(birth.memories, request.memory_bytes),
            memories=len(birth.memories),
            tables=len(birth.table_limits),
            table_elements=share(birth.table_limits, TABLE_ELEMENTS),
            instances=birth.instances,
        )
        store.set_fuel(request.fuel)
        store.set_epoch_deadline(ticks(request.wall_ms))
        return store


def _found(store: wasmtime.Store, instance: wasmtime_component.Instance, offered: Offered) -> Function:
    signature = offered.signature
    shapes = tuple(shape for _, shape in signature.parameters)
    function = find(context_of(store), instance, offered.path, shapes, signature.result)
    if function is None:
        raise Mismatch("the function is not there")
    return function


def ended(said: str, otherwise: Ending, *, out_of_fuel: bool) -> tuple[Ending, bytes]:
    """How a call ended that wasmtime *said* this of, and what is kept of it: the cause, not the names on the way."""
    cause = said.rsplit("Caused by:", 1)[-1].strip()
    last = cause.rsplit("\n", 1)[-1].strip()
    if _COPIED in last:
        return Ending.OUTPUT, b""
    ending = next((known for text, known in _ENDINGS.items() if last.endswith(text)), otherwise)
    if ending is Ending.FUEL and not out_of_fuel:
        ending = otherwise
    if ending is not otherwise:
        return ending, b""
    return ending, cut(cause.encode("utf-8", errors="replace"), DETAIL_CHARACTERS)


def _empty_wasi(request: Request, log: Log, output: Output | None) -> wasmtime.WasiConfig:
    config = wasmtime.WasiConfig()
    config.argv = [request.name]
    if output is not None:
        set_stdin(config, request.arguments)
    config.stdout_custom = _kept(log if output is None else output)
    config.stderr_custom = _kept(log)
    return config


def _kept(sink: Log | Output) -> Callable[[Any], int]:
    def write(data: Any) -> int:
        try:
            return sink.write(bytes(data))
        except BaseException:  # noqa: BLE001 -- the frames below this one are C's
            return -5  # EIO

    return write
