"""Runs programs in sealed interpreters, through the pool of confined workers. It decides nothing about who may.

1. A program never meets another: one fresh instance a call, one worker for each tenant.
2. What comes back was written by hostile code: it is read as a value of known shape, or it is a failure.
3. The artifact is compiled once, in the confined compile worker, and kept under a keyed digest.
"""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias, assert_never

from holdfast.contracts import (
    Authorized,
    Completed,
    Digest,
    Failed,
    HoldfastError,
    Json,
    Limits,
    OperatorError,
    Outcome,
    Refusal,
    Refused,
    Stopped,
    TenantId,
)
from holdfast.contracts.json_values import canonical

from ..abi import PYTHON
from ..artifacts import Artifact, ArtifactCache
from ..broker import CallBroker
from ..frames import REQUEST_CAP, Reply, Request
from ..memfd import Shared
from ..outcomes import failed
from ..pool import Identity, PoolFull, SharedArtifact
from ..report import ModuleRefused
from ..runtime import WasmRuntime
from ..supervisor import Answer, WorkerRefused
from .answers import outcome_of
from .sessions import Owner, SessionBounds, Sessions

Component: TypeAlias = Callable[[], Awaitable[bytes]]
"""Gets the interpreter's component, building it if need be. Raises: OperatorError."""

FILE_BYTES: Final = 2 << 20
"""All files handed in with one program; as base64 they travel in one request of 4 MiB."""
_HEADER_ROOM: Final = 4096
NO_MORE_THAN_USUAL: Final = SessionBounds()
_IN_A_THREAD_BYTES: Final = 64 << 10


