"""What arbitrary agents may do in the modelled world, as plain values: they shrink, and can be written down."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, TypeVar

from hypothesis import strategies as st

from holdfast.contracts import Principal, SessionId, ToolName
from holdfast.server.policies import PROFILES

from .flow_disk import LOOKS_SECRET
from .flow_house import BUILTINS
from .flow_tools import PLANS
from .flow_world import NOBODY, Value, influenced

REQUEST: Final = (
    "Send hello world to carol@away.example and boss@ours.example, put it under alpha, pay 4200 to acme, "
    "search weather tomorrow and write report.txt"
)
POOLS: Final[Mapping[str, Sequence[str]]] = {
    "to": ("boss@ours.example", "desk@ours.example", "carol@away.example", "mallory@evil.example"),
    "key": ("alpha", "Alpha", "beta/one", "n1", "n2", "beta/*", "%61lpha"),
    "source": ("alpha", "n1", "n2", "beta/one"),
    "room": ("public-a", "inner"),
    "folder": ("ours", "news", "OURS", ""),
    "path": (
        *("report.txt", "notes.md", "Notes.md", "new.txt", "deep/new.txt", "deep/one.txt"),
        *("public/out.txt", "secret.txt", "inbox/mail.txt", LOOKS_SECRET),
    ),
    "name": ("one", "two"),
    "op": ("go",),
    "amount": ("4200", "9"),
    "pattern": (".", "amber"),
}
"""What an agent makes up, or has from the user, for arguments of these names; any other takes a text."""
TEXTS: Final = ("hello world", "weather tomorrow", "4200", "zebra crossing", "mallory@evil.example", "alpha")
TOOLS: Final = tuple(str(name) for name in (*(plan.name for plan in PLANS), *(spec.name for spec in BUILTINS)))


READING: Final = tuple(str(plan.name) for plan in PLANS if plan.server == "w" and plan.kind in {"doc", "page"})
"""Tools that are in every program: without them few contexts ever read anything."""


@dataclass(frozen=True, slots=True)
class Pick:
    """Where the agent takes an argument from."""

    how: str
    """`whole`, `head`, `tail`, `base64`, `reversed` or `joined`, of what it has read; `pool`; `none`: leave it out."""
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call an agent makes."""

    who: int
    tool: int
    picks: tuple[Pick, ...] = ()
    key: int | None = None
    """Of idempotency."""
    explain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A call that was made before, made again by the same or by another."""

    call: int
    who: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem:
    """The call that was asked for, made with its approval; with *twist*, another one."""

    approval: int
    who: int | None = None
    twist: bool = False


@dataclass(frozen=True, slots=True)
class Both:
    """Two at once."""

    one: "Call | Again | Redeem"
    other: "Call | Again | Redeem"
    naps: int = 0


@dataclass(frozen=True, slots=True)
class Mint:
    """A host opens a session, below another or of its own."""

    parent: int | None


@dataclass(frozen=True, slots=True)
class Rule:
    """The operator answers a question: `approve`, `deny`, or `edit` (approves other arguments)."""

    approval: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Lend:
    """The operator makes a lease for two calls."""

    who: int
    tool: int


Single: TypeAlias = Call | Again | Redeem
Step: TypeAlias = Single | Both | Mint | Rule | Lend | None
"""None: nothing happens, so that long programs shrink."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Everything that happens in one example."""

    tools: tuple[str, ...]
    steps: tuple[Step, ...]
    cast: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """Who of the usual contexts takes part."""
    profile: str = "supervised"


