"""Looks at a tool without a house: what it declares, its digest, and what one sealed call of it takes."""

import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

from holdfast.contracts import Digest, Json, OperatorError, ToolName, ToolSpec, Wasm
from holdfast.contracts.limits import WASM
from holdfast.sandbox.wasm.report import ModuleReport
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.drafting import language_of
from holdfast.tools.manifest import load_manifest
from holdfast.tools.signatures import read_signature

from .looking import drafted
from .trying import try_sealed
from .workbench import Workbench

_WASM_MAGIC = b"\0asm"
_SHOWN = 2000


def _nothing(_digest: Digest) -> bytes:
    raise FileNotFoundError


async def inspect_module(data: bytes, *, sample: Mapping[str, Json] | None = None) -> Json:
    """What the module, or text that becomes one, is; with a *sample* of arguments, how one sealed call of it went.

    Raises: OperatorError when it is no module this version knows, with the reason.
    """
    async with AsyncExitStack() as stack:
        bench = await Workbench.open(stack)
        module = data if data.startswith(_WASM_MAGIC) else await bench.assemble(data.decode("utf-8", "replace"))
        report = await bench.inspect(module)
        tried = None if sample is None else await _tried(bench, _plain_spec(report, module), sample)
    return _described(module, report, tried)


async def inspect_folder(
    manifest: str, module: bytes, *, signature: str | None = None, sample: Mapping[str, Json] | None = None
) -> Json:
    """What *module* is as *manifest* describes it: the same, whether it fits, who signed it, and what to know of it.

    Raises: OperatorError.
    """
    digest = Digest.of(module)
    described = await _inspected(manifest, module, sample)
    return {"signed": _signed(manifest, digest, signature), **described}


async def _inspected(manifest: str, module: bytes, sample: Mapping[str, Json] | None) -> dict[str, Json]:
    read = load_manifest(manifest)
    digest = Digest.of(module)
    async with AsyncExitStack() as stack:
        bench = await Workbench.open(stack)
        if digest != read.digest:
            described = _described(module, await bench.inspect(module), None)
            return {"fits": f'`tool.digest` is not the digest of this module; digest = "{digest}"', **described}
        try:
            report, notes = await bench.look(read, module)
        except OperatorError as error:
            return {"fits": error.message, **_described(module, await bench.inspect(module), None)}
        tried = None if sample is None else await _tried(bench, read.spec(), sample)
    tools: list[Json] = [spec.name for spec in read.specs()]
    return {"fits": True, "tools": tools, "registration": [*notes], **_described(module, report, tried)}


def _signed(manifest: str, module: Digest, signature: str | None) -> Json:
    """By whom, and whether that holds; who is trusted is for a server to say."""
    if signature is None:
        return None
    read = read_signature(signature)
    return {"by": read.key, "holds": read.holds(manifest, module)}


async def inspect_source(
    source: bytes, file: str, *, written: str = "", sample: Mapping[str, Json] | None = None
) -> Json:
    """What the text *source* offers as tools, and the manifest that would be drafted. It is imported, sealed.

    Raises: OperatorError, InvalidRequest.
    """
    async with AsyncExitStack() as stack:
        bench = await Workbench.open(stack)
        report = await bench.runtime.describe(language_of(file).value, source, file=file)
        manifest = drafted(report, source, file=file, written=written)
        tried: dict[str, Json] = {}
        if sample is not None:
            read = load_manifest(manifest)
            await bench.look(read, source)
            tried = {"sample": await _tried(bench, read.specs()[0], sample)}
    return {
        "digest": str(Digest.of(source)),
        "bytes": len(source),
        "abi": report.abi,
        "capabilities": [*report.capabilities],
        "notes": [*report.notes],
        "offers": [cast("dict[str, Json]", asdict(one)) for one in report.offers],
        "manifest": manifest,
        **tried,
    }


async def assemble_module(text: str) -> bytes:
    """The binary form of WebAssembly text, made in a confined process.

    Raises: OperatorError.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-assemble-") as folder:
        runtime = WasmRuntime(_nothing, artifacts=Path(folder) / "artifacts")
        try:
            return await runtime.assemble(text)
        finally:
            await runtime.close()


async def _tried(bench: Workbench, spec: ToolSpec, sample: Mapping[str, Json]) -> dict[str, Json]:
    answered, outcome = await try_sealed(bench.runtime, spec, sample)
    usage = outcome.usage
    return {
        "status": answered.status,
        "answered": answered.text[:_SHOWN],
        "fuel": usage.fuel,
        "memory_bytes": usage.memory_bytes,
        "wall_ms": round(usage.wall_ms, 2),
    }


def _plain_spec(report: ModuleReport, module: bytes) -> ToolSpec:
    """A tool of the module alone: the usual limits, any arguments, its first function."""
    function = report.offers[0].name if report.offers else ""
    return ToolSpec(
        name=ToolName("sample"),
        description="a sample",
        input_schema={"type": "object"},
        effects=frozenset(),
        runtime=Wasm(module=Digest.of(module), abi=report.abi, function=function),
        limits=replace(WASM, memory_bytes=max(WASM.memory_bytes, report.memory_bytes)),
    )


def _described(module: bytes, report: ModuleReport, tried: dict[str, Json] | None) -> dict[str, Json]:
    declared = cast("dict[str, Json]", asdict(report))
    sample: dict[str, Json] = {} if tried is None else {"sample": tried}
    return {"digest": str(Digest.of(module)), "bytes": len(module), **declared, **sample}
