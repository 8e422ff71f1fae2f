"""The start-up self-test: live probes in real confined processes, remembered until the machine or the versions change."""

import os
from importlib.metadata import version
from pathlib import Path

import holdfast
from holdfast.sandbox.wasm.runtime import WasmRuntime

from .keyed_files import KeyedFiles

_BOOT = Path("/proc/sys/kernel/random/boot_id")


async def prove_wasm(runtime: WasmRuntime, kept: KeyedFiles | None) -> None:
    """Probe WASM confinement unless that held since this machine started; what does not hold switches the runtime off."""
    proof = _proof()
    if runtime.unavailable is not None or (kept is not None and kept.load("wasm-proven") == proof):
        return
    await runtime.self_test()
    if runtime.unavailable is None and kept is not None:
        kept.save("wasm-proven", proof)


def _proof() -> bytes:
    """What the proof holds for: this boot of this kernel, these versions, this user."""
    parts = (
        _BOOT.read_text().strip() if _BOOT.exists() else "",
        *os.uname(),
        version("wasmtime"),
        holdfast.__version__,
    )
    return "\0".join((*parts, str(os.getuid()))).encode()
