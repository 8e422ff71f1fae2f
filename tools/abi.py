"""The calling conventions a manifest may name, and which of them this version runs. It runs nothing."""

from enum import StrEnum, unique
from typing import Final


@unique
class Abi(StrEnum):
    """How a sandboxed tool is called (DESIGN section 4.7)."""

    NEAR_AGENT = "near-agent"
    COMPONENT = "component"
    EXTISM = "extism"
    WASI_COMMAND = "wasi-command"
    CORE_JSON = "core-json"
    PYTHON = "python"
    JAVASCRIPT = "javascript"


RUNNABLE: Final = frozenset({Abi.WASI_COMMAND, Abi.CORE_JSON})
UNSUPPORTED: Final = "this version runs wasi-command and core-json"
