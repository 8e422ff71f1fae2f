"""The start-up self-test: live probes in real confined processes, kept until the machine or the versions change."""

import os
from importlib.metadata import version
from pathlib import Path

import holdfast
from holdfast.sandbox.wasm.runtime import WasmRuntime

from ..keyed_files import KeyedFiles

_BOOT = Path("/proc/sys/kernel/random/boot_id")


async def prove_wasm(runtime: WasmRuntime, kept: KeyedFiles | None) -> None:
    """Probe WASM confinement unless that held since the machine started; what does not hold turns the runtime off."""
    proof = machine_proof()
    if runtime.unavailable is not None or (kept is not None and kept.load("wasm-proven") == proof):
        return
    probes = await runtime.self_test()
    if kept is not None and probes and all(probe.passed for probe in probes):
        kept.save("wasm-proven", proof)


def machine_proof() -> bytes:
    """What the proof holds for: this boot of this kernel, these versions, this user."""
    boot = _BOOT.read_text(encoding="ascii").strip() if _BOOT.exists() else ""
    parts = (boot, *os.uname(), version("wasmtime"), holdfast.__version__)
    return "\0".join((*parts, str(os.getuid()))).encode()
