"""Runs authorized calls to WebAssembly tools in confined workers. It decides nothing and holds no engine.

1. A module's bytes are compared with the approved digest every time a worker is raised, before anything reads them.
2. What a limit or a broken guest ends is an outcome, never an exception; only cancellation is raised.
3. Where the kernel cannot confine a worker, nothing runs and every call says why.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from holdfast.contracts.digests import KEY_BYTES, Digest
from holdfast.contracts.errors import HoldfastError, IntegrityError, OperatorError
from holdfast.contracts.json_values import canonical
from holdfast.contracts.outcomes import Failed, Outcome
from holdfast.contracts.seal import Authorized
from holdfast.contracts.specs import ToolSpec, Wasm

from ..confinement.support import support
from .abi import RUNNABLE, UNSUPPORTED
from .artifacts import Absent, Altered, Artifact, ArtifactCache
from .compiling import Compiler
from .frames import REQUEST_CAP, Reply, Request
from .outcomes import failed, outcome_of
from .pool import Identity, PoolBounds, PoolFull, WorkerPool
from .report import ModuleRefused, ModuleReport
from .settings import TABLE_ELEMENTS
from .supervisor import WorkerRefused

if TYPE_CHECKING:
    from .probes import Probe

Modules: TypeAlias = Callable[[Digest], bytes]
"""The bytes stored under a digest. May block; may raise OSError or a HoldfastError."""

UNPRIVILEGED: Final = 65534
"""`nobody`: what a worker started by root becomes."""
_IN_A_THREAD_BYTES: Final = 64 << 10
_HEADER_ROOM: Final = 1024

_log = structlog.get_logger(__name__)


class WasmRuntime:
    """Implements `holdfast.contracts.ports.Runtime` for `Wasm` tools.

    *artifacts* is a folder for compiled modules (made with mode 0700), *artifact_key* 32 secret bytes; without a key
    a fresh one is used, so that nothing compiled before is taken.

    Raises: OperatorError when the folder or the key will not do.
    """

    def __init__(
        self,
        modules: Modules,
        *,
        artifacts: Path,
        artifact_key: bytes | None = None,
        bounds: PoolBounds | None = None,
        unprivileged: int = UNPRIVILEGED,
    ) -> None:
        self.unavailable: str | None = support().missing
        """Why nothing runs here, or None."""
        self._modules = modules
        self._cache = ArtifactCache(artifacts, artifact_key or secrets.token_bytes(KEY_BYTES))
        self._unprivileged = unprivileged
        self._compiler = Compiler(unprivileged=unprivileged)
        self._pool = WorkerPool(bounds or PoolBounds(), unprivileged=unprivileged)

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """The workers that live now, for metrics and tests."""
        return self._pool.pids

    async def run(self, call: Authorized, /) -> Outcome:
        """Run *call*. Raises nothing but cancellation, which ends the worker."""
        began = time.perf_counter()
        runtime = call.spec.runtime
        if self.unavailable is not None:
            return failed("wasm/unavailable", f"WebAssembly tools are off here: {self.unavailable}")
        if not isinstance(runtime, Wasm) or runtime.abi not in RUNNABLE:
            return failed("wasm/abi", f"this is no tool for this runtime: {UNSUPPORTED}")
        try:
            request = _request(call)
            if len(request.arguments) + _HEADER_ROOM > REQUEST_CAP:
                return failed("wasm/arguments", "the arguments are too large for a WebAssembly tool")
            answer = await self._pool.call(_identity(call, runtime), request, lambda: self._artifact(runtime.module))
        except (PoolFull, WorkerRefused, ModuleRefused, HoldfastError, OSError) as error:
            return _failure(error)
        read = partial(outcome_of, answer, abi=runtime.abi, wall_ms=(time.perf_counter() - began) * 1000)
        if isinstance(answer, Reply) and len(answer.output) > _IN_A_THREAD_BYTES:
            return await asyncio.to_thread(read)
        return read()

    async def prepare(self, digest: Digest) -> ModuleReport:
        """Fetch, verify, scan and compile the module under *digest*, so that its first call need not.

        Raises: OperatorError, which names what is wrong with it.
        """
        self._require()
        try:
            return (await self._artifact(digest)).report
        except ModuleRefused as error:
            raise OperatorError(str(error)) from error
        except OSError as error:
            raise OperatorError("the module cannot be read") from error

    async def inspect(self, wasm: bytes) -> ModuleReport:
        """What the module *wasm* declares, without compiling it. Raises: OperatorError."""
        self._require()
        try:
            return await self._compiler.inspect(wasm)
        except ModuleRefused as error:
            raise OperatorError(str(error)) from error

    async def assemble(self, text: str) -> bytes:
        """The binary form of *text*, WebAssembly's text format. Raises: OperatorError."""
        self._require()
        try:
            return await self._compiler.assemble(text)
        except ModuleRefused as error:
            raise OperatorError(str(error)) from error

    async def self_test(self) -> "tuple[Probe, ...]":
        """Try from every thread of a worker what it must not do. One probe that fails switches the runtime off."""
        if self.unavailable is not None:
            return ()
        from .probes import run_probes  # noqa: PLC0415 -- loads the engine, which this process otherwise never does

        probes = await run_probes(self._compiler, unprivileged=self._unprivileged)
        failing = [probe.name for probe in probes if not probe.passed]
        if failing:
            self.unavailable = f"a worker is not confined as it must be: {', '.join(failing)}"
        return probes

    async def close(self) -> None:
        """End every worker."""
        await self._pool.close()

    def _require(self) -> None:
        if self.unavailable is not None:
            raise OperatorError(f"WebAssembly tools are off here: {self.unavailable}")

    async def _artifact(self, digest: Digest) -> Artifact:
        wasm = await asyncio.to_thread(_verified, digest, self._modules)
        stored = await asyncio.to_thread(self._cache.load, digest)
        match stored:
            case Artifact():
                return stored
            case Altered():
                _log.warning("wasm_artifact_refused", module=str(digest))
            case Absent():
                pass
        artifact = await self._compiler.compile(wasm)
        await asyncio.to_thread(self._cache.save, digest, artifact)
        return artifact


