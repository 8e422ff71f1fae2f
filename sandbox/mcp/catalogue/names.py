"""Names and texts of an upstream as they are served: refuses what a reader would misread. Never repairs a name.

1. A served name fits `TOOL_NAME`, so every model API takes it.
2. `server__tool` splits at its first `__`, since a server's name has no underscore.
3. Two tools of one server never share a served name: whatever had to be changed carries a digest of the original.
4. No name of a server's holds `__`, so none can pass for another server's tool, or for one of our own making.
5. Names of one server that the eye takes for one another are all withheld.
6. Text keeps line breaks and tabs of the invisible characters, nothing else.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from holdfast.contracts import Digest, ToolName
from holdfast.contracts.specs import TOOL_NAME

from ..config import Prefix

UPSTREAM_TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
"""MCP's own grammar (SEP-986). It admits no invisible, control or look-alike character."""

MARK: Final = "__"
"""Ends the server's part of a served name."""

SERVED_LENGTH: Final = 64
_LOOKS_LIKE: Final = str.maketrans({"0": "o", "1": "l", "i": "l", "3": "e", "5": "s"})
_DIVIDES: Final = re.compile(r"[-_.]+")
_DIGEST_LENGTH: Final = 8
_HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_KEPT: Final = frozenset("\n\t")
_INVISIBLE_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5")
"""Fillers and joiners that Unicode files under letters and marks and fonts draw as nothing."""

_SELECTORS: Final = range(0xFE00, 0xFE10)
"""Variation selectors: sixteen of them spell bytes that nothing shows."""
_TAGS: Final = range(0xE0000, 0xE1000)
"""Tag characters and the selectors' supplement."""


def served_name(server: str, tool: str, prefix: Prefix) -> ToolName | None:
    """The name under which *tool* (or prompt) of *server* is served, or None when `name_fault` finds one."""
    if name_fault(tool) is not None:
        return None
    lead = f"{server}{MARK}" if prefix is Prefix.NAME else ""
    plain = lead + tool
    if TOOL_NAME.fullmatch(plain):
        return ToolName(plain)
    mark = "_" + Digest.of(tool.encode("ascii")).hex[:_DIGEST_LENGTH]
    room = SERVED_LENGTH - len(lead) - len(mark)
    return ToolName(lead + tool.replace(".", "_")[:room] + mark)


def name_fault(name: str) -> str | None:
    """Why a tool or prompt called *name* is not served, in one constant sentence."""
    if not UPSTREAM_TOOL_NAME.fullmatch(name):
        return "the name is not 1 to 128 of A-Z, a-z, 0-9, `_`, `.` and `-`"
    if MARK in name:
        return "the name holds `__`, which divides a server's name from a tool's"
    return None


def skeleton(name: str) -> str:
    """*name* as the eye reads it: without case and the differences of look-alike characters."""
    return name.casefold().replace("rn", "m").replace("vv", "w").translate(_LOOKS_LIKE)


def loose(name: str) -> str:
    """The same, whatever divides its words."""
    return _DIVIDES.sub("_", skeleton(name))


def bare(server: str) -> str:
    """A server's name as the eye reads it, without what divides words."""
    return _DIVIDES.sub("", skeleton(server))


def alike(names: Sequence[str]) -> dict[str, str]:
    """Those of *names* that another of them would be taken for, and which one."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        groups.setdefault(loose(name), []).append(name)
    return {one: group[one == group[0]] for group in groups.values() if len(group) > 1 for one in group}


def hides(text: str) -> bool:
    """Whether *text* holds a character that a reader cannot see but a model can read."""
    return not (text.isascii() and text.isprintable()) and any(_hidden(char) for char in text)


def shown(text: str) -> str:
    """*text* without the characters nobody sees."""
    return "".join(char for char in text if not _hidden(char)) if hides(text) else text


def _hidden(char: str) -> bool:
    if char in _KEPT:
        return False
    point = ord(char)
    return unicodedata.category(char) in _HIDDEN or char in _INVISIBLE_LETTERS or point in _SELECTORS or point in _TAGS
