"""The keywords of JSON Schema 2020-12, each bounded by what it charges; they answer with rules, never with values.

They stand in for jsonschema's own functions, whose cost has no bound (see `descend`) and whose patterns backtrack.
`format`, `contentEncoding` and other annotations are not asserted, which is 2020-12's default.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from holdfast.contracts import Json

from .bounds import measure
from .evaluation import Errors, Evaluation, Keyword, Refusal, Schema, descend, refuse
from .identity import identity
from .numbers import bound, is_integer, is_number, multiple_of
from .unevaluated import unevaluated_items, unevaluated_properties
from .wording import choices, counted, free_name, kind, quoted, unknown

_CONTAINERS = (dict, list)
_CHARACTERS_A_STEP = 64
_IDENTITY_STEPS = 6
"""What writing an array or object canonically is charged, before its size."""

_TYPES: Final[dict[str, Callable[[Json], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "integer": is_integer,
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}


def _type(run: Evaluation, types: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if isinstance(types, str):
        fits = _TYPES[types](instance)
    else:
        run.spend(len(types))
        fits = False
        for name in types:
            if _TYPES[name](instance):
                fits = True
                break
    return None if fits else refuse("type", lambda: kind(types))


def _member(keyword: str) -> Keyword:
    def check(run: Evaluation, members: Any, instance: Json, schema: dict[str, Any]) -> Errors:
        if _identity_of(run, instance) in run.tables.members[id(schema), keyword]:
            return None
        return refuse(keyword, lambda: choices(members if keyword == "enum" else [members]))

    return check


def _identity_of(run: Evaluation, instance: Json) -> str | bytes:
    """The identity of *instance*, paid for by its size."""
    if isinstance(instance, _CONTAINERS):
        extent = measure(instance, depth=run.left, nodes=run.left, characters=run.left * _CHARACTERS_A_STEP)
        run.pay(_IDENTITY_STEPS + extent.nodes * 4 + extent.characters // _CHARACTERS_A_STEP)
    elif isinstance(instance, int):
        run.pay(2 + instance.bit_length() // 128)
    elif not isinstance(instance, str):
        run.pay(2)
    return identity(instance)


def _size(value: Any) -> int:
    return len(value)


def _length(
    keyword: str, of: type[str | list[Any] | dict[str, Any]], holds: Callable[[int, int], bool], wants: str, noun: str
) -> Keyword:
    def check(_run: Evaluation, limit: Any, instance: Any, _schema: dict[str, Any]) -> Errors:
        if not isinstance(instance, of) or holds(_size(instance), limit):
            return None
        return refuse(keyword, lambda: f"must have {wants} {counted(int(limit), noun)}")

    return check


def _pattern(run: Evaluation, source: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, str) or matches(run, source, instance):
        return None
    return refuse("pattern", lambda: f"must match {quoted(source, limit=80)}")


def matches(run: Evaluation, source: str, text: str) -> bool:
    """Whether the schema's pattern *source* is found in *text*, paid for by both their sizes."""
    pattern = run.tables.patterns[source]
    run.pay(pattern.cost(text))
    return pattern.found_in(text)


