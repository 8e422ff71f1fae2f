"""JSON Schema (2020-12) of shapes: what `values` reads and writes, and nothing else. It sees no value."""

from typing import Final, assert_never

from holdfast.contracts.json_values import Json

from .shapes import (
    INTEGERS,
    Bytes,
    Enum,
    Flags,
    Kind,
    ListOf,
    Option,
    Record,
    Result,
    Scalar,
    Shape,
    Signature,
    TupleOf,
    Variant,
)

BASE64: Final = r"^[A-Za-z0-9+/]*={0,2}$"
_F32_MOST: Final = 3.4028234663852886e38
"""The largest finite f32, as a double."""

Schema = dict[str, Json]


def parameters_schema(signature: Signature) -> Schema:
    """The schema of the arguments of a function: one property for each parameter."""
    return _object(signature.parameters)


def schema_of(shape: Shape) -> Schema:  # noqa: C901, PLR0911 -- one arm for each shape
    """The schema of the JSON form of *shape*."""
    match shape:
        case Scalar(kind=kind):
            return _scalar(kind)
        case Bytes():
            return {"type": "string", "contentEncoding": "base64", "pattern": BASE64}
        case ListOf(element=element):
            return {"type": "array", "items": schema_of(element)}
        case Record(fields=fields):
            return _object(fields)
        case TupleOf(items=items):
            count = len(items)
            return {
                "type": "array",
                "prefixItems": [schema_of(item) for item in items],
                "minItems": count,
                "maxItems": count,
            }
        case Variant(cases=cases):
            return _variant(cases)
        case Enum(names=names):
            return {"type": "string", "enum": list(names)}
        case Flags(names=names):
            return {"type": "array", "items": {"type": "string", "enum": list(names)}, "uniqueItems": True}
        case Option(payload=payload):
            some = _one("some", payload) if isinstance(payload, Option) else schema_of(payload)
            return {"anyOf": [some, {"type": "null"}]}
        case Result(ok=ok, error=error):
            return {"oneOf": [_one("ok", ok), _one("error", error)]}
        case _:
            assert_never(shape)


def _scalar(kind: Kind) -> Schema:
    if kind in INTEGERS:
        least, most = INTEGERS[kind]
        return {"type": "integer", "minimum": least, "maximum": most}
    match kind:
        case Kind.BOOL:
            return {"type": "boolean"}
        case Kind.F32:
            return {"type": "number", "minimum": -_F32_MOST, "maximum": _F32_MOST}
        case Kind.F64:
            return {"type": "number"}
        case Kind.CHAR:
            return {"type": "string", "minLength": 1, "maxLength": 1}
        case _:
            return {"type": "string"}


def _object(fields: tuple[tuple[str, Shape], ...]) -> Schema:
    """An option among *fields* may be left out."""
    return {
        "type": "object",
        "properties": {name: schema_of(shape) for name, shape in fields},
        "required": [name for name, shape in fields if not isinstance(shape, Option)],
        "additionalProperties": False,
    }


def _variant(cases: tuple[tuple[str, Shape | None], ...]) -> Schema:
    bare: list[Json] = [name for name, payload in cases if payload is None]
    ways: list[Json] = [_one(name, payload) for name, payload in cases if payload is not None]
    return {"oneOf": [{"type": "string", "enum": bare}, *ways] if bare else ways}


def _one(name: str, payload: Shape | None) -> Schema:
    inside: Schema = {"type": "null"} if payload is None else schema_of(payload)
    return {"type": "object", "properties": {name: inside}, "required": [name], "additionalProperties": False}
