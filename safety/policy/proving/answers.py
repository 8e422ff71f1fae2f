"""What a question about policies comes to, as values: proved, contradicted by a call, outside, or given up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from holdfast.contracts import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """Something in a policy that cannot be encoded."""

    policy: str
    file: str
    line: int
    """Where the policy starts, from 1."""
    construct: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """It holds for every call that the assumptions allow."""

    assumptions: tuple[str, ...]
    loosely: tuple[Oddity, ...] = ()
    """What was taken for anything at all, and does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A call for which it does not hold; the engine, asked about it, agrees."""

    tool: str
    case: Mapping[str, Json]
    """As in the `cases` of a case file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfReach:
    """Neither: something that matters cannot be encoded."""

    tool: str
    oddities: tuple[Oddity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """Neither: the solver did not answer in time, or the engine does not agree with the call it found."""

    tool: str
    why: str


Answer: TypeAlias = Proved | Found | OutOfReach | GivenUp
