"""What is true of every real call whatever a policy says, as terms with a sentence each. Proofs rest on these."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from holdfast.contracts import Effect, Json, Label, Sink

from ..facts import FACTS, NAMED, Fact, Judging, Kind, Parties
from ..paths import path_fact
from ..shapes import ListShape, NumberShape, RecordShape, Shape, WholeShape
from .solver import Term
from .symbols import Group, One
from .world import World

Path = tuple[str, ...]
_Fact: TypeAlias = Fact[Judging] | Fact[Parties]
_EFFECTS: Final = ("context", "effects")
_SINK: Final = ("context", "flow", "sink")
_PATHS: Final = ("context", "paths", "text")
_COUNT: Final = ("context", "paths", "count")
_INEXACT: Final = ("context", "facts", "inexact")
_INJECTION: Final = ("context", "facts", "injection")
_AUTONOMY: Final = ("context", "autonomy")
_FLAT: Final = frozenset(
    {"type", "properties", "required", "additionalProperties", "title", "description", "$schema", "default", "examples"}
)
_HOUR: Final = ("context", "time", "hour")
_COUNTED: Final = frozenset({"context.facts", "context.paths", "context.rate", "context.time"})
"""Whose numbers count something."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing that is taken for true."""

    says: str
    term: Term


@dataclass(frozen=True, slots=True)
class _Law:
    reads: tuple[Path, ...]
    """It matters only if all of these are read."""
    says: str
    term: Callable[[World], Term]


def assumptions(world: World, shape: RecordShape, profile: str | None) -> tuple[Assumption, ...]:
    """What holds for every call of the tool of *world*, whose arguments have *shape*, as far as policies read it.

    *profile* is the one that judges; None: any.
    """
    found: dict[str, Assumption] = {}
    grew = True
    while grew:  # a law may bring in what another law is about
        grew = False
        for law in _LAWS:
            if law.says not in found and all(world.has_read(*path) for path in law.reads):
                found[law.says] = Assumption(law.says, law.term(world))
                grew = True
    if world.has_read(*_INEXACT) and not _has_number(shape):
        says = "a tool that takes no numbers has none that was moved"
        found[says] = Assumption(says, world.logic.negated(_term(world, _INEXACT)))
    for path in (_PATHS, _COUNT):
        if world.has_read(*path) and not may_name_paths(world.spec.input_schema):
            says = "a call whose arguments, by their schema, name no path has none"
            nothing = world.logic.a_text("") if path == _PATHS else world.logic.a_number(0)
            found[f"{says}{path[-1]}"] = Assumption(says, world.logic.same(_term(world, path), nothing))
    if world.has_read(*_AUTONOMY) and profile is not None:
        says = f"the profile `{profile}` judges"
        found[says] = Assumption(says, world.logic.same(_term(world, _AUTONOMY), world.logic.a_text(profile)))
    bounds = tuple(Assumption("", term) for path, term in world.maker.bounds.items() if world.has_read(*path))
    return (*found.values(), *bounds)


