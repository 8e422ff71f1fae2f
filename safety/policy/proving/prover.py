"""Asks one question about one tool or many: looks for a call, has the engine confirm it, or says there is none."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, final

from holdfast.contracts import Json, ToolSpec, Upstream

from ..facts import runtime_of
from ..rules import Policy
from ..schema import ALL, schema_json
from ..shapes import EMPTY, RecordShape, Unexpressible, input_shape
from . import kinds
from .answers import Answer, Found, GivenUp, Oddity, OutOfReach, Proved
from .assuming import assumptions
from .judging import oddities
from .solver import Impossible, Logic, Possible, Term, Undecided
from .symbols import One
from .witness import cases_of, wanted
from .world import Rule, World

LIMIT_MS: Final = 5_000
Confirm: TypeAlias = Callable[[Mapping[str, Json]], bool]
"""Whether the engine says of a case what was looked for."""
_SMALL: Final = 10**10


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for in one world."""

    terms: Sequence[Term]
    """All of which must be true."""
    rules: tuple[Rule, ...]
    """The policies that they are made of."""
    confirm: Confirm
    more: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """What a case says beside what the solver finds: forbids that are lifted."""
    tidy: bool = False
    """Whether people will read the call: ordinary values are looked for, which takes longer."""


@final
class Prover:
    """The worlds of some tools. One of them is for one thread."""

    __slots__ = ("_limit_ms", "_profile", "_shapes", "_specs", "_worlds")

    def __init__(self, specs: Mapping[str, ToolSpec], *, profile: str | None = None, limit_ms: int = LIMIT_MS) -> None:
        """*profile* is the one that judges; None: any.

        Each question to the solver ends after *limit_ms* milliseconds; a question to this may take several.

        Raises: OperatorError when the solver is not installed.
        """
        Logic(limit_ms)
        self._specs = dict(specs)
        self._profile = profile
        self._limit_ms = limit_ms
        self._worlds: dict[str, World] = {}
        self._shapes: dict[str, RecordShape] = {}

    @property
    def tools(self) -> tuple[str, ...]:
        """The tools that there are."""
        return tuple(self._specs)

    def world(self, tool: str) -> World:
        """The world of *tool*, made when it is first asked for."""
        if tool not in self._worlds:
            spec = self._specs[tool]
            self._shapes[tool] = shape_of(spec)
            schema = kinds.Schema(schema_json({tool: self._shapes[tool]}, ALL))
            self._worlds[tool] = World(Logic(self._limit_ms), spec, schema, known_of(spec))
        return self._worlds[tool]

    def rules(self, tool: str, policies: Iterable[Policy]) -> tuple[Rule, ...]:
        """*policies* as terms about *tool*."""
        world = self.world(tool)
        return tuple(world.rule(policy) for policy in policies)

    def look(self, tool: str, question: Question) -> Answer:
        """Look for a call of *tool*."""
        world = self.world(tool)
        odd = oddities(question.rules)
        world.reading(frozenset[tuple[str, ...]]().union(*(rule.reads for rule in question.rules)))
        taken = assumptions(world, self._shapes[tool], self._profile)
        terms = [*question.terms, *(one.term for one in taken)]
        verdict = world.logic.ask(terms, wanted(world))
        match verdict:
            case Impossible():
                return Proved(assumptions=tuple(dict.fromkeys(one.says for one in taken if one.says)), loosely=odd)
            case Undecided(why=why):
                return GivenUp(tool=tool, why=why)
            case Possible():
                models = [self._tidied(world, terms, verdict), verdict] if question.tidy else [verdict]
                return self._shown(world, question, models, odd)

    def _tidied(self, world: World, terms: list[Term], found: Possible) -> Possible:
        """The same with ordinary values, one after the other, where ordinary ones will do."""
        kept, best = list(terms), found
        ordinary = _ordinary(world)
        whole = world.logic.ask([*terms, *ordinary], wanted(world))
        if isinstance(whole, Possible):
            return whole
        for term in ordinary:
            better = world.logic.ask([*kept, term], wanted(world))
            if isinstance(better, Possible):
                kept.append(term)
                best = better
        return best

    def _shown(self, world: World, question: Question, models: Sequence[Possible], odd: tuple[Oddity, ...]) -> Answer:
        tool = world.spec.name
        for model in models:
            for written in cases_of(world, self._shapes[tool], model.values):
                case = {**written, **question.more}
                if question.confirm(case):
                    return Found(tool=tool, case=case)
        if odd:
            return OutOfReach(tool=tool, oddities=odd)
        return GivenUp(tool=tool, why="the engine does not confirm the call that the solver found")


def overall(answers: Iterable[Answer]) -> Answer:
    """One answer for several tools: the first call found; else whatever is neither; else proved."""
    taken: dict[str, None] = {}
    loosely: dict[Oddity, None] = {}
    open_: Answer | None = None
    for answer in answers:
        match answer:
            case Found():
                return answer
            case Proved():
                taken |= dict.fromkeys(answer.assumptions)
                loosely |= dict.fromkeys(answer.loosely)
            case _:
                open_ = open_ or answer
    return open_ or Proved(assumptions=tuple(taken), loosely=tuple(loosely))


def shape_of(spec: ToolSpec) -> RecordShape:
    """The typed arguments of *spec*; none where they cannot be typed."""
    try:
        return input_shape(spec.input_schema)
    except Unexpressible:
        return EMPTY


def known_of(spec: ToolSpec) -> Mapping[str, Json]:
    """The attributes of *spec* that are as registered."""
    return {
        "name": spec.name,
        "effects": [effect.value for effect in sorted(spec.effects)],
        "runtime": runtime_of(spec),
        "server": spec.runtime.server if isinstance(spec.runtime, Upstream) else "",
        "digest": str(spec.digest),
    }


def _ordinary(world: World) -> list[Term]:
    logic, terms = world.logic, list[Term]()
    for path, one in world.maker.plain.items():
        if path not in world.maker.touched:
            continue
        if isinstance(one, One) and isinstance(one.kind, kinds.Whole | kinds.Fraction):
            low, high = logic.a_number(-_SMALL), logic.a_number(_SMALL)
            terms.append(logic.every(logic.at_most(low, one.term), logic.at_most(one.term, high)))
        elif path in _USUAL:
            terms.append(logic.same(one.term, _USUAL[path](logic)))
    return terms


_USUAL: Final[Mapping[tuple[str, ...], Callable[[Logic], Term]]] = {
    ("principal", "tenant"): lambda logic: logic.a_text("default"),
    ("principal", "subject"): lambda logic: logic.a_text("agent"),
    ("resource", "state"): lambda logic: logic.a_text("approved"),
    ("context", "approval"): lambda logic: logic.a_text("none"),
    ("context", "facts", "inexact"): lambda logic: logic.false,
    ("context", "facts", "unseen"): lambda logic: logic.false,
}
