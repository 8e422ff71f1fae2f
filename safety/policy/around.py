"""What the server knows around a call, for policy to look at: values and ports. It asks for nothing by itself.

What costs something is behind a callable, and is asked for only where some policy reads it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from holdfast.contracts import Digest, Hint, Json, Standing
from holdfast.contracts.json_values import canonical

from .paths import path_arguments


class Approved(StrEnum):
    """What a call comes with when it is judged."""

    NONE = "none"
    LEASE = "lease"
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tooling:
    """What is known of a tool beside its definition."""

    standing: Standing
    isolation: frozenset[str] = frozenset()
    """What confines it where it runs; empty: our own process, or somebody else's machine."""
    hints: frozenset[Hint] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Calls that the server let through before this one, over windows that end now."""

    tool_minute: int = 0
    """Of this principal to this tool."""
    tool_hour: int = 0
    tool_day: int = 0
    minute: int = 0
    """Of this principal to any tool."""
    hour: int = 0
    day: int = 0
    spends_hour: int = 0
    """Those of this principal that spend."""
    spends_day: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Locations:
    """Where the path-like arguments of a call lead in the workspace."""

    real: tuple[str, ...]
    """Those inside, as they are from the root, links followed."""
    outside: bool
    """At least one leads outside, or it cannot be told where it leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The server's own knowledge around one call. Nothing has a default: what is not known is said to be so."""

    tooling: Tooling
    approved: Approved
    now: Callable[[], float]
    """Seconds since the epoch."""
    counts: Callable[[], Counts]
    located: Callable[[tuple[str, ...]], Locations]
    """Of path-like arguments as they are written."""
    seal: Callable[[Json], Digest]
    """The keyed digest of an argument that has no type policy could see."""


def settled(around: Around) -> Around:
    """The same, but each answer stays what it was when it was first asked for: what is kept is what was judged."""
    return replace(around, now=cache(around.now), counts=cache(around.counts), located=cache(around.located))


def settle(around: Around, arguments: Mapping[str, Json]) -> None:
    """Ask *around*, which is settled, for all that a policy could have asked of a call with *arguments*."""
    around.now()
    around.counts()
    around.located(path_arguments(arguments))


def supposed(standing: Standing = Standing.APPROVED, approved: Approved = Approved.NONE) -> Around:
    """What a case assumes, and whoever tries policy without a server: midnight of the first day, no calls before.

    Every path leads outside, and digests have no key. A case that cares says so by name.
    """
    return Around(
        tooling=Tooling(standing=standing),
        approved=approved,
        now=lambda: 0.0,
        counts=Counts,
        located=lambda paths: Locations(real=(), outside=bool(paths)),
        seal=lambda value: Digest.of(canonical(value)),
    )