def may_name_paths(schema: Mapping[str, Json]) -> bool:
    """Whether arguments of *schema* could hold what counts as a path. No, only if it is closed and flat."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or schema.get("additionalProperties") is not False:
        return True
    if not schema.keys() <= _FLAT:
        return True
    return any(path_fact({name: "x"})["count"] != 0 or not _is_plain(part) for name, part in properties.items())


def _is_plain(schema: Json) -> bool:
    if not isinstance(schema, Mapping):
        return False
    if schema.get("type") == "array":
        return _is_plain(schema.get("items"))
    return schema.get("type") in ("string", "integer", "number", "boolean")


def _term(world: World, path: Path) -> Term:
    value = world.at(*path)
    if not isinstance(value, One | Group):
        raise TypeError(f"{'.'.join(path)} is not a plain value")
    return value.term


def _among(fact: _Fact) -> Callable[[World], Term]:
    def term(world: World) -> Term:
        logic, found = world.logic, world.at(*fact.path.split("."))
        words = [logic.a_text(str(word)) for word in sorted(fact.words or ())]
        match found:
            case One():
                return logic.some(*(logic.same(found.term, word) for word in words))
            case Group():
                return logic.within(found.term, logic.gathered(words, logic.text))
            case _:
                raise TypeError(f"{fact.path} is not a plain value")

    return term


def _labelled(label: Label) -> Callable[[World], Term]:
    def term(world: World) -> Term:
        logic, labels = world.logic, _term(world, ("context", "session", "labels"))
        is_said = _term(world, ("context", "session", label.value))
        return logic.some(logic.negated(logic.member(logic.a_text(label.value), labels)), is_said)

    return term


def _between(fact: _Fact, least: int, most: int | None) -> Callable[[World], Term]:
    def term(world: World) -> Term:
        logic, found = world.logic, _term(world, _path(fact))
        high = logic.true if most is None else logic.at_most(found, logic.a_number(most))
        return logic.every(logic.at_most(logic.a_number(least), found), high)

    return term


def _path(fact: _Fact) -> Path:
    return (*fact.holder.split("."), fact.name)


def _effects(world: World) -> Term:
    logic, spec = world.logic, world.spec
    conditional = frozenset[Effect]().union(*(when.effects for when in spec.flow.when))
    own, always = spec.effects | {Effect.EGRESS}, spec.effects - conditional
    held = _term(world, _EFFECTS)
    leaves, writes = (logic.member(logic.a_text(one.value), held) for one in (Effect.EGRESS, Effect.WRITE))
    published = logic.true if Effect.EGRESS in spec.effects else logic.some(logic.negated(leaves), writes)
    return logic.every(logic.within(held, _words(world, own)), logic.within(_words(world, always), held), published)


def _words(world: World, effects: frozenset[Effect]) -> Term:
    logic = world.logic
    return logic.gathered([logic.a_text(effect.value) for effect in sorted(effects)], logic.text)


def _sink(world: World) -> Term:
    """As `sink_of` does; but what the conversation made itself is staged, and a query with receivers is sent."""
    logic, sink, effects = world.logic, _term(world, _SINK), _term(world, _EFFECTS)

    def has(effect: Effect) -> Term:
        return logic.member(logic.a_text(effect.value), effects)

    def one_of(*sinks: Sink) -> Term:
        return logic.some(*(logic.same(sink, logic.a_text(one.value)) for one in sinks))

    reads = logic.some(has(Effect.READ_PRIVATE), has(Effect.READ_UNTRUSTED))
    leaves = logic.chosen(
        logic.every(reads, logic.negated(has(Effect.WRITE))), one_of(Sink.QUERY, Sink.SEND), one_of(Sink.SEND)
    )
    writes = one_of(Sink.STAGE) if world.spec.flow.staged else one_of(Sink.CHANGE, Sink.STAGE)
    rest = logic.chosen(has(Effect.WRITE), writes, one_of(Sink.NONE))
    rest = logic.chosen(has(Effect.EGRESS), leaves, rest)
    rest = logic.chosen(has(Effect.EXECUTE), one_of(Sink.EXECUTE), rest)
    return logic.chosen(has(Effect.SPEND), one_of(Sink.SPEND), rest)


def _paths(world: World) -> Term:
    logic, text, count = world.logic, _term(world, _PATHS), _term(world, _COUNT)
    is_empty = logic.same(text, logic.a_text(""))
    has_many = logic.like(text, (None, "\n", None))
    is_one = logic.same(count, logic.a_number(1))
    return logic.every(
        logic.same(is_empty, logic.same(count, logic.a_number(0))),
        logic.same(is_one, logic.every(logic.negated(is_empty), logic.negated(has_many))),
        logic.some(is_empty, logic.every(logic.like(text, ("/", None)), logic.like(text, (None, "/")))),
    )


_LAWS: Final = (
    *(
        _Law((_path(fact),), f"`{fact.path}` is of the words that there are", _among(fact))
        for fact in FACTS
        if fact.words is not None
    ),
    *(
        _Law(
            (("context", "session", "labels"), ("context", "session", label.value)),
            f"a session with the label `{label.value}` is {label.value}",
            _labelled(label),
        )
        for label in Label
    ),
    _Law(
        (_EFFECTS,),
        "a call has the effects of its tool, less those that its entry gives conditions for;"
        " and `egress` where it writes what is public",
        _effects,
    ),
    _Law((_SINK,), "the sink follows from the effects", _sink),
    *(
        _Law((_path(fact),), f"`{fact.path}` is not negative", _between(fact, 0, None))
        for fact in FACTS
        if fact.kind is Kind.WHOLE and fact.holder in _COUNTED
    ),
    _Law((_INJECTION,), "`context.facts.injection` is at most 100", _between(NAMED["context.facts.injection"], 0, 100)),
    _Law((_HOUR,), "`context.time.hour` is at most 23", _between(NAMED["context.time.hour"], 0, 23)),
    _Law((_PATHS,), "paths are folded: each begins and ends with `/`, one a line", _paths),
)


def _has_number(shape: Shape) -> bool:
    match shape:
        case WholeShape() | NumberShape():
            return True
        case ListShape(of=item):
            return _has_number(item)
        case RecordShape(parts=parts):
            return any(_has_number(part.shape) for part in parts.values())
        case _:
            return False
