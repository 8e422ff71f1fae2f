"""The keywords of JSON Schema 2020-12, each bounded by what it charges; they answer with rules, never with values.

They stand in for jsonschema's own functions, whose cost has no bound (see `descend`) and whose patterns backtrack.
`format`, `contentEncoding` and other annotations are not asserted, which is 2020-12's default. A keyword answers with
its first error only: one is enough to refuse.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from holdfast.contracts import Json

from .bounds import measure
from .evaluation import CURRENT, Errors, Keyword, Schema, descend, refuse
from .identity import identity
from .unevaluated import unevaluated_items, unevaluated_properties
from .wording import choices, cleaned, counted, kind, listed, quoted

_LONG_INTEGER = 1 << 62
_SHOWN_NUMBER = 32


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Json) -> bool:
    return _is_number(value) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


_TYPES: Final[dict[str, Callable[[Json], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}


def _type(_validator: Any, types: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    names = (types,) if isinstance(types, str) else types
    if any(_TYPES[name](instance) for name in names):
        return ()
    return refuse("type", kind(types))


def _member(keyword: str) -> Keyword:
    def check(_validator: Any, members: Any, instance: Json, schema: dict[str, Any]) -> Errors:
        if _identity_of(instance) in CURRENT.get().tables.members[id(schema), keyword]:
            return ()
        return refuse(keyword, choices(members if keyword == "enum" else [members]))

    return check


def _identity_of(instance: Json) -> str | bytes:
    """The identity of *instance*, paid for by its size."""
    run = CURRENT.get()
    if isinstance(instance, dict | list):
        extent = measure(instance, depth=run.left, nodes=run.left, characters=run.left * 256)
        run.pay(extent.nodes + extent.characters // 256)
    return identity(instance)


def _bound(keyword: str, holds: Callable[[Any, Any], bool], wants: str) -> Keyword:
    def check(_validator: Any, limit: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
        if not _is_number(instance) or holds(instance, limit):
            return ()
        return refuse(keyword, f"{wants} {_shown(limit)}")

    return check


def _shown(number: float) -> str:
    if isinstance(number, int) and abs(number) > _LONG_INTEGER:
        return "the limit of the schema"
    return cleaned(str(number), limit=_SHOWN_NUMBER)


def _multiple_of(_validator: Any, divisor: Any, instance: Any, _schema: dict[str, Any]) -> Errors:
    if not _is_number(instance):
        return ()
    run = CURRENT.get()
    if isinstance(instance, int) and isinstance(divisor, int):
        run.spend(instance.bit_length() // 64)
        whole = instance % divisor == 0
    else:  # in decimals, as they are written: 0.3 is a multiple of 0.1
        run.spend(16 + _bits(instance) // 64)
        whole = (Fraction(str(instance)) / Fraction(str(divisor))).denominator == 1
    return () if whole else refuse("multipleOf", f"must be a multiple of {_shown(divisor)}")


def _size(value: Any) -> int:
    return len(value)


def _bits(number: float) -> int:
    return number.bit_length() if isinstance(number, int) else 0


def _length(
    keyword: str, of: type[str | list[Any] | dict[str, Any]], holds: Callable[[int, int], bool], wants: str, noun: str
) -> Keyword:
    def check(_validator: Any, limit: Any, instance: Any, _schema: dict[str, Any]) -> Errors:
        if not isinstance(instance, of) or holds(_size(instance), limit):
            return ()
        return refuse(keyword, f"must have {wants} {counted(int(limit), noun)}")

    return check


def _pattern(_validator: Any, source: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, str) or _matches(source, instance):
        return ()
    return refuse("pattern", f"must match {quoted(source, limit=80)}")


def _matches(source: str, text: str) -> bool:
    run = CURRENT.get()
    pattern = run.tables.patterns[source]
    run.pay(pattern.cost(text))
    return pattern.found_in(text)


def _properties(validator: Any, properties: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return ()
    fewer, other = (properties, instance) if len(properties) < len(instance) else (instance, properties)
    CURRENT.get().spend(len(fewer))
    for name in fewer:
        if name in other and (errors := descend(validator, instance[name], properties[name], name)):
            return errors
    return ()


def _pattern_properties(validator: Any, patterns: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return ()
    for source, schema in patterns.items():
        for name, value in instance.items():
            if _matches(source, name) and (errors := descend(validator, value, schema, name)):
                return errors
    return ()


def _additional_properties(validator: Any, additional: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return ()
    CURRENT.get().spend(len(instance))
    known, sources = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in known or any(_matches(source, name) for source in sources):
            continue
        if additional is False:
            return refuse("additionalProperties", _unknown(known), path=(name,))
        if errors := descend(validator, value, additional, name):
            return errors
    return ()


def _unknown(known: dict[str, Any]) -> str:
    return f"is an unknown field; known here: {listed(sorted(known))}" if known else "is an unknown field"


def _property_names(validator: Any, schema: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return ()
    for name in instance:
        if errors := descend(validator, name, schema):
            return refuse("propertyNames", f"is not a name the schema allows: it {errors[0].message}", path=(name,))
    return ()


def _required(_validator: Any, names: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return ()
    CURRENT.get().spend(len(names))
    for name in names:
        if name not in instance:
            return refuse("required", "is required", path=(name,))
    return ()


def _dependent_required(_validator: Any, dependencies: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return ()
    run = CURRENT.get()
    for name, needed in dependencies.items():
        run.spend(len(needed))
        missing = next((each for each in needed if each not in instance), None) if name in instance else None
        if missing is not None:
            return refuse("dependentRequired", f"is required when {quoted(name)} is given", path=(missing,))
    return ()


def _dependent_schemas(validator: Any, dependencies: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return ()
    CURRENT.get().spend(len(dependencies))
    for name, schema in dependencies.items():
        if name in instance and (errors := descend(validator, instance, schema)):
            return errors
    return ()


def _items(validator: Any, items: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, list):
        return ()
    first = len(schema.get("prefixItems", ()))
    if items is False and len(instance) > first:
        return refuse("items", f"must have at most {counted(first, 'item')}")
    CURRENT.get().spend(len(instance))
    for index in range(first, len(instance)):
        if errors := descend(validator, instance[index], items, index):
            return errors
    return ()


def _prefix_items(validator: Any, schemas: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, list):
        return ()
    for index, (item, schema) in enumerate(zip(instance, schemas, strict=False)):
        if errors := descend(validator, item, schema, index):
            return errors
    return ()


def _contains(validator: Any, wanted: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, list):
        return ()
    CURRENT.get().spend(len(instance))
    least, most = schema.get("minContains", 1), schema.get("maxContains", len(instance))
    count = sum(1 for item in instance if not descend(validator, item, wanted))
    if count < least:
        return refuse("contains", f"must contain at least {counted(int(least), 'matching item')}")
    if count > most:
        return refuse("maxContains", f"must contain at most {counted(int(most), 'matching item')}")
    return ()


def _unique_items(_validator: Any, unique: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if unique is not True or not isinstance(instance, list):
        return ()
    seen: set[str | bytes] = set()
    for index, item in enumerate(instance):
        CURRENT.get().spend(0)
        key = _identity_of(item)
        if key in seen:
            return refuse("uniqueItems", "is a repetition of an earlier item", path=(index,))
        seen.add(key)
    return ()


def _all_of(validator: Any, schemas: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    for schema in schemas:
        if errors := descend(validator, instance, schema):
            return errors
    return ()


def _any_of(validator: Any, schemas: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    failed: list[Errors] = []
    for schema in schemas:
        errors = descend(validator, instance, schema)
        if not errors:
            return ()
        failed.append(errors)
    return _nearest("anyOf", failed)


def _one_of(validator: Any, schemas: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    failed = [errors for schema in schemas if (errors := descend(validator, instance, schema))]
    matched = len(schemas) - len(failed)
    if matched == 0:
        return _nearest("oneOf", failed)
    return () if matched == 1 else refuse("oneOf", f"must match one form of the schema, not {matched}")


def _nearest(keyword: str, failed: list[Errors]) -> Errors:
    """The error of the form that got furthest into the value, when it got anywhere."""
    deepest = max(failed, key=lambda errors: len(errors[0].path))
    if deepest[0].path:
        return deepest
    return refuse(keyword, f"must match one of {counted(len(failed), 'form')} of the schema")


def _not(validator: Any, schema: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    return () if descend(validator, instance, schema) else refuse("not", "has a form the schema rules out")


def _if(validator: Any, condition: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    branch: Schema = schema.get("else" if descend(validator, instance, condition) else "then", True)
    return descend(validator, instance, branch)


def _reference(keyword: str) -> Keyword:
    def check(validator: Any, _uri: Any, instance: Json, schema: dict[str, Any]) -> Errors:
        return descend(validator, instance, CURRENT.get().tables.references[id(schema), keyword])

    return check


KEYWORDS: Final[dict[str, Keyword]] = {
    "$ref": _reference("$ref"),
    "$dynamicRef": _reference("$dynamicRef"),
    "type": _type,
    "enum": _member("enum"),
    "const": _member("const"),
    "minimum": _bound("minimum", lambda value, limit: value >= limit, "must be at least"),
    "maximum": _bound("maximum", lambda value, limit: value <= limit, "must be at most"),
    "exclusiveMinimum": _bound("exclusiveMinimum", lambda value, limit: value > limit, "must be more than"),
    "exclusiveMaximum": _bound("exclusiveMaximum", lambda value, limit: value < limit, "must be less than"),
    "multipleOf": _multiple_of,
    "minLength": _length("minLength", str, lambda size, limit: size >= limit, "at least", "character"),
    "maxLength": _length("maxLength", str, lambda size, limit: size <= limit, "at most", "character"),
    "minItems": _length("minItems", list, lambda size, limit: size >= limit, "at least", "item"),
    "maxItems": _length("maxItems", list, lambda size, limit: size <= limit, "at most", "item"),
    "minProperties": _length("minProperties", dict, lambda size, limit: size >= limit, "at least", "property"),
    "maxProperties": _length("maxProperties", dict, lambda size, limit: size <= limit, "at most", "property"),
    "pattern": _pattern,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "required": _required,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "items": _items,
    "prefixItems": _prefix_items,
    "contains": _contains,
    "uniqueItems": _unique_items,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "unevaluatedItems": unevaluated_items,
    "unevaluatedProperties": unevaluated_properties,
}
