"""How labels flow: what a tool says of its arguments, the places calls read and write, and what policy is told of it.

A *place* is the smallest thing that keeps labels of its own: a file, a draft, a note, a branch. Values only.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .effects import Effect, Label

FILES: Final = "file"
"""The space of the workspace's files."""
ANY: Final = "*"
"""As a key's last segment: whatever follows. Alone: the whole space."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is kept. Both parts are folded, so that two names of one thing are one place."""

    space: str
    """`file`, or `upstream:NAME`."""
    key: str
    """Segments divided by `/`; `*` as the last one stands for everything below."""

    def __str__(self) -> str:
        return f"{self.space}:{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Effects that a call has only if an argument is there, or has one of some values."""

    argument: str
    """Dotted; a list along the way stands for each of its items."""
    effects: frozenset[Effect]
    values: tuple[str, ...] = ()
    """Patterns; empty: it is enough that the argument is there and not empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSpec:
    """What a tool's entry says of where its calls read, write and send. The defaults assume the worst.

    Place templates name arguments in braces: `draft/{id}`; in `writes` also fields of the answer: `draft/{result.id}`.
    """

    when: tuple[When, ...] = ()
    """An effect named here is had only by calls that meet one of its conditions; every other effect, by all calls."""
    reads: tuple[str, ...] | None = None
    """None: the whole space of the tool, if it reads at all."""
    writes: tuple[str, ...] | None = None
    """None: the whole space of the tool, if it writes or sends at all."""
    carries: tuple[str, ...] = ()
    """Places whose content leaves with the call although no argument holds it: the commits of a push."""
    staged: bool = False
    """Writes something new that stays put and keeps its labels, and destroys nothing: a draft, a note."""
    decisive: tuple[str, ...] | None = None
    """The arguments that decide what the call does to the world. None: all of them."""
    receivers: tuple[str, ...] = ()
    """The arguments that name who gets what is sent."""


class Sink(StrEnum):
    """The gravest thing a call does with what it is given, from the least."""

    NONE = "none"
    QUERY = "query"
    """Its arguments leave, for an answer: a search, a fetch."""
    STAGE = "stage"
    """It writes something new where the labels stay with it."""
    CHANGE = "change"
    """It writes."""
    SEND = "send"
    """Its arguments leave, for somebody to keep."""
    EXECUTE = "execute"
    SPEND = "spend"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFacts:
    """What policy is told of one call's flow. Nothing has a default: silence is not a clean bill."""

    effects: frozenset[Effect]
    """Of this call; at most those of its tool."""
    sink: Sink
    private: bool
    """The session has read private data, or the call carries some along."""
    untrusted: bool
    """The session has read a stranger's text, or the call acts on some."""
    args_from_user: bool
    """Every decisive argument occurs in the user's request, or is on the operator's list."""
    all_from_user: bool
    """Every argument does, so the call brings nothing of anybody else's."""
    repeated: bool
    """The same consequential call has already been made in this line of sessions."""
    receivers_listed: bool
    """Everybody it is sent to is on the operator's list."""
    receivers_from_user: bool
    """The user named everybody it is sent to, and nothing was sent there so far."""
    args_contain_private: bool
    """Advisory: the arguments look like something private that was read."""
    args_from_untrusted: bool
    """Advisory: the arguments look like something a stranger wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What taught a session a label."""

    call_id: str
    tool: str
    labels: frozenset[Label]
    places: tuple[str, ...]
    at: float
    """Seconds since the epoch."""