class Interpreter:
    """Implements the port of the tools `python` and `javascript`."""

    def __init__(
        self,
        runtime: WasmRuntime,
        *,
        identity: Digest,
        component: Component,
        artifacts: ArtifactCache,
        sessions: SessionBounds = NO_MORE_THAN_USUAL,
        abi: str = PYTHON,
    ) -> None:
        """Run in workers of *runtime* what *component* answers, known by *identity*, compiled into *artifacts*.

        *abi* is its language.
        """
        self._runtime = runtime
        self._identity = identity
        self._component = component
        self._artifacts = artifacts
        self._abi = abi
        self._sessions = Sessions(abi, sessions)
        self._preparing: asyncio.Task[SharedArtifact] | None = None
        self._ready: SharedArtifact | None = None
        """Sealed in memory once, 50 MB that every worker maps: reading it again took longer than all else."""

    async def prepare(self) -> None:
        """Have the interpreter built and compiled, so that the first call need not wait.

        Raises: OperatorError.
        """
        try:
            await self._artifact()
        except ModuleRefused as error:
            raise OperatorError(str(error)) from error

    async def run(
        self,
        code: str,
        *,
        given: Json,
        files: Mapping[str, bytes],
        tenant: TenantId,
        limits: Limits,
        call: Authorized | None = None,
        keep: bool = False,
    ) -> Outcome:
        """Run *code* with `input_data` = *given* and *files*; its calls of tools are those of *call*.

        With *keep* it goes on where the last program of the session of *call* ended, and is gone on from.

        Raises: Refusal where that cannot be; cancellation, which ends the worker.
        """
        began = time.perf_counter()
        if self._runtime.unavailable is not None:
            return failed("wasm/unavailable", f"WebAssembly is off here: {self._runtime.unavailable}")
        if keep and (call is None or call.depth):
            return failed(f"{self._abi}/session-nested", "only a call that comes through a door can keep a session")
        request = _request(self._abi, code, given, files, limits, keep=keep)
        if request is None:
            too_much = f"the program and its files are over {FILE_BYTES >> 20} MiB together"
            return failed(f"{self._abi}/arguments", too_much)
        identity = Identity(
            tenant=tenant,
            module=self._identity,
            abi=self._abi,
            clock=True,
            random=True,
            memory_bytes=limits.memory_bytes,
        )
        try:
            if call is not None and keep:
                return await self._held(call, identity, request, began)
            answer, broker = await self.ask(call, identity, request)
        except Refusal:
            raise
        except (PoolFull, WorkerRefused, ModuleRefused, HoldfastError, OSError) as error:
            return _failure(self._abi, error)
        outcome = await self._read(answer, began)
        return outcome if broker is None else broker.settled(outcome)

    async def _held(self, call: Authorized, identity: Identity, request: Request, began: float) -> Outcome:
        """One call of a session: on its own worker, whose instance stays as long as every call is answered."""
        broker = self._runtime.broker(call)
        async with self._sessions.turn(Owner.of(call)) as held:
            held.worker = held.worker or await self._runtime.worker_apart(identity, self._artifact)
            answer = await held.worker.call(request, broker)
            outcome = await self._read(answer, began)
            if isinstance(outcome, Completed) and isinstance(outcome.structured, dict):
                held.answered()
                kept: dict[str, Json] = {**outcome.structured, "session": {"calls": held.calls}}
                outcome = replace(outcome, structured=kept)
            else:
                held.lost = _why(outcome)
            return broker.settled(outcome)

    @property
    def session_pids(self) -> tuple[int, ...]:
        """The workers that sessions keep."""
        return self._sessions.pids

    @property
    def abi(self) -> str:
        """The calling convention of tools in its language."""
        return self._abi

    async def ask(
        self, call: Authorized | None, identity: Identity, request: Request, /
    ) -> tuple[Answer, CallBroker | None]:
        """Run *request* in a worker of *identity*, for *call* if there is one.

        Raises: PoolFull, WorkerRefused, ModuleRefused, HoldfastError, OSError.
        """
        return await self._runtime.interpret(call, identity, request, self._artifact)

    async def _read(self, answer: Answer, began: float) -> Outcome:
        read = partial(outcome_of, answer, wall_ms=(time.perf_counter() - began) * 1000, abi=self._abi)
        if isinstance(answer, Reply) and len(answer.output) > _IN_A_THREAD_BYTES:
            return await asyncio.to_thread(read)
        return read()

    async def close(self) -> None:
        """Give up what is being prepared."""
        preparing = self._preparing
        if preparing is not None:
            preparing.cancel()
            await asyncio.wait((preparing,))
        await self._sessions.close()
        self._ready = None

    async def _artifact(self) -> SharedArtifact:
        """The compiled interpreter. Whoever waits may go: what was begun is finished for the next."""
        if self._ready is not None:
            return self._ready
        if self._preparing is None:
            self._preparing = asyncio.ensure_future(self._prepared())
            self._preparing.add_done_callback(self._forget)
        return await asyncio.shield(self._preparing)

    def _forget(self, done: "asyncio.Task[SharedArtifact]") -> None:
        self._preparing = None
        if not done.cancelled():
            done.exception()  # whoever waited has it; if nobody did, the next call tries again

    async def _prepared(self) -> SharedArtifact:
        artifact = await asyncio.to_thread(self._artifacts.load, self._identity)
        if not isinstance(artifact, Artifact):
            artifact = await self._runtime.compiler.compile_interpreter(await self._component())
            await asyncio.to_thread(self._artifacts.save, self._identity, artifact)
        native = await asyncio.to_thread(Shared, artifact.native)
        self._ready = SharedArtifact(report=artifact.report, native=native)
        return self._ready


def _request(
    abi: str, code: str, given: Json, files: Mapping[str, bytes], limits: Limits, *, keep: bool = False
) -> Request | None:
    if sum(map(len, files.values())) > FILE_BYTES:
        return None
    arguments = canonical(
        {
            "code": code,
            "input": given,
            "files": {name: base64.b64encode(data).decode("ascii") for name, data in files.items()},
            "output_bytes": limits.total_output_bytes,
            "keep": keep,
        }
    )
    if len(arguments) + _HEADER_ROOM > REQUEST_CAP:
        return None
    return Request(
        fuel=limits.fuel,
        memory_bytes=limits.memory_bytes,
        wall_ms=limits.wall_ms,
        output_bytes=limits.total_output_bytes,
        name=abi,
        arguments=arguments,
        keep=keep,
    )


def _why(outcome: Outcome) -> str:
    match outcome:
        case Stopped(limit=limit):
            return f"a call of it reached its limit `{limit.value}`"
        case Failed() | Refused() | Completed():
            return "its worker broke"
        case _:
            assert_never(outcome)


def _failure(abi: str, error: Exception) -> Failed:
    match error:
        case PoolFull():
            return failed("wasm/busy", str(error))
        case WorkerRefused():
            return failed("wasm/unavailable", "no confined worker could be raised", detail=str(error))
        case OperatorError():
            return failed(f"{abi}/unavailable", error.message)
        case _:
            return failed(f"{abi}/unavailable", "the interpreter could not be prepared", detail=str(error))
