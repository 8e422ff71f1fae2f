"""Runs authorized calls to WebAssembly tools in confined workers. It decides nothing and holds no engine.

1. A module's bytes are compared with the approved digest every time a worker is raised, before anything reads them.
2. What a limit or a broken guest ends is an outcome, never an exception; only cancellation is raised.
3. Where the kernel cannot confine a worker, nothing runs and every call says why.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from holdfast.contracts.calls import MOST_NESTED
from holdfast.contracts.digests import KEY_BYTES, Digest
from holdfast.contracts.errors import HoldfastError, IntegrityError, OperatorError
from holdfast.contracts.json_values import canonical
from holdfast.contracts.outcomes import Failed, Outcome
from holdfast.contracts.seal import Authorized
from holdfast.contracts.specs import ToolSpec, Wasm

from ..confinement.support import support
from .abi import ASKING, EXTISM, NEAR_AGENT, RUNNABLE, SOURCES, UNSUPPORTED
from .artifacts import Absent, Altered, Artifact, ArtifactCache
from .broker import NO_POWERS, NOW, RANDOM, CallBroker, Powers
from .compiling import Compiler
from .components.component_scan import is_component
from .describing import check_offered, cleaned, description_of, offers_of
from .extism.interface import Style
from .extism.scanning import plugin_style
from .frames import REQUEST_CAP, Reply, Request
from .languages import Language
from .outcomes import failed, outcome_of
from .pool import Identity, PoolBounds, PoolFull, Provide, WorkerPool
from .report import ModuleRefused, ModuleReport, Offer, shown
from .supervisor import Answer, Worker, WorkerRefused

if TYPE_CHECKING:
    from .probes import Probe

Modules: TypeAlias = Callable[[Digest], bytes]
"""The bytes stored under a digest. May block; may raise OSError or a HoldfastError."""

UNPRIVILEGED: Final = 65534
"""`nobody`: what a worker started by root becomes."""
NESTED_WORKERS: Final = 2
"""Workers kept apart for each depth of calls that tools make."""
INTEGRITY: Final = "wasm/integrity"
"""The code of a call that failed because its module is no longer the one that was approved."""
_IN_A_THREAD_BYTES: Final = 64 << 10
_HEADER_ROOM: Final = 1024

_log = structlog.get_logger(__name__)


class LanguageOff(OperatorError):
    """There is no interpreter for tools of this language."""


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
        powers: Powers = NO_POWERS,
    ) -> None:
        self.unavailable: str | None = support().missing
        """Why nothing runs here, or None."""
        self._modules = modules
        self._cache = ArtifactCache(artifacts, artifact_key or secrets.token_bytes(KEY_BYTES))
        self._unprivileged = unprivileged
        self._compiler = Compiler(unprivileged=unprivileged)
        self._powers = powers
        self._withheld: dict[str, str] = {}
        self._languages: dict[str, Language | str] = {}
        bounds = bounds or PoolBounds()
        # A call waits only for calls deeper than itself, and each depth has workers that no other depth can take:
        # however full the house is, the deepest calls get on, and so do those that wait for them.
        reserved = replace(bounds, workers=min(bounds.workers, NESTED_WORKERS), spares=0)
        self._pools = tuple(
            WorkerPool(reserved if depth else bounds, unprivileged=unprivileged) for depth in range(MOST_NESTED + 1)
        )

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """The workers that live now, for metrics and tests."""
        return tuple(pid for pool in self._pools for pid in pool.pids)

    @property
    def spare_pids(self) -> tuple[int, ...]:
        """The worker that waits for a first call, and serves nobody yet."""
        return tuple(pid for pool in self._pools for pid in pool.spare_pids)

    async def run(self, call: Authorized, /) -> Outcome:
        """Run *call*. Raises nothing but cancellation, which ends the worker."""
        began = time.perf_counter()
        runtime = call.spec.runtime
        if self.unavailable is not None:
            return failed("wasm/unavailable", f"WebAssembly tools are off here: {self.unavailable}")
        if not isinstance(runtime, Wasm) or runtime.abi not in {*RUNNABLE, ASKING}:
            return failed("wasm/abi", f"this is no tool for this runtime: {UNSUPPORTED}")
        try:
            if runtime.abi in SOURCES:
                source = await asyncio.to_thread(_verified, runtime.module, self._modules)
                return await self._language(runtime.abi).run(call, runtime, source)
            request = _request(call)
            if len(request.arguments) + _HEADER_ROOM > REQUEST_CAP:
                return failed("wasm/arguments", "the arguments are too large for a WebAssembly tool")
            pool, broker = self._pools[call.depth], self.broker(call)
            answer = await pool.call(
                self._identity(call, runtime), request, lambda: self._artifact(runtime.module), broker
            )
        except (PoolFull, WorkerRefused, ModuleRefused, HoldfastError, OSError) as error:
            return _failure(error)
        read = partial(outcome_of, answer, abi=runtime.abi, wall_ms=(time.perf_counter() - began) * 1000)
        in_a_thread = isinstance(answer, Reply) and len(answer.output) > _IN_A_THREAD_BYTES
        return broker.settled(await asyncio.to_thread(read) if in_a_thread else read())

    def adopt(self, abi: str, language: Language | str) -> None:
        """From here on *language* runs the tools of *abi*; a text is why none can be run."""
        self._languages[abi] = language

    def _language(self, abi: str) -> Language:
        """Raises: LanguageOff where there is no interpreter."""
        language = self._languages.get(abi, "this server has no interpreter for it")
        if isinstance(language, str):
            raise LanguageOff(f"tools of abi `{abi}` are off here: {language}")
        return language

    async def describe(self, abi: str, source: bytes, *, file: str) -> ModuleReport:
        """What the text *source* offers as tools, in a worker that is granted nothing; cleaned as a model reads it.

        Raises: OperatorError.
        """
        self._require()
        try:
            report = await self._language(abi).describe(source, file=file)
            return replace(report, offers=await asyncio.to_thread(cleaned, report.offers))
        except (PoolFull, WorkerRefused, ModuleRefused) as error:
            raise OperatorError(f"`{shown(file)}`: {error}") from error

    @property
    def compiler(self) -> Compiler:
        """Where modules are compiled, one at a time."""
        return self._compiler

    async def interpret(
        self, call: Authorized | None, identity: Identity, request: Request, provide: Provide
    ) -> tuple[Answer, CallBroker | None]:
        """Run *request* in an interpreter of ours, whose artifact *provide* answers; without a *call* it has no broker.

        Raises: PoolFull, WorkerRefused, and whatever *provide* raises.
        """
        if call is None:
            return await self._pools[0].call(identity, request, provide), None
        broker = self.broker(call)
        return await self._pools[call.depth].call(identity, request, provide, broker), broker

    def broker(self, call: Authorized) -> CallBroker:
        """What answers the host calls of *call*."""
        return CallBroker(call, self._powers, withheld=self._withheld)

    def withhold(self, capability: str, why: str) -> None:
        """From here on no tool is given *capability*, whatever its manifest grants; *why* is said to whoever asks."""
        self._withheld[capability] = why

    async def worker_apart(self, identity: Identity, provide: Provide) -> Worker:
        """A worker of an interpreter of ours that whoever asks keeps and ends. Raises: as `interpret`."""
        return await self._pools[0].apart(identity, provide)

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

    async def offers(self, digest: Digest) -> tuple[Offer, ...]:
        """The functions that the module under *digest* describes itself, each a tool; empty where it describes none.

        A plugin that must be asked is asked in a worker of its own, which is granted nothing.

        Raises: OperatorError.
        """
        return await self._told(await self.prepare(digest), digest, lambda: self._artifact(digest))

    async def described(self, wasm: bytes) -> tuple[Offer, ...]:
        """As `offers`, of a module that is not stored yet, and cleaned as whatever a model reads is.

        Raises: OperatorError.
        """
        report, digest = await self.inspect(wasm), Digest.of(wasm)
        offers = await self._told(report, digest, lambda: self._compiled(digest, wasm))
        try:
            return await asyncio.to_thread(cleaned, offers)
        except ModuleRefused as error:
            raise OperatorError(str(error)) from error

    async def _told(self, report: ModuleReport, digest: Digest, provide: Provide) -> tuple[Offer, ...]:
        asked = report.abi == NEAR_AGENT or (report.abi == EXTISM and plugin_style(report.exports) is not Style.PLAIN)
        if not asked:
            return report.offers
        identity, request = description_of(digest, report.abi)
        try:
            return offers_of(await self._pools[0].call(identity, request, provide), report.abi)
        except (PoolFull, WorkerRefused, ModuleRefused) as error:
            raise OperatorError(str(error)) from error

    async def check_offers(self, specs: Sequence[ToolSpec]) -> tuple[str, ...]:
        """Whether the plugin of *specs*, all of one module, has the function of each; answers what to know of it.

        Raises: OperatorError. Answers nothing for other conventions, which say what they have in their types.
        """
        notes: dict[str, None] = {}
        for spec in specs:
            if not isinstance(spec.runtime, Wasm) or spec.runtime.abi != EXTISM:
                continue
            style = plugin_style((await self.prepare(spec.runtime.module)).exports)
            offers = await self.offers(spec.runtime.module)
            notes |= dict.fromkeys(check_offered(offers, spec.runtime.function or spec.name, style))
        return tuple(notes)

    async def inspect(self, wasm: bytes) -> ModuleReport:
        """What the module *wasm* declares. A component is compiled for it: only the engine reads its types.

        Raises: OperatorError.
        """
        self._require()
        try:
            if is_component(wasm):
                return (await self._compiled(Digest.of(wasm), wasm)).report
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

    def _identity(self, call: Authorized, runtime: Wasm) -> Identity:
        return Identity(
            tenant=call.principal.tenant,
            module=runtime.module,
            abi=runtime.abi,
            clock=call.spec.grants.clock and NOW not in self._withheld,
            random=call.spec.grants.random and RANDOM not in self._withheld,
            memory_bytes=call.spec.limits.memory_bytes,
        )

    async def close(self) -> None:
        """End every worker."""
        for pool in self._pools:
            await pool.close()

    def _require(self) -> None:
        if self.unavailable is not None:
            raise OperatorError(f"WebAssembly tools are off here: {self.unavailable}")

    async def _artifact(self, digest: Digest) -> Artifact:
        return await self._compiled(digest, await asyncio.to_thread(_verified, digest, self._modules))

    async def _compiled(self, digest: Digest, wasm: bytes) -> Artifact:
        """The artifact of *wasm*, whose digest the caller has taken."""
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


def _failure(error: Exception) -> Failed:
    match error:
        case PoolFull():
            return failed("wasm/busy", str(error))
        case WorkerRefused():
            return failed("wasm/unavailable", "no confined worker could be raised", detail=str(error))
        case LanguageOff():
            return failed("wasm/unavailable", error.message)
        case IntegrityError():
            return failed(INTEGRITY, str(error))
        case ModuleRefused():
            return failed("wasm/module", "the module was refused", detail=str(error))
        case _:
            return failed("wasm/module", "the module could not be loaded", detail=str(error))


def _verified(digest: Digest, modules: Modules) -> bytes:
    try:
        wasm = modules(digest)
    except FileNotFoundError:
        raise IntegrityError("the module that was approved is gone") from None
    if Digest.of(wasm) != digest:
        raise IntegrityError("the module is not the one that was approved")
    return wasm


def _function(call: Authorized) -> str:
    runtime = call.spec.runtime
    return (runtime.function if isinstance(runtime, Wasm) else "") or call.spec.name


def _request(call: Authorized) -> Request:
    limits = call.limits
    return Request(
        fuel=limits.fuel,
        memory_bytes=min(limits.memory_bytes, call.spec.limits.memory_bytes),
        wall_ms=limits.wall_ms,
        output_bytes=limits.total_output_bytes,
        name=_function(call),
        arguments=canonical(call.arguments),
    )
