"""Builds a tool from its source and holds it to its cases, sealed. What it answers was measured, and nobody's word.

1. The source is built in confinement, the module's digest written into the manifest, and the module looked at as it is
   at registration: what would be refused there is refused here.
2. Every case is a call under the manifest's own limits, with none of its grants.
3. It needs no house: no store, no session, no record. Nothing is registered here.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from holdfast.contracts import Digest, Json, OperatorError, ToolSpec, Usage
from holdfast.sandbox.building import Builder, Language
from holdfast.sandbox.children import Launcher
from holdfast.sandbox.wasm.report import ModuleReport, shown
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.cases import Answered, Case, difference
from holdfast.tools.manifest import USUAL_CEILINGS, Ceilings, Manifest, load_manifest
from holdfast.tools.pinning import with_digest

from .interpreting import adopt_languages
from .looking import look
from .trying import try_sealed

_MOST_IMPORTS: Final = 200
SHOWN_CHARACTERS: Final = 2000
"""Of what a tool or a compiler said, once it has been scanned whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One case, and how it went."""

    name: str
    why: str | None
    """Why it failed; None when it did not."""
    answered: Answered
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A module, and the manifest that names it."""

    module: bytes
    digest: Digest
    manifest: str
    build_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A module that was built, looked at and tried."""

    built: Built
    report: ModuleReport
    notes: tuple[str, ...]
    cases: tuple[Tried, ...]

    @property
    def passed(self) -> bool:
        """Whether every case did."""
        return all(case.why is None for case in self.cases)


class Workbench:
    """Looks at modules and tries them, in workers of its own which reach nothing."""

    def __init__(self, runtime: WasmRuntime, modules: dict[Digest, bytes], ceilings: Ceilings) -> None:
        """Use `open`."""
        self._runtime = runtime
        self._modules = modules
        self._ceilings = ceilings

    @classmethod
    async def open(cls, stack: AsyncExitStack, *, ceilings: Ceilings = USUAL_CEILINGS) -> "Workbench":
        """One that is gone, with all its workers, when *stack* closes."""
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-bench-")))
        modules: dict[Digest, bytes] = {}
        runtime = WasmRuntime(lambda digest: modules[digest], artifacts=folder / "artifacts")
        stack.push_async_callback(runtime.close)
        adopt_languages(stack, runtime)
        return cls(runtime, modules, ceilings)

    @property
    def runtime(self) -> WasmRuntime:
        """Where its calls run; it has no powers."""
        return self._runtime

    async def build(self, builder: Builder, language: Language, sources: Mapping[str, bytes], manifest: str) -> Built:
        """The module that *sources* become, and *manifest* with its digest.

        Raises: BuildRefused; OperatorError when the digest cannot be written into the manifest.
        """
        began = time.monotonic()
        module = await builder.build(language, sources)
        digest = Digest.of(module)
        build_ms = (time.monotonic() - began) * 1000
        return Built(module=module, digest=digest, manifest=with_digest(manifest, digest), build_ms=build_ms)

    async def prove(self, built: Built, cases: Sequence[Case]) -> Made:
        """Look at what was *built* as a registration does, and try it on *cases*.

        Raises: OperatorError naming what is wrong with the manifest, or how the module does not fit it.
        """
        read = load_manifest(built.manifest, ceilings=self._ceilings)
        report, notes = await self.look(read, built.module)
        tried = [await self._tried(read, case) for case in cases]
        return Made(built=built, report=report, notes=notes, cases=tuple(tried))

    async def assemble(self, text: str) -> bytes:
        """The binary form of WebAssembly *text*. Raises: OperatorError."""
        return await self._runtime.assemble(text)

    async def inspect(self, module: bytes) -> ModuleReport:
        """What *module* declares; from here on it can be tried. Raises: OperatorError."""
        self._modules[Digest.of(module)] = module
        return await self._runtime.inspect(module)

    async def look(self, manifest: Manifest, module: bytes) -> tuple[ModuleReport, tuple[str, ...]]:
        """What *module* is, and what to know of it as *manifest* describes it.

        Raises: OperatorError when it does not fit.
        """
        keep = partial(self._modules.__setitem__, manifest.digest, module)
        return await look(self._runtime, manifest, module, keep)

    async def _tried(self, manifest: Manifest, case: Case) -> Tried:
        answered, outcome = await try_sealed(self._runtime, _operation(manifest, case), case.arguments)
        why = difference(case.expect, answered)
        return Tried(name=case.name, why=why, answered=answered, usage=outcome.usage)


def _operation(manifest: Manifest, case: Case) -> ToolSpec:
    specs = manifest.specs()
    if case.tool is None:
        return specs[0]
    for spec in specs:
        if spec.name == case.tool:
            return spec
    raise OperatorError(f"case `{case.name}`: `tool` names no operation of this manifest")


async def open_builder(
    stack: AsyncExitStack, bench: Workbench, cache: Path, *, say: Callable[[str], None] | None = None
) -> Builder:
    """A builder with a launching process of its own, where there can be one."""
    return Builder(await _launcher(stack), bench.runtime.assemble, cache=cache, say=say)


def written(made: Made) -> dict[str, Json]:
    """*made* as JSON. Texts of the tool's are cut, and otherwise as it said them."""
    return {
        "digest": str(made.built.digest),
        "bytes": len(made.built.module),
        "abi": made.report.abi,
        "imports": [f"{shown(one.module)}.{shown(one.name)}" for one in made.report.imports[:_MOST_IMPORTS]],
        "capabilities": [*made.report.capabilities],
        "notes": [*made.notes],
        "build_ms": round(made.built.build_ms, 1),
        "cases": [_case(one) for one in made.cases],
    }


def _case(tried: Tried) -> Json:
    return {
        "name": tried.name,
        "passed": tried.why is None,
        "why": tried.why,
        "status": tried.answered.status,
        "answered": tried.answered.text[:SHOWN_CHARACTERS],
        "fuel": tried.usage.fuel,
        "memory_bytes": tried.usage.memory_bytes,
        "wall_ms": round(tried.usage.wall_ms, 2),
    }


async def _launcher(stack: AsyncExitStack) -> Launcher | None:
    try:
        launcher = await Launcher.open()
    except OperatorError:
        return None
    stack.push_async_callback(launcher.close)
    return launcher
