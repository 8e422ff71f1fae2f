"""`unevaluatedProperties` and `unevaluatedItems`: what no other keyword of a matching subschema has looked at.

They look again at subschemas that were looked at before, so every subschema entered here is paid for again.
"""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

from holdfast.contracts import Json

from .evaluation import MAX_DESCENTS, Errors, Evaluation, Schema, StepsExhausted, descend, refuse
from .walk import in_place
from .wording import free_name, unknown

_REFERENCES = ("$ref", "$dynamicRef")
_LISTS = ("allOf", "anyOf", "oneOf")
_LOOKED_AT = 32
"""Subschemas whose properties a refusal names."""
_LOOK_STEPS = 6
"""What looking at one subschema again is charged, before what it does with its keywords."""


def unevaluated_properties(run: Evaluation, rest: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    """Refuse the first property that nothing evaluated and *rest* does not admit."""
    if not isinstance(instance, dict):
        return None
    seen = _properties_seen(run, instance, schema, outermost=schema)
    for name, value in instance.items():
        if name in seen:
            continue
        if rest is False:
            return refuse("unevaluatedProperties", partial(_unknown, run, schema, name), path=[free_name(name)])
        if errors := descend(run, value, rest):
            errors.path.append(free_name(name))
            return errors
    return None


def unevaluated_items(run: Evaluation, rest: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    """Refuse the first item that nothing evaluated and *rest* does not admit."""
    if not isinstance(instance, list):
        return None
    seen = _items_seen(run, instance, schema, outermost=schema)
    for index, item in enumerate(instance):
        if index in seen:
            continue
        if rest is False:
            return refuse("unevaluatedItems", "is one item too many", path=[index])
        if errors := descend(run, item, rest, index):
            return errors
    return None


def _unknown(run: Evaluation, schema: dict[str, Any], name: str) -> str:
    return unknown(name, _known(run, schema))


def _known(run: Evaluation, schema: dict[str, Any]) -> list[str]:
    """Names of properties that *schema* knows, its own and those of some subschemas that apply to the same value."""
    known: dict[str, None] = {}
    pending: list[Schema] = [schema]
    for _ in range(_LOOKED_AT):
        if not pending:
            break
        each = pending.pop(0)
        if isinstance(each, dict):
            known |= dict.fromkeys(each.get("properties", ()))
            pending += [run.tables.references[id(each), keyword] for keyword in _REFERENCES if keyword in each]
            pending += islice(in_place(each), _LOOKED_AT)
    return list(known)


def _properties_seen(run: Evaluation, instance: dict[str, Json], schema: Schema, *, outermost: Schema) -> set[str]:
    """Names that *schema*, which admits *instance*, has evaluated."""
    if isinstance(schema, bool):
        return set()
    run.pay(_LOOK_STEPS + len(instance) // 4)
    if "additionalProperties" in schema or ("unevaluatedProperties" in schema and schema is not outermost):
        return set(instance)
    seen: set[str] = set(instance) & schema.get("properties", {}).keys()
    for source in schema.get("patternProperties", ()):
        pattern = run.tables.patterns[source]
        for name in instance:
            run.pay(pattern.cost(name))
            if pattern.found_in(name):
                seen.add(name)
    for inner in _in_place(run, instance, schema):
        seen |= _properties_seen(run, instance, inner, outermost=outermost)
    run.descents -= 2
    return seen


def _items_seen(run: Evaluation, instance: list[Json], schema: Schema, *, outermost: Schema) -> set[int]:
    """Indexes that *schema*, which admits *instance*, has evaluated."""
    if isinstance(schema, bool):
        return set()
    run.pay(_LOOK_STEPS + len(instance) // 4)
    if "items" in schema or ("unevaluatedItems" in schema and schema is not outermost):
        return set(range(len(instance)))
    seen = set(range(min(len(instance), len(schema.get("prefixItems", ())))))
    if "contains" in schema:
        seen |= {index for index, item in enumerate(instance) if not descend(run, item, schema["contains"])}
    for inner in _in_place(run, instance, schema):
        seen |= _items_seen(run, instance, inner, outermost=outermost)
    run.descents -= 2
    return seen


def _in_place(run: Evaluation, instance: Json, schema: dict[str, Any]) -> Iterator[Schema]:
    """Subschemas of *schema* that apply to *instance* itself and admit it. Enters a level for the caller to leave."""
    run.descents += 2
    if run.descents > MAX_DESCENTS:
        raise StepsExhausted
    yield from (run.tables.references[id(schema), keyword] for keyword in _REFERENCES if keyword in schema)
    for inner in (each for keyword in _LISTS for each in schema.get(keyword, ())):
        if not descend(run, instance, inner):
            yield inner
    if isinstance(instance, dict) and "dependentSchemas" in schema:
        run.spend(len(schema["dependentSchemas"]))
        yield from (inner for name, inner in schema["dependentSchemas"].items() if name in instance)
    if "if" in schema:
        yield from _conditional(run, instance, schema)


def _conditional(run: Evaluation, instance: Json, schema: dict[str, Any]) -> Iterator[Schema]:
    if descend(run, instance, schema["if"]):
        yield schema.get("else", True)
    else:
        yield schema["if"]
        yield schema.get("then", True)
