"""Looks at a tool that came in: what its module or source is, whether its manifest fits, and what is to be known of it.

The module is whoever sent it's: it is scanned, compiled and asked in confined processes only. Nothing is kept here.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from holdfast.contracts import Digest
from holdfast.safety.schemas import check_schema
from holdfast.sandbox.wasm.fitting import check_fit
from holdfast.sandbox.wasm.report import ModuleReport
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.abi import SOURCES
from holdfast.tools.completing import Told, abi_of, completed, lacks
from holdfast.tools.drafting import Offered, draft
from holdfast.tools.manifest import Manifest

MAGIC: Final = b"\0asm"
"""What every module begins with, and no source text."""


async def look(
    runtime: WasmRuntime, read: Manifest, module: bytes, keep: Callable[[], None]
) -> tuple[ModuleReport, tuple[str, ...]]:
    """What *module* is, and what to know of it as the manifest *read* describes it.

    *keep*, which may block, puts the module where *runtime* finds it, once it has been found to fit.

    Raises: OperatorError when it does not.
    """
    specs = read.specs()
    for spec in specs:
        await asyncio.to_thread(check_schema, spec.input_schema)
    is_source = read.abi in SOURCES
    if is_source:
        report = await runtime.describe(read.abi, module, file=read.module)
    else:
        report = await runtime.inspect(module)
    notes = dict.fromkeys(note for spec in specs for note in check_fit(report, spec, said=read.said))
    await asyncio.to_thread(keep)
    if not is_source:
        await runtime.prepare(read.digest)
    notes |= dict.fromkeys(await runtime.check_offers(specs))
    return report, tuple(notes)


async def completed_by_module(runtime: WasmRuntime, manifest: str, module: bytes) -> str:
    """*manifest* with what it leaves out and *module* says of itself. Raises: OperatorError."""
    abi = abi_of(manifest)
    if not lacks(manifest) or not (module.startswith(MAGIC) or abi in SOURCES):
        return manifest
    if abi in SOURCES:
        offers = (await runtime.describe(abi, module, file="the source")).offers
    else:
        offers = await runtime.described(module)
    told = (Told(name=one.name, description=one.description, input_schema=one.input_schema) for one in offers)
    return completed(manifest, tuple(told))


def drafted(report: ModuleReport, source: bytes, *, file: str, written: str = "", grants: Sequence[str] = ()) -> str:
    """The manifest of *source*, called *file*, of which *report* was made. Raises: OperatorError, InvalidRequest."""
    offered = tuple(
        Offered(name=one.name, description=one.description, input_schema=one.input_schema) for one in report.offers
    )
    return draft(offered, file=file, digest=Digest.of(source), written=written, grants=grants)
