"""Makes calls of a tool around every constant that two sets of policies compare with: always the same, not too many.

1. A tool that both sets cover with the very same policies is left out: nothing can differ there.
2. First combinations of the facts that the changed policies read around what only one of the sets compares with: a name
   that a list of thousands gained comes before the others. Then every combination of these facts, then every one of
   labels, effects, scopes and truths, then each value of any other fact alone and in pairs.
3. A made call supposes its facts. What is read from arguments (paths, destinations, commands) need not be in them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, product
from typing import Final

from holdfast.contracts import Json, OperatorError, ToolSpec
from holdfast.contracts.json_values import canonical

from ..bundle import PolicyBundle
from ..cases import asked, read_case
from ..inputs import PolicyInput
from ..rules import Policy
from ..shapes import ListShape, NumberShape, RecordShape, Shape, TextShape, TruthShape, WholeShape
from ..varying import EFFECTS, About, Option, constants_of, differing, options_of, ways_read
from ..varying.others import NEUTRAL

MOST: Final = 2000
"""Calls of one tool."""
_FEW: Final = 6
"""Values of a fact that both sets compare with the same, as long as there may be more to see elsewhere."""
_CLOSED: Final = frozenset({EFFECTS, ("context", "session", "labels"), ("principal", "scopes")})
Way = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two sets over the same tools, for one profile."""

    old: PolicyBundle
    new: PolicyBundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The calls of one tool."""

    tool: str
    calls: tuple[PolicyInput, ...]
    whole: bool
    """Whether no combination of those above was left out."""
    why_not: str = ""
    """Why none could be made."""


def generated(pair: Pair, *, most: int = MOST) -> Iterator[Generated]:
    """The calls of each tool that the two sets do not cover with the same policies, by name."""
    for name in sorted(pair.new.specs.keys() & pair.old.specs.keys()):
        before, after = pair.old.covering(name), pair.new.covering(name)
        if [_identity(one) for one in before] != [_identity(one) for one in after]:
            yield _of_tool(pair, pair.new.specs[name], before, after, most)


def _identity(policy: Policy) -> tuple[object, ...]:
    return policy.template, policy.approval


def _of_tool(pair: Pair, spec: ToolSpec, before: tuple[Policy, ...], after: tuple[Policy, ...], most: int) -> Generated:
    base = _base(pair.new, spec)
    if isinstance(base, str):
        return Generated(tool=spec.name, calls=(), whole=False, why_not=base)
    held = {_identity(one)[0] for one in before}, {_identity(one)[0] for one in after}
    changed = tuple(one for one in (*before, *after) if one.template not in held[0] & held[1])
    every = (*before, *after)
    about = About(spec=spec, shape=pair.new.shape(spec.name), constants=constants_of(every))
    options = {way: options_of(base, way, about) for way in ways_read(every)}
    fresh = replace(about, constants=differing(constants_of(before), constants_of(after)))
    near = {way: _near(options[way], options_of(base, way, fresh)) for way in ways_read(changed) if way in options}
    calls: dict[bytes, PolicyInput] = {}
    whole = True
    for chosen in chain(_products([*near.values()]), _plans(options, ways_read(changed))):
        given = _made(base, chosen)
        calls.setdefault(canonical([given.to_json(), dict(given.supposed)]), given)
        if len(calls) >= most:
            whole = False
            break
    return Generated(tool=spec.name, calls=tuple(calls.values()), whole=whole)


def _near(every: tuple[Option, ...], fresh: tuple[Option, ...]) -> tuple[Option, ...]:
    """Those of *every* that a difference suggests, and a few of the rest; the last is what no policy names."""
    if len(every) <= _FEW:
        return every
    first = [one for one in fresh if one in every]
    rest = [one for one in every if one not in first]
    return (*first, *rest[: _FEW - 1], *rest[-1:])


def _plans(options: dict[Way, tuple[Option, ...]], first: Sequence[Way]) -> Iterator[tuple[Option, ...]]:
    yield ()
    yield from _products([options[way] for way in first if way in options])
    closed = [way for way in options if way in _CLOSED or _is_truth(options[way])]
    yield from _products([options[way] for way in closed])
    every = [one for each in options.values() for one in each]
    for size in (1, 2):
        for chosen in combinations(every, size):
            if len({one.way for one in chosen}) == size:
                yield chosen


def _products(choices: Sequence[tuple[Option, ...]]) -> Iterator[tuple[Option, ...]]:
    for chosen in product(*(((None, *each)) for each in choices)):
        yield tuple(one for one in chosen if one is not None)


def _is_truth(options: tuple[Option, ...]) -> bool:
    return bool(options) and all(isinstance(one.value, bool) for one in options)


def _made(base: PolicyInput, chosen: tuple[Option, ...]) -> PolicyInput:
    for option in chosen:
        base = base.put(option.changes())
    return base.with_arguments() if any(option.way[:2] == ("context", "input") for option in chosen) else base


def _base(bundle: PolicyBundle, spec: ToolSpec) -> PolicyInput | str:
    """A plain call of *spec*: only the required arguments, nothing found, nothing read; or why there is none."""
    case: dict[str, Json] = {
        "name": "made",
        "call": spec.name,
        "with": _arguments(bundle.shape(spec.name), spec.input_schema.get("properties")),
        "expect": "deny",
    }
    try:
        written = bundle.written(asked(read_case("made", case), spec))
    except OperatorError as error:
        return error.message
    return written if isinstance(written, PolicyInput) else written.reason.message


def _arguments(shape: RecordShape, properties: Json) -> dict[str, Json]:
    listed = properties if isinstance(properties, dict) else {}
    return {name: _sample(part.shape, listed.get(name)) for name, part in shape.parts.items() if part.required}


def _sample(shape: Shape, schema: Json) -> Json:
    values = schema.get("enum") if isinstance(schema, dict) else None
    if isinstance(values, list) and values:
        return values[0]
    match shape:
        case TextShape():
            return NEUTRAL
        case TruthShape():
            return False
        case WholeShape() | NumberShape():
            return 0
        case ListShape():
            return []
        case RecordShape():
            return _arguments(shape, schema.get("properties") if isinstance(schema, dict) else None)
        case _:
            return {}