def _properties(run: Evaluation, properties: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return None
    fewer, other = (properties, instance) if len(properties) < len(instance) else (instance, properties)
    run.spend(len(fewer))
    for name in fewer:
        if name in other and (errors := descend(run, instance[name], properties[name], name)):
            return errors
    return None


def _pattern_properties(run: Evaluation, patterns: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return None
    for source, schema in patterns.items():
        for name, value in instance.items():
            if matches(run, source, name) and (errors := descend(run, value, schema)):
                errors.path.append(free_name(name))
                return errors
    return None


def _additional_properties(run: Evaluation, additional: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return None
    run.spend(len(instance))
    known, sources = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in known or any(matches(run, source, name) for source in sources):
            continue
        if additional is False:
            return refuse("additionalProperties", partial(unknown, name, known), path=[free_name(name)])
        if errors := descend(run, value, additional):
            errors.path.append(free_name(name))
            return errors
    return None


def _property_names(run: Evaluation, schema: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return None
    for name in instance:
        if errors := descend(run, name, schema):
            return refuse(
                "propertyNames", lambda: f"is not a name the schema allows: it {errors.words()}", path=[free_name(name)]
            )
    return None


def _required(run: Evaluation, names: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return None
    run.spend(len(names))
    for name in names:
        if name not in instance:
            return refuse("required", "is required", path=[name])
    return None


def _given(name: str) -> str:
    return f"is required when {quoted(name)} is given"


def _dependent_required(run: Evaluation, dependencies: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return None
    for name, needed in dependencies.items():
        run.spend(len(needed))
        missing = next((each for each in needed if each not in instance), None) if name in instance else None
        if missing is not None:
            return refuse("dependentRequired", partial(_given, name), path=[missing])
    return None


def _dependent_schemas(run: Evaluation, dependencies: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, dict):
        return None
    run.spend(len(dependencies))
    for name, schema in dependencies.items():
        if name in instance and (errors := descend(run, instance, schema)):
            return errors
    return None


def _items(run: Evaluation, items: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, list):
        return None
    first = len(schema.get("prefixItems", ()))
    if items is False and len(instance) > first:
        return refuse("items", lambda: f"must have at most {counted(first, 'item')}")
    run.spend(len(instance))
    if items is True:
        return None
    for index in range(first, len(instance)):
        if errors := descend(run, instance[index], items, index):
            return errors
    return None


def _prefix_items(run: Evaluation, schemas: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, list):
        return None
    run.spend(min(len(instance), len(schemas)))
    for index, (item, schema) in enumerate(zip(instance, schemas, strict=False)):
        if errors := descend(run, item, schema, index):
            return errors
    return None


def _contains(run: Evaluation, wanted: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    if not isinstance(instance, list):
        return None
    run.spend(len(instance))
    least, most = schema.get("minContains", 1), schema.get("maxContains", len(instance))
    count = sum(1 for item in instance if not descend(run, item, wanted))
    if count < least:
        return refuse("contains", lambda: f"must contain at least {counted(int(least), 'matching item')}")
    if count > most:
        return refuse("maxContains", lambda: f"must contain at most {counted(int(most), 'matching item')}")
    return None


def _unique_items(run: Evaluation, unique: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    if unique is not True or not isinstance(instance, list):
        return None
    seen: set[str | bytes] = set()
    for index, item in enumerate(instance):
        run.pay(1)
        key = _identity_of(run, item)
        if key in seen:
            return refuse("uniqueItems", "is a repetition of an earlier item", path=[index])
        seen.add(key)
    return None


def _all_of(run: Evaluation, schemas: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    for schema in schemas:
        if errors := descend(run, instance, schema):
            return errors
    return None


def _any_of(run: Evaluation, schemas: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    run.pay(1)
    failed: list[Refusal] = []
    for schema in schemas:
        errors = descend(run, instance, schema)
        if errors is None:
            return None
        failed.append(errors)
    return _nearest("anyOf", failed)


def _one_of(run: Evaluation, schemas: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    run.pay(2)
    failed = [errors for schema in schemas if (errors := descend(run, instance, schema))]
    matched = len(schemas) - len(failed)
    if matched == 0:
        return _nearest("oneOf", failed)
    return None if matched == 1 else refuse("oneOf", lambda: f"must match one form of the schema, not {matched}")


def _nearest(keyword: str, failed: list[Refusal]) -> Errors:
    """The error of the form that got furthest into the value, when it got anywhere."""
    deepest = max(failed, key=lambda error: len(error.path))
    if deepest.path:
        return deepest
    return refuse(keyword, lambda: f"must match one of {counted(len(failed), 'form')} of the schema")


def _not(run: Evaluation, schema: Any, instance: Json, _schema: dict[str, Any]) -> Errors:
    return None if descend(run, instance, schema) else refuse("not", "has a form the schema rules out")


def _if(run: Evaluation, condition: Any, instance: Json, schema: dict[str, Any]) -> Errors:
    run.pay(1)
    branch: Schema = schema.get("else" if descend(run, instance, condition) else "then", True)
    return descend(run, instance, branch)


def _reference(keyword: str) -> Keyword:
    def check(run: Evaluation, _uri: Any, instance: Json, schema: dict[str, Any]) -> Errors:
        return descend(run, instance, run.tables.references[id(schema), keyword])

    return check


KEYWORDS: Final[dict[str, Keyword]] = {
    "$ref": _reference("$ref"),
    "$dynamicRef": _reference("$dynamicRef"),
    "type": _type,
    "enum": _member("enum"),
    "const": _member("const"),
    "minimum": bound("minimum", lambda value, limit: value >= limit, "must be at least"),
    "maximum": bound("maximum", lambda value, limit: value <= limit, "must be at most"),
    "exclusiveMinimum": bound("exclusiveMinimum", lambda value, limit: value > limit, "must be more than"),
    "exclusiveMaximum": bound("exclusiveMaximum", lambda value, limit: value < limit, "must be less than"),
    "multipleOf": multiple_of,
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
