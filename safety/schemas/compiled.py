"""Compiles a schema once and evaluates values against it in bounded steps; it never changes a value.

A schema is refused when it is not plain JSON, is over a size, depth or count limit, is not valid 2020-12, refers to
anything else, loops, or has a pattern that cannot be matched in linear time. What is compiled can be evaluated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from holdfast.contracts import Json, MalformedJson, OperatorError
from holdfast.contracts.json_values import canonical, parse
from holdfast.contracts.schema_shape import misshapen

from . import wording
from .bounds import MAX_BITS, Extent, LongNumber, NotJson, measure
from .effort import Effort
from .evaluation import Evaluation, Plan, Schema, StepsExhausted, Tables, descend, with_room
from .identity import identity
from .keywords import KEYWORDS
from .patterns import Pattern, Patterns
from .references import References, refuse_loops, resolve
from .walk import modernise, refuse_old_spellings, subschemas

DEFAULT_STEPS: Final = 100_000
"""Keyword calls in one evaluation: 10 000 nodes with nine keywords each, and under 50 ms."""
MAX_BYTES: Final = 65_536
MAX_DEPTH: Final = 32
MAX_SUBSCHEMAS: Final = 1_000
"""In one schema, and in all of them that only a reference finds."""
_FEW_STEPS = 2_000
"""Most evaluations end within these; what does not starts over where the stack has room (`with_room`)."""
_SUBSCHEMA_STEPS = 6
_CHARACTERS_A_STEP = 32
_MEMBERS_STEPS = 8
_CONTAINER_STEPS = 3
_MAX_NODES = 20_000
"""Of the schema as a value, what `enum` and `default` hold included."""


@dataclass(frozen=True, slots=True)
class Valid:
    """The value is as the schema wants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What is wrong, in words that hold names and rules but no value."""

    pointer: str
    """RFC 6901, cleaned and cut; empty for the whole value."""
    keyword: str
    wants: str


@dataclass(frozen=True, slots=True)
class OutOfSteps:
    """The evaluation was stopped: too many steps, or too deep."""


Outcome: TypeAlias = Valid | Violation | OutOfSteps


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledSchema:
    """A schema that was accepted, with its references resolved and its patterns compiled."""

    root: Schema
    """Our own copy."""
    tables: Tables

    def evaluate(self, value: Json | Mapping[str, Json], *, steps: int = DEFAULT_STEPS) -> Outcome:
        """Check *value*, whose depth was bounded before, within *steps* keyword calls."""
        outcome = self._within(value, min(steps, _FEW_STEPS))
        if isinstance(outcome, OutOfSteps) and steps > _FEW_STEPS:
            return with_room(lambda: self._within(value, steps))
        return outcome

    def _within(self, value: Json | Mapping[str, Json], steps: int) -> Outcome:
        run = Evaluation(tables=self.tables, plans=self.tables.plans, left=steps)
        try:
            error = descend(run, cast("Json", value), self.root)
        except (StepsExhausted, RecursionError):
            return OutOfSteps()
        if error is None:
            return Valid()
        return Violation(pointer=wording.pointer(reversed(error.path)), keyword=error.keyword, wants=error.words())


def check_schema(schema: Mapping[str, Json]) -> None:
    """Accept *schema* as the input schema of a tool.

    Raises: OperatorError that names the rule: its root must say `"type": "object"`, and `compile_schema` must take it.
    """
    if schema.get("type") != "object":
        raise OperatorError('an input schema must be an object with `"type": "object"`')
    compile_schema(schema)


def compile_schema(schema: Mapping[str, Json]) -> CompiledSchema:
    """Check *schema* against every limit and prepare it.

    Raises: OperatorError that names the rule and the place in the schema.
    """
    effort = Effort()
    root = _own_copy(schema, effort)
    modernise(root)
    _check_valid(root, effort)
    return _prepared(root, effort)


def _own_copy(schema: Mapping[str, Json], effort: Effort) -> dict[str, Any]:
    try:
        extent = measure(schema, depth=MAX_DEPTH, nodes=_MAX_NODES, characters=MAX_BYTES, bits=MAX_BITS)
    except NotJson:
        raise OperatorError("the schema is not JSON") from None
    except LongNumber:
        raise OperatorError("the schema holds a whole number of more than 308 digits") from None
    if extent.depth > MAX_DEPTH:
        raise OperatorError(f"the schema is nested deeper than {MAX_DEPTH} levels")
    if extent.nodes > _MAX_NODES:
        raise OperatorError(f"the schema holds more than {_MAX_NODES} values")
    if extent.characters > MAX_BYTES:
        raise OperatorError(f"the schema is larger than {MAX_BYTES} bytes")
    effort.pay(_copying(extent))
    try:
        data = canonical(dict(schema))
        copy = parse(_plain(data))
    except MalformedJson:
        raise OperatorError("the schema is not JSON") from None
    if not isinstance(copy, dict):
        raise OperatorError("a schema must be an object")
    return copy


def _plain(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise OperatorError(f"the schema is larger than {MAX_BYTES} bytes")
    return data


def _copying(extent: Extent) -> int:
    return extent.nodes // 2 + extent.characters // _CHARACTERS_A_STEP


def _check_valid(schema: Schema, effort: Effort) -> None:
    count = sum(1 for _ in subschemas(schema, ()))
    if count > MAX_SUBSCHEMAS:
        raise OperatorError(f"the schema has more than {MAX_SUBSCHEMAS} subschemas")
    effort.pay(_SUBSCHEMA_STEPS * count)
    fault = misshapen(schema)
    if fault is not None:
        place = f"at `{wording.pointer(fault.path)}`" if fault.path else "at its root"
        raise OperatorError(f"the schema is not JSON Schema 2020-12 {place}: it {fault.wants}")


def _prepared(root: dict[str, Any], effort: Effort) -> CompiledSchema:
    """Resolve and compile *root*, whose references may reach schemas nobody has checked yet."""
    references, reached = resolve(root, effort)
    for extra in reached:
        refuse_old_spellings(extra)
        _check_valid(extra, effort)
    schemas = tuple(each for start in (root, *reached) for each, _ in subschemas(start, ()))
    refuse_loops(references, schemas)
    return CompiledSchema(root=root, tables=_tables((root, *reached), references, effort))


def _tables(starts: tuple[Schema, ...], references: References, effort: Effort) -> Tables:
    patterns = Patterns(effort)
    members: dict[tuple[int, str], frozenset[str | bytes]] = {}
    plans: dict[int, Plan] = {}
    for start in starts:
        for schema, path in subschemas(start, ()):
            if not isinstance(schema, dict):
                continue
            plans[id(schema)] = tuple((KEYWORDS[word], value) for word, value in schema.items() if word in KEYWORDS)
            if "pattern" in schema:
                patterns.add(schema["pattern"], wording.pointer((*path, "pattern")))
            for source in schema.get("patternProperties", ()):
                patterns.add(source, wording.pointer((*path, "patternProperties")))
            if "enum" in schema:
                members[id(schema), "enum"] = _identities(schema["enum"], effort)
            if "const" in schema:
                members[id(schema), "const"] = _identities([schema["const"]], effort)
    compiled: dict[str, Pattern] = patterns.compiled
    return Tables(references=references, members=members, patterns=compiled, plans=plans)


def _identities(values: list[Json], effort: Effort) -> frozenset[str | bytes]:
    """What makes each of *values* itself, paid for by what they hold."""
    extent = measure(values, depth=MAX_DEPTH, nodes=_MAX_NODES, characters=MAX_BYTES)
    containers = sum(isinstance(value, list | dict) for value in values)
    effort.pay(_MEMBERS_STEPS + _CONTAINER_STEPS * containers + _copying(extent))
    return frozenset(map(identity, values))
