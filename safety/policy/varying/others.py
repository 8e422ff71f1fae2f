"""What else one fact of a call could be: values around each constant that policies compare it with. It judges nothing.

Few, and in a fixed order: for a truth the other one, for a number the constants and their neighbours, for a text the
constants and something that is none, for a set with and without each constant, for an argument also its absence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Final

from holdfast.contracts import Effect, Json, Label, ToolSpec

from ...flow import sink_of
from ..engine import principal_named
from ..facts import NAMED
from ..inputs import PolicyInput
from ..paths import path_fact
from ..rules import Policy
from ..shapes import ListShape, NumberShape, RecordShape, Shape, TextShape, TruthShape, WholeShape
from .constants import Constants, Plain, constants_of
from .reading import Way, facts_read

SINK: Final = ("context", "flow", "sink")
EFFECTS: Final = ("context", "effects")
WHO: Final = ("principal", "subject")
TENANT: Final = ("principal", "tenant")
NEUTRAL: Final = "something-else"
"""A text that is no constant of anybody's."""
_STEP: Final = Decimal("0.0001")
_LONG: Final = 2**63 - 1
_PATHS: Final = ("context", "paths", "text")
_COUNT: Final = ("context", "paths", "count")
_LABELS: Final = ("context", "session", "labels")


@dataclass(frozen=True, slots=True)
class Option:
    """One fact changed, with whatever must change along with it."""

    way: Way
    value: Json
    """None: the fact is taken away."""
    along: tuple[tuple[Way, Json], ...] = ()
    was: Json = None

    def changes(self) -> dict[Way, Json]:
        """Everything that changes."""
        return {self.way: self.value, **dict(self.along)}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The tool of a call, and what policies compare its facts with."""

    spec: ToolSpec
    shape: RecordShape
    constants: Constants


def options_of(given: PolicyInput, way: Way, about: About) -> tuple[Option, ...]:
    """What else the fact at *way* could be.

    The sink follows from the effects, and so is never an option by itself; neither is anything of the tool.
    """
    if way[0] == "resource" or way in (("context",), ("principal",), SINK):
        return ()
    if way in (_PATHS, _COUNT) and not given.at(_PATHS) and not _takes_paths(about.shape):
        return ()
    now = given.at(way)
    if way[:2] == ("context", "input"):
        values = _argument(now, way, about)
    elif way == EFFECTS:
        values = _effects(about.spec)
    else:
        values = _fact(now, way, about.constants)
    if way == TENANT:
        values = chain(values, (name for kind, name in about.constants.people if kind == "Tenant"))
    seen: list[Json] = [now]
    found: list[Option] = []
    for value in values:
        if value not in seen:
            seen.append(value)
            found.append(Option(way, value, _along(given, way, value, about), now))
    return (*found, *_people(given, about.constants)) if way == WHO else tuple(found)


def ways_read(policies: tuple[Policy, ...]) -> tuple[Way, ...]:
    """Every fact that *policies* depend on and that could be otherwise: who calls, too, where they name somebody.

    The sink follows from the effects, so these stand for it.
    """
    kinds = {kind for kind, _ in constants_of(policies).people}
    named = (way for kind, way in (("Principal", WHO), ("Tenant", TENANT)) if kind in kinds)
    ways = (EFFECTS if way == SINK else way for way in facts_read(policies))
    return tuple(dict.fromkeys((*named, *ways)))


def _people(given: PolicyInput, constants: Constants) -> Iterator[Option]:
    """Everybody whom policies name, in place of who calls."""
    now = given.principal
    for kind, name in constants.people:
        named = principal_named(name) if kind == "Principal" else None
        if named is not None and named != (now.tenant, now.subject):
            tenant, subject = named
            yield Option(WHO, subject, ((TENANT, tenant),), now.subject)


def _takes_paths(shape: RecordShape) -> bool:
    """Whether any argument at the top would be taken for a path."""
    return any(path_fact({name: NEUTRAL})["count"] for name in shape.parts)


def _fact(now: Json, way: Way, constants: Constants) -> Iterator[Json]:
    known = NAMED.get(".".join(way))
    if known is not None and known.words is not None:
        yield from _words(now, sorted(known.words))
    elif isinstance(now, bool):
        yield not now
    elif isinstance(now, int):
        yield from (one for one in _whole(constants.at(way)) if one >= 0)
    elif isinstance(now, str):
        yield from _paths(constants.at(way)) if way == _PATHS else _texts(constants.at(way))
    elif isinstance(now, list):
        yield from _sets(now, constants.at(way))
    elif isinstance(now, Mapping) and "__extn" in now:
        yield from _decimals(constants.at(way))


def _words(now: Json, words: list[str]) -> Iterator[Json]:
    if not isinstance(now, list):
        yield from words
        return
    for word in words:
        held = {str(one) for one in now}
        yield [*sorted(held ^ {word})]


def _effects(spec: ToolSpec) -> Iterator[Json]:
    """Those of the tool; without what its entry makes conditional; and `egress`, where it writes what may be public."""
    conditional = frozenset[Effect]().union(*(when.effects for when in spec.flow.when))
    public = frozenset({Effect.EGRESS}) if Effect.WRITE in spec.effects else frozenset[Effect]()
    for effects in (spec.effects, spec.effects - conditional, spec.effects | public):
        yield [effect.value for effect in sorted(effects)]


def _argument(now: Json, way: Way, about: About) -> Iterator[Json]:
    found = _part(about.shape, way[2:])
    if found is None:
        return
    part, optional = found
    listed = _listed(about.spec, way[2:])
    yield from listed or _of_shape(part, now, about.constants.at(way))
    if optional and now is not None:
        yield None


def _listed(spec: ToolSpec, names: tuple[str, ...]) -> list[Json]:
    """The values that the tool's schema lists for the argument at *names*, if it lists any."""
    schema: Json = dict(spec.input_schema)
    for name in names:
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        schema = properties.get(name) if isinstance(properties, Mapping) else None
    values = schema.get("enum") if isinstance(schema, Mapping) else None
    return [one for one in values if isinstance(one, str | bool | int)] if isinstance(values, list) else []


