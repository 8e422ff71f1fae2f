"""Looks at a module file without a house: what it declares, and its digest. Nothing of it runs."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import cast

from holdfast.contracts import Digest, Json
from holdfast.sandbox.wasm.runtime import WasmRuntime

_WASM_MAGIC = b"\0asm"


def _nothing(_digest: Digest) -> bytes:
    raise FileNotFoundError


async def inspect_module(data: bytes) -> Json:
    """What the module, or text that becomes one, is.

    Raises: OperatorError when it is no module this version knows, with the reason.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-inspect-") as folder:
        runtime = WasmRuntime(_nothing, artifacts=Path(folder) / "artifacts")
        try:
            module = data if data.startswith(_WASM_MAGIC) else await runtime.assemble(data.decode("utf-8", "replace"))
            report = await runtime.inspect(module)
        finally:
            await runtime.close()
    return {"digest": str(Digest.of(module)), "bytes": len(module), **cast("dict[str, Json]", asdict(report))}


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
