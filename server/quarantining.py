"""Withholds a sandboxed tool once a call finds that its module is no longer what was approved. It runs nothing."""

import asyncio

from holdfast.contracts import Authorized, Failed, Outcome, Runtime, Wasm
from holdfast.sandbox.wasm.runtime import INTEGRITY

from .registrar import Registrar


class Quarantining:
    """The `Runtime` port over another: the call that finds the module changed fails, and later ones are denied."""

    def __init__(self, runtime: Runtime, registrar: Registrar) -> None:
        self._runtime = runtime
        self._registrar = registrar

    async def run(self, call: Authorized, /) -> Outcome:
        """Run *call*."""
        outcome = await self._runtime.run(call)
        where = call.spec.runtime
        if isinstance(outcome, Failed) and outcome.code == INTEGRITY and isinstance(where, Wasm):
            await asyncio.shield(self._registrar.quarantine(where.module, outcome.message))
        return outcome
