"""`unevaluatedProperties` and `unevaluatedItems`: what no other keyword of a matching subschema has looked at.

They look again at subschemas that were looked at before, so every subschema entered here is paid for again.
"""

from collections.abc import Iterator
from typing import Any

from holdfast.contracts import Json

from .evaluation import CURRENT, MAX_DESCENTS, Errors, Schema, StepsExhausted, descend, refuse

_REFERENCES = ("$ref", "$dynamicRef")
_LISTS = ("allOf", "anyOf", "oneOf")


def unevaluated_properties(validator: Any, rest: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    """Refuse the first property that nothing evaluated and *rest* does not admit."""
    if not isinstance(instance, dict):
        return ()
    seen = _properties_seen(validator, instance, schema, outermost=schema)
    for name, value in instance.items():
        if name in seen:
            continue
        if rest is False:
            return refuse("unevaluatedProperties", "is an unknown field", path=(name,))
        if errors := descend(validator, value, rest, name):
            return errors
    return ()


def unevaluated_items(validator: Any, rest: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    """Refuse the first item that nothing evaluated and *rest* does not admit."""
    if not isinstance(instance, list):
        return ()
    seen = _items_seen(validator, instance, schema, outermost=schema)
    for index, item in enumerate(instance):
        if index in seen:
            continue
        if rest is False:
            return refuse("unevaluatedItems", "is one item too many", path=(index,))
        if errors := descend(validator, item, rest, index):
            return errors
    return ()


def _properties_seen(validator: Any, instance: dict[str, Json], schema: Schema, *, outermost: Schema) -> set[str]:
    """Names that *schema*, which admits *instance*, has evaluated."""
    if isinstance(schema, bool):
        return set()
    run = CURRENT.get()
    run.spend(len(instance))
    if "additionalProperties" in schema or ("unevaluatedProperties" in schema and schema is not outermost):
        return set(instance)
    seen: set[str] = set(instance) & schema.get("properties", {}).keys()
    for source in schema.get("patternProperties", ()):
        pattern = run.tables.patterns[source]
        for name in instance:
            run.pay(pattern.cost(name))
            if pattern.found_in(name):
                seen.add(name)
    for inner in _in_place(validator, instance, schema):
        seen |= _properties_seen(validator, instance, inner, outermost=outermost)
    _leave()
    return seen


def _items_seen(validator: Any, instance: list[Json], schema: Schema, *, outermost: Schema) -> set[int]:
    """Indexes that *schema*, which admits *instance*, has evaluated."""
    if isinstance(schema, bool):
        return set()
    CURRENT.get().spend(len(instance))
    if "items" in schema or ("unevaluatedItems" in schema and schema is not outermost):
        return set(range(len(instance)))
    seen = set(range(min(len(instance), len(schema.get("prefixItems", ())))))
    if "contains" in schema:
        seen |= {index for index, item in enumerate(instance) if not descend(validator, item, schema["contains"])}
    for inner in _in_place(validator, instance, schema):
        seen |= _items_seen(validator, instance, inner, outermost=outermost)
    _leave()
    return seen


def _in_place(validator: Any, instance: Json, schema: dict[str, Any]) -> Iterator[Schema]:
    """Subschemas of *schema* that apply to *instance* itself and admit it. Enters one level; `_leave` leaves it."""
    run = CURRENT.get()
    run.descents += 2
    if run.descents > MAX_DESCENTS:
        raise StepsExhausted
    yield from (run.tables.references[id(schema), keyword] for keyword in _REFERENCES if keyword in schema)
    for inner in (each for keyword in _LISTS for each in schema.get(keyword, ())):
        if not descend(validator, instance, inner):
            yield inner
    if isinstance(instance, dict):
        yield from (inner for name, inner in schema.get("dependentSchemas", {}).items() if name in instance)
    if "if" in schema:
        yield from _conditional(validator, instance, schema)


def _conditional(validator: Any, instance: Json, schema: dict[str, Any]) -> Iterator[Schema]:
    if descend(validator, instance, schema["if"]):
        yield schema.get("else", True)
    else:
        yield schema["if"]
        yield schema.get("then", True)


def _leave() -> None:
    CURRENT.get().descents -= 2