@dataclass(kw_only=True)
class Context:
    """One model context: its session, and what it has really read."""

    principal: Principal
    session: SessionId
    names: str | None = None
    parent: "Context | None" = None
    shadow: "Context | None" = None
    """The default session of the same token, which learns whatever this one does."""
    known: list[Value] = field(default_factory=list)
    private: frozenset[str] = NOBODY
    strangers: frozenset[str] = NOBODY

    @property
    def line(self) -> SessionId:
        return self.session if self.parent is None else self.parent.line

    def reads(self, values: Sequence[Value]) -> None:
        """Take *values* in; so do those that this one answers to, and the other session of its token."""
        if self.shadow is not None:
            self.shadow.reads(values)
        reader: Context | None = self
        while reader is not None:
            reader.known.extend(one for one in values if one.text)
            reader.private = reader.private.union(*(one.private for one in values))
            reader.strangers = reader.strangers.union(*(one.strangers for one in values))
            reader = reader.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A call as it was made."""

    who: Context
    tool: ToolName
    given: Mapping[str, Value]
    approval: str | None = None
    key: str | None = None


def by(made: Made, who: Context) -> Made:
    """*made* again by *who*. Somebody else knows none of its bytes: the same text is then a guess."""
    own = made.given if who is made.who else {name: Value(text=value.text) for name, value in made.given.items()}
    return replace(
        made, who=who, given={name: influenced(value, who.strangers) for name, value in own.items()}, key=None
    )


def picked(who: Context, name: str, pick: Pick) -> Value:
    """What *who* gives for the argument *name*."""
    pool = POOLS.get(name, TEXTS)
    if not who.known or pick.how in {"pool", "none"} or (name in POOLS and pick.how != "whole"):
        return Value(text=pool[pick.index % len(pool)])
    one, other = (who.known[(pick.index + shift) % len(who.known)] for shift in (0, 1))
    match pick.how:
        case "joined":
            return one.joined(other, text=f"{one.text} and {other.text}")
        case "head":
            return one.joined(text=one.text[: max(1, len(one.text) // 2)])
        case "tail":
            return one.joined(text=one.text[len(one.text) // 2 :])
        case "base64":
            return one.joined(text=base64.b64encode(one.text.encode()).decode())
        case "reversed":
            return one.joined(text=one.text[::-1])
        case _:
            return one


T = TypeVar("T")


def _weighted(*choices: tuple[int, st.SearchStrategy[T]]) -> st.SearchStrategy[T]:
    """One of *choices*, the first the simplest. (`one_of` drops repeated ones, so it has no weights.)"""
    table = [strategy for weight, strategy in choices for _ in range(weight)]
    return st.sampled_from(range(len(table))).flatmap(table.__getitem__)


_SMALL: Final = st.integers(0, 7)
_MAYBE: Final = _weighted((3, st.none()), (1, _SMALL))
_PICKS: Final = st.builds(
    Pick,
    st.sampled_from(("whole", "pool", "pool", "whole", "head", "tail", "base64", "reversed", "joined", "none")),
    _SMALL,
)
_CALLS: Final = st.builds(
    Call,
    who=_SMALL,
    tool=_SMALL,
    picks=st.tuples(_PICKS, _PICKS, _PICKS),
    key=_weighted((4, st.none()), (1, st.integers(0, 1))),
    explain=st.sampled_from((False, False, False, True)),
)
_SINGLE: Final = _weighted(
    (8, _CALLS),
    (1, st.builds(Again, call=_SMALL, who=_MAYBE)),
    (1, st.builds(Redeem, approval=_SMALL, who=_MAYBE, twist=st.sampled_from((False, False, True)))),
)
STEPS: Final = _weighted(
    (1, st.none()),
    (12, _SINGLE),
    (1, st.builds(Both, _SINGLE, _SINGLE, st.integers(0, 3))),
    (1, st.builds(Mint, _MAYBE)),
    (1, st.builds(Rule, _SMALL, st.sampled_from(("approve", "approve", "deny", "edit")))),
    (1, st.builds(Lend, _SMALL, _SMALL)),
)


@st.composite
def programs(draw: st.DrawFn, *, fewest: int = 10, most: int = 30) -> Program:
    """Programs of a few agents with a handful of the tools, mostly of one server, mostly in `supervised`."""
    near = draw(st.sampled_from(("w__", "w__", "")))
    tools = tuple(tool for tool in TOOLS if tool.startswith(near) or "__" not in tool)
    return Program(
        tools=(*READING, *draw(st.lists(st.sampled_from(tools), min_size=2, max_size=6, unique=True))),
        cast=tuple(draw(st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True))),
        steps=tuple(draw(st.lists(STEPS, min_size=fewest, max_size=most))),
        profile=draw(st.sampled_from(("supervised", "supervised", "supervised", *PROFILES))),
    )