def check_fit(report: ModuleReport, spec: ToolSpec) -> tuple[str, ...]:
    """Whether the module of *report* can run as *spec* says; answers what the operator should know.

    Raises: OperatorError when it cannot.
    """
    if not isinstance(spec.runtime, Wasm):
        raise OperatorError("this is not a WebAssembly tool")
    if spec.runtime.abi != report.abi:
        raise OperatorError(f"`tool.abi` says {spec.runtime.abi}, but the module is a {report.abi} module")
    if report.memory_bytes > spec.limits.memory_bytes:
        raise OperatorError(
            f"`limits.memory_bytes` is {spec.limits.memory_bytes}, but the module starts with {report.memory_bytes}"
        )
    if report.tables and report.table_elements > TABLE_ELEMENTS // report.tables:
        raise OperatorError(f"the module's tables start with more than {TABLE_ELEMENTS} elements together")
    withheld = [name for name, granted in (("clock", spec.grants.clock), ("random", spec.grants.random)) if not granted]
    denied = tuple(f"`grants.{name} = false`: those WASI calls answer `not capable`" for name in withheld)
    return (*report.notes, *denied)


def _failure(error: Exception) -> Failed:
    match error:
        case PoolFull():
            return failed("wasm/busy", str(error))
        case WorkerRefused():
            return failed("wasm/unavailable", "no confined worker could be raised", detail=str(error))
        case IntegrityError():
            return failed("wasm/integrity", str(error))
        case ModuleRefused():
            return failed("wasm/module", "the module was refused", detail=str(error))
        case _:
            return failed("wasm/module", "the module could not be loaded", detail=str(error))


def _verified(digest: Digest, modules: Modules) -> bytes:
    wasm = modules(digest)
    if Digest.of(wasm) != digest:
        raise IntegrityError("the module is not the one that was approved")
    return wasm


def _identity(call: Authorized, runtime: Wasm) -> Identity:
    return Identity(
        tenant=call.principal.tenant,
        module=runtime.module,
        abi=runtime.abi,
        clock=call.spec.grants.clock,
        random=call.spec.grants.random,
        memory_bytes=call.spec.limits.memory_bytes,
    )


def _request(call: Authorized) -> Request:
    limits = call.limits
    return Request(
        fuel=limits.fuel,
        memory_bytes=min(limits.memory_bytes, call.spec.limits.memory_bytes),
        wall_ms=limits.wall_ms,
        output_bytes=limits.total_output_bytes,
        name=call.spec.name,
        arguments=canonical(call.arguments),
    )
