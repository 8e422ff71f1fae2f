"""Tools that are source text: described and called in the sealed interpreter of their language, never read here.

1. Parsing and importing a source are hostile work: they happen in a fresh instance in a confined worker, for
   describing in one that serves no tenant and is granted no host function.
2. A call gets the source whose digest was approved, a fresh instance, and a worker of its tenant's and source's alone.
"""

import asyncio
import time
from functools import partial
from typing import Final, Protocol

from holdfast.contracts import Authorized, Digest, Json, Outcome, TenantId, Wasm
from holdfast.contracts.json_values import canonical
from holdfast.contracts.limits import MIB, PYTHON

from ..broker import CallBroker
from ..frames import REQUEST_CAP, Reply, Request
from ..outcomes import failed
from ..pool import Identity
from ..report import ModuleRefused, ModuleReport
from ..supervisor import Answer
from .source_answers import outcome_of, report_of

SOURCE_BYTES: Final = MIB
_NOBODY: Final = TenantId("")
_DESCRIBING_MS: Final = 10_000
_DESCRIBING_FUEL: Final = 10_000_000_000
_LISTING_BYTES: Final = 1 << 20
_HEADER_ROOM: Final = 4096
_IN_A_THREAD_BYTES: Final = 64 << 10


class Asks(Protocol):
    """An interpreter, as far as tools of its language need it."""

    @property
    def abi(self) -> str:
        """The calling convention that its tools name."""
        ...

    async def ask(
        self, call: Authorized | None, identity: Identity, request: Request, /
    ) -> tuple[Answer, CallBroker | None]:
        """Run *request* in a worker of *identity*, for *call* if there is one."""
        ...


class SourceTools:
    """Describes and calls the tools of one language."""

    def __init__(self, interpreter: Asks, *, extension: str) -> None:
        """Tools that *interpreter* runs; their text is shown as a file with *extension*, `.py`."""
        self._interpreter = interpreter
        self._extension = extension

    async def describe(self, source: bytes, *, file: str) -> ModuleReport:
        """What *source*, called *file* in messages, offers: its functions, their schemas, what it imports of ours.

        Raises: ModuleRefused with one sentence and the line; PoolFull, WorkerRefused, OperatorError, OSError.
        """
        asked: dict[str, Json] = {"source": checked_text(source), "file": file, "output_bytes": _LISTING_BYTES}
        request = Request(
            fuel=_DESCRIBING_FUEL,
            memory_bytes=PYTHON.memory_bytes,
            wall_ms=_DESCRIBING_MS,
            output_bytes=_LISTING_BYTES + _HEADER_ROOM,
            name=self._interpreter.abi,
            arguments=canonical(asked),
        )
        if len(request.arguments) + _HEADER_ROOM > REQUEST_CAP:
            raise ModuleRefused("the source is too large")
        identity = Identity(
            tenant=_NOBODY,
            module=Digest.of(source),
            abi=self._interpreter.abi,
            clock=True,
            random=True,
            memory_bytes=PYTHON.memory_bytes,
        )
        answer, _ = await self._interpreter.ask(None, identity, request)
        return await asyncio.to_thread(report_of, answer, source, abi=self._interpreter.abi)

    async def run(self, call: Authorized, tool: Wasm, source: bytes, /) -> Outcome:
        """Call the function that *tool* names, in *source*, whose digest the caller has compared.

        Raises: ModuleRefused, PoolFull, WorkerRefused, OperatorError, OSError.
        """
        began = time.perf_counter()
        request = self._request(call, tool, checked_text(source))
        if len(request.arguments) + _HEADER_ROOM > REQUEST_CAP:
            return failed("wasm/arguments", "the source and its arguments are too large together")
        identity = Identity(
            tenant=call.principal.tenant,
            module=tool.module,
            abi=tool.abi,
            clock=call.spec.grants.clock,
            random=call.spec.grants.random,
            memory_bytes=call.spec.limits.memory_bytes,
        )
        answer, broker = await self._interpreter.ask(call, identity, request)
        wall_ms = (time.perf_counter() - began) * 1000
        read = partial(outcome_of, answer, abi=tool.abi, wall_ms=wall_ms)
        in_a_thread = isinstance(answer, Reply) and len(answer.output) > _IN_A_THREAD_BYTES
        outcome = await asyncio.to_thread(read) if in_a_thread else read()
        return outcome if broker is None else broker.settled(outcome)

    def _request(self, call: Authorized, tool: Wasm, source: str) -> Request:
        limits = call.limits
        asked: dict[str, Json] = {
            "source": source,
            "file": f"{call.spec.name}{self._extension}",
            "function": tool.function or call.spec.name,
            "arguments": dict(call.arguments),
            "clock": call.spec.grants.clock,
            "output_bytes": limits.total_output_bytes,
        }
        return Request(
            fuel=limits.fuel,
            memory_bytes=min(limits.memory_bytes, call.spec.limits.memory_bytes),
            wall_ms=limits.wall_ms,
            output_bytes=limits.total_output_bytes,
            name=tool.abi,
            arguments=canonical(asked),
        )


def checked_text(source: bytes) -> str:
    """*source* as the text it is. Raises: ModuleRefused when it is a module, too large, or no text."""
    if source.startswith(b"\0asm"):
        raise ModuleRefused("this is a WebAssembly module, not source text; `tool.abi` must say which kind")
    if len(source) > SOURCE_BYTES:
        raise ModuleRefused(f"the source is larger than {SOURCE_BYTES} bytes")
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError:
        raise ModuleRefused("the source is not UTF-8") from None
    if "\0" in text or not text.strip():
        raise ModuleRefused("the source is empty, or holds a NUL")
    return text.removeprefix("\ufeff")
