"""Runs the probe of the brokered grants in a worker: what it is handed is asked of the parent. It grants nothing.

A refusal is the probe's answer like any other: which of the two was right is for whoever probes to say.
"""

import json

import wasmtime

from .abi import ASK
from .engine import GUEST_FAULTS, Engine, Guest, Needs, ended, not_run, shadowing
from .ffi_unsafe import BrokenAbi, Memory, Name, StopGuest, call, context_of, define_host, link
from .frames import Ending, Reply, Request
from .hostcalls import HostCalls, HostLost, HostRefused

_HOST, _ASK = Name(ASK[0]), Name(ASK[1])
_MEMORY, _ALLOC, _RUN = Name("memory"), Name("alloc"), Name("run")


class Asking(Guest):
    """The probe: exports what a core-json tool exports, and imports `ask`."""

    def __init__(self, running: Engine, module: wasmtime.Module, needs: Needs, host: HostCalls) -> None:
        super().__init__(running, module, needs)
        self._host = host
        self._memory: Memory | None = None
        self._linker = shadowing(running)
        self._answer = define_host(self._linker, _HOST, _ASK, self._ask)

    def run(self, request: Request) -> Reply:
        """One call. Never raises for what a guest does."""
        refused = self._too_large(request)
        if refused is not None:
            return not_run(refused)
        store = self._store(request, instances=1, own_tables=0)
        context = context_of(store)
        ending, output, detail = Ending.RETURNED, b"", b""
        try:
            guest = link(self._linker, context, self._module)
            self._memory = memory = guest.memory(_MEMORY)
            at = call(context, guest.function(_ALLOC), (len(request.arguments),), 1) & 0xFFFF_FFFF
            memory.write(at, request.arguments)
            packed = call(context, guest.function(_RUN), (at, len(request.arguments)), 1)
            output = memory.read(packed >> 32 & 0xFFFF_FFFF, packed & 0xFFFF_FFFF)
        except GUEST_FAULTS as error:
            ending, _code, detail = ended(error, Ending.TRAPPED)
        finally:
            self._memory = None
            fuel = request.fuel - store.get_fuel()
            store.close()
        return Reply(
            ending=ending,
            exit_code=0,
            fuel=fuel,
            memory_bytes=0,
            cpu_us=0,
            output=output[: request.output_bytes],
            log=b"",
            detail=detail,
        )

    def _ask(self, at: int, length: int, answer: int, room: int) -> int:
        """Say the question at *at* to the parent; answers the bytes written at *answer*. Raises: StopGuest."""
        if self._memory is None:
            raise StopGuest
        try:
            question = json.loads(self._memory.read(at, length))
            said = self._said(str(question["function"]), json.dumps(question["payload"]).encode())
            if len(said) > room:
                raise StopGuest
            self._memory.write(answer, said)
        except (BrokenAbi, HostLost, ValueError, KeyError, TypeError):
            raise StopGuest from None
        return len(said)

    def _said(self, function: str, payload: bytes) -> bytes:
        try:
            return b'{"ok":' + self._host.call(function, payload) + b"}"
        except HostRefused as refused:
            return json.dumps({"code": refused.code, "message": refused.message}).encode()
