"""What a fact is: its name, its type, what it says, where it comes from and whether to trust it. It knows no facts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cached_property
from typing import Final, Generic, TypeVar

from holdfast.contracts import Json, Principal, ToolSpec

from ...shell import Commands
from ..around import Counts, Locations, Tooling
from ..decisions import PolicyRequest
from ..destinations import Destinations, destinations
from ..paths import path_arguments, path_fact
from ..shell_arguments import commands_of
from ..values import Written

S = TypeVar("S")
"""What a fact is read from."""


class Kind(Enum):
    """The Cedar type of a fact; the value is how Cedar writes it."""

    TEXT = "String"
    TEXTS = "Set<String>"
    WHOLE = "Long"
    WHOLES = "Set<Long>"
    TRUTH = "Bool"


class Trust(StrEnum):
    """Whose word a fact is."""

    OURS = "ours"
    """The server knows it by itself."""
    READ = "read"
    """The server's own reading of what the caller wrote: right about these arguments, which the caller chose."""
    ADVICE = "advice"
    """A detector's opinion: silence is not a clean bill."""
    CLAIM = "claim"
    """Somebody else says so. It may make a rule stricter; it must never free a call."""


@dataclass(frozen=True, slots=True)
class Parties:
    """Who calls, and what is called."""

    principal: Principal
    spec: ToolSpec
    tooling: Tooling


class Judging:
    """One call while it is judged. What is costly is worked out once, and only when a fact asks for it."""

    def __init__(self, request: PolicyRequest, written: Written, autonomy: str) -> None:
        self.request = request
        self.written = written
        self.autonomy = autonomy
        """The profile that judges."""
        self._paths: Mapping[str, Json] | None = None

    @cached_property
    def now(self) -> int:
        """Whole seconds since the epoch."""
        return int(self.request.around.now())

    @cached_property
    def counts(self) -> Counts:
        """Calls before this one."""
        return self.request.around.counts()

    @property
    def paths(self) -> Mapping[str, Json]:
        """Its path-like arguments, folded. Most sets read them: a cached property takes a lock that costs as much."""
        if self._paths is None:
            self._paths = path_fact(self.request.arguments)
        return self._paths

    @cached_property
    def locations(self) -> Locations:
        """Where its paths lead."""
        return self.request.around.located(path_arguments(self.request.arguments))

    @cached_property
    def destinations(self) -> Destinations:
        """Where its arguments lead."""
        return destinations(self.request.arguments, self.commands.words)

    @cached_property
    def commands(self) -> Commands:
        """What it would run."""
        return commands_of(self.request.spec, self.request.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Generic[S]):
    """One thing that a policy may look at."""

    holder: str
    """`principal`, `resource`, `context` or `context.flow`."""
    name: str
    kind: Kind
    says: str
    """One sentence for the reference, in Markdown."""
    source: str
    """Where it is read from, in a few words."""
    trust: Trust
    read: Callable[[S], Json]
    words: frozenset[str] | None = None
    """The words there are, where the list is closed: a policy that compares with another is refused."""
    word: str = ""
    """What messages call one of them."""

    @property
    def path(self) -> str:
        """How a policy writes it."""
        return f"{self.holder}.{self.name}"


def fits(kind: Kind, value: Json) -> bool:
    """Whether *value* is of *kind*."""
    match kind:
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.TRUTH:
            return isinstance(value, bool)
        case Kind.WHOLE:
            return _is_whole(value)
        case Kind.TEXTS:
            return isinstance(value, list) and all(isinstance(one, str) for one in value)
        case Kind.WHOLES:
            return isinstance(value, list) and all(map(_is_whole, value))


_MOST: Final = 2**63


def _is_whole(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_MOST <= value < _MOST


_TYPES: Final[Mapping[Kind, Json]] = {
    Kind.TEXT: {"type": "String"},
    Kind.TEXTS: {"type": "Set", "element": {"type": "String"}},
    Kind.WHOLE: {"type": "Long"},
    Kind.WHOLES: {"type": "Set", "element": {"type": "Long"}},
    Kind.TRUTH: {"type": "Boolean"},
}


def cedar_type(kind: Kind) -> Json:
    """*kind* as Cedar's JSON schema writes it."""
    return _TYPES[kind]
