"""The kinds of things that a server defines, and the keys their approvals are kept under. Holds names only.

A tool's key is its name; every other kind has a prefix with a colon, which no tool's name can have.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .names import UPSTREAM_TOOL_NAME


class Kind(StrEnum):
    """What a definition is of."""

    TOOL = "tool"
    PROMPT = "prompt"
    RESOURCE = "resource"
    TEMPLATE = "template"
    INSTRUCTIONS = "instructions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """One definition that is not served, and why. The name is cleaned and cut."""

    kind: Kind = Kind.TOOL
    name: str
    reason: str

    @property
    def key(self) -> str:
        """As its approval would be kept."""
        return key_of(self.kind, self.name)


_PREFIXED: Final = frozenset(Kind) - {Kind.TOOL}


def key_of(kind: Kind, name: str) -> str:
    """The key of what is called *name*. A tool whose name is none gets a key that no definition has."""
    plain = kind is Kind.TOOL and (UPSTREAM_TOOL_NAME.fullmatch(name) or name == "?")
    return name if plain else f"{kind}:{name}"


def split_key(key: str) -> tuple[Kind, str]:
    """Which kind, and which name, *key* stands for."""
    lead, colon, name = key.partition(":")
    if colon and lead in _PREFIXED:
        return Kind(lead), name
    return Kind.TOOL, key.removeprefix("tool:")