def _of_shape(shape: Shape, now: Json, constants: tuple[Plain, ...]) -> Iterator[Json]:
    match shape:
        case TextShape():
            yield from _texts(constants)
        case TruthShape():
            yield from (True, False)
        case WholeShape():
            yield from _whole(constants)
        case NumberShape():
            yield from _decimals(constants)
        case ListShape():
            yield from _sets(now if isinstance(now, list) else [], constants)
        case _:
            if now is None:
                yield {}


def _texts(constants: tuple[Plain, ...]) -> Iterator[Json]:
    yield from (one for one in constants if isinstance(one, str))
    yield NEUTRAL


def _paths(constants: tuple[Plain, ...]) -> Iterator[Json]:
    """Folded paths: each begins and ends with a slash."""
    for one in constants:
        if isinstance(one, str):
            yield f"/{one.strip('/')}/"
    yield f"/{NEUTRAL}/"
    yield ""


def _whole(constants: tuple[Plain, ...]) -> Iterator[int]:
    for one in constants:
        if isinstance(one, int) and not isinstance(one, bool):
            yield from (near for near in (one, one + 1, one - 1) if abs(near) <= _LONG)
    yield 0


def _decimals(constants: tuple[Plain, ...]) -> Iterator[Json]:
    for one in (*constants, Decimal(0)):
        if isinstance(one, Decimal):
            for near in (one, one + _STEP, one - _STEP):
                yield {"__extn": {"fn": "decimal", "arg": f"{near:.4f}"}}


def _sets(now: list[Json], constants: tuple[Plain, ...]) -> Iterator[Json]:
    for one in constants:
        if not isinstance(one, Decimal):
            yield [held for held in now if held != one] if one in now else [*now, one]
    yield []


def _part(shape: Shape, names: tuple[str, ...]) -> tuple[Shape, bool] | None:
    """The shape of the argument at *names*, and whether it may be absent."""
    optional = False
    for name in names:
        part = shape.parts.get(name) if isinstance(shape, RecordShape) else None
        if part is None:
            return None
        shape, optional = part.shape, not part.required
    return shape, optional


def _along(given: PolicyInput, way: Way, value: Json, about: About) -> tuple[tuple[Way, Json], ...]:
    """What a change brings with it: a session with a label is a tainted one, and one without a label is not."""
    if way == EFFECTS and isinstance(value, list):
        effects = frozenset(Effect(str(one)) for one in value)
        return ((SINK, sink_of(effects, staged=about.spec.flow.staged).value),)
    if way == _PATHS:
        return ((_COUNT, 1 if value else 0),)
    if way == _COUNT:
        text = given.at(_PATHS)
        return ((_PATHS, "" if value == 0 else text or f"/{NEUTRAL}/"),)
    if way == _LABELS and isinstance(value, list):
        return tuple((("context", "session", label.value), label.value in value) for label in Label)
    if way[:2] == ("context", "session") and way[2] in tuple(Label):
        held = given.at(_LABELS)
        labels = [one for one in held if one != way[2]] if isinstance(held, list) else []
        return ((_LABELS, labels),) if value is False else ()
    if way == ("context", "flow", "all_from_user") and value is True:
        return ((("context", "flow", "args_from_user"), True),)
    if way == ("context", "flow", "args_from_user") and value is False:
        return ((("context", "flow", "all_from_user"), False),)
    return ()
