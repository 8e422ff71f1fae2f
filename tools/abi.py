"""The calling conventions a manifest may name, all of which this version runs. It runs nothing itself."""

from collections.abc import Mapping
from enum import StrEnum, unique
from types import MappingProxyType
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


LANGUAGES: Final[Mapping[str, Abi]] = MappingProxyType({".py": Abi.PYTHON, ".js": Abi.JAVASCRIPT})
"""By the ending of a file: conventions whose modules are source text, so that a manifest can be drafted from it."""
SOURCES: Final = frozenset(LANGUAGES.values())
