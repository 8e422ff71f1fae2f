"""What is true of every real call whatever a policy says, as terms with a sentence each. Proofs rest on these."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from holdfast.contracts import Effect, Label, Scope, Sink

from ..shapes import ListShape, NumberShape, RecordShape, Shape, WholeShape
from .solver import Term
from .symbols import Group, One
from .world import World

Path = tuple[str, ...]
_EFFECTS: Final = ("context", "effects")
_SINK: Final = ("context", "flow", "sink")
_PATHS: Final = ("context", "paths", "text")
_COUNT: Final = ("context", "paths", "count")
_INEXACT: Final = ("context", "facts", "inexact")
_INJECTION: Final = ("context", "facts", "injection")
_COUNTS: Final[tuple[Path, ...]] = tuple(("context", "facts", name) for name in ("leaks", "credentials", "pii"))
_MOST_INJECTION: Final = 100


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


def assumptions(world: World, shape: RecordShape) -> tuple[Assumption, ...]:
    """What holds for every call of the tool of *world*, whose arguments have *shape*, as far as policies read it."""
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
    bounds = tuple(Assumption("", term) for path, term in world.maker.bounds.items() if world.has_read(*path))
    return (*found.values(), *bounds)


def _term(world: World, path: Path) -> Term:
    value = world.at(*path)
    if not isinstance(value, One | Group):
        raise TypeError(f"{'.'.join(path)} is not a plain value")
    return value.term


def _among(path: Path, words: type[StrEnum]) -> Callable[[World], Term]:
    def term(world: World) -> Term:
        logic = world.logic
        known = logic.gathered([logic.a_text(word.value) for word in words], logic.text)
        return logic.within(_term(world, path), known)

    return term


def _labelled(label: Label) -> Callable[[World], Term]:
    def term(world: World) -> Term:
        logic, labels = world.logic, _term(world, ("context", "session", "labels"))
        is_said = _term(world, ("context", "session", label.value))
        return logic.some(logic.negated(logic.member(logic.a_text(label.value), labels)), is_said)

    return term


def _at_least_none(path: Path) -> Callable[[World], Term]:
    return lambda world: world.logic.at_most(world.logic.a_number(0), _term(world, path))


def _effects(world: World) -> Term:
    logic, spec = world.logic, world.spec
    conditional = frozenset[Effect]().union(*(when.effects for when in spec.flow.when))
    own, always = spec.effects | {Effect.EGRESS}, spec.effects - conditional
    held = _term(world, _EFFECTS)
    return logic.every(logic.within(held, _words(world, own)), logic.within(_words(world, always), held))


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
    _Law((("principal", "scopes"),), "a token's scopes are scopes that exist", _among(("principal", "scopes"), Scope)),
    _Law(
        (("context", "session", "labels"),),
        "a session's labels are `private` and `untrusted`",
        _among(("context", "session", "labels"), Label),
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
    *(_Law((path,), f"`{path[-1]}` is not negative", _at_least_none(path)) for path in (*_COUNTS, _INJECTION)),
    _Law(
        (_INJECTION,),
        f"`injection` is at most {_MOST_INJECTION}",
        lambda world: world.logic.at_most(_term(world, _INJECTION), world.logic.a_number(_MOST_INJECTION)),
    ),
    _Law((_COUNT,), "the number of paths is not negative", _at_least_none(_COUNT)),
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
