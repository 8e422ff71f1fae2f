"""What runs tools that are source text, as the runtime sees it: one for each language. It runs nothing itself."""

from typing import Protocol

from holdfast.contracts import Authorized, Outcome, Wasm

from .report import ModuleReport


class Language(Protocol):
    """Describes and calls tools of one language."""

    async def describe(self, source: bytes, *, file: str) -> ModuleReport:
        """What *source* offers. Raises: ModuleRefused, PoolFull, WorkerRefused, OperatorError, OSError."""
        ...

    async def run(self, call: Authorized, tool: Wasm, source: bytes, /) -> Outcome:
        """Call a function of *source*, whose digest has been compared. Raises: as `describe`."""
        ...
