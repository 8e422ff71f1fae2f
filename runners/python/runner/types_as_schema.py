"""Types of a function as JSON Schema, and JSON as values of those types and back. What it does not know it refuses."""

import base64
import collections.abc
import dataclasses
import datetime as dt
import decimal
import enum
import types
import typing
import uuid
from typing import Any, Literal

_DEPTH = 32
_INTEGER = 1 << 63
_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_SETS = (set, frozenset, collections.abc.Set)
_TABLES = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_PLAIN = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}
_TEXTS: dict[Any, tuple[dict[str, str], typing.Callable[[str], Any]]] = {
    dt.datetime: ({"format": "date-time"}, dt.datetime.fromisoformat),
    dt.date: ({"format": "date"}, dt.date.fromisoformat),
    dt.time: ({"format": "time"}, dt.time.fromisoformat),
    decimal.Decimal: ({"pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$"}, decimal.Decimal),
    uuid.UUID: ({"format": "uuid"}, uuid.UUID),
    bytes: ({"contentEncoding": "base64"}, lambda text: base64.b64decode(text, validate=True)),
}
"""Types that JSON says as text: what the schema adds, and how the text is read."""


class NoSchema(Exception):
    """A type has no schema. Says why, in words that follow the name of what has it."""


class Mismatch(Exception):
    """A value is not of its type, or has no form in JSON."""


def schema_of(hint: Any, room: int = _DEPTH) -> dict[str, Any]:
    """The schema of the type *hint*. Raises: NoSchema."""
    if room <= 0:
        raise NoSchema("has a type that is nested too deep, or refers to itself")
    hint, said = _peeled(hint)
    origin, within = typing.get_origin(hint), typing.get_args(hint)
    if said is not None:
        return {**schema_of(hint, room - 1), "description": said}
    if hint is Any or hint is object:
        return {}
    if hint in _PLAIN or hint in _TEXTS:
        return {"type": _PLAIN[hint]} if hint in _PLAIN else {"type": "string", **_TEXTS[hint][0]}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [schema_of(one, room - 1) for one in within]}
    if origin is Literal:
        return _choices(list(within))
    return _of_collection(hint, origin or hint, within, room - 1)


def _peeled(hint: Any) -> tuple[Any, str | None]:
    """The type that *hint* is another name of, and what an annotation says of it."""
    said: str | None = None
    for _ in range(_DEPTH):
        origin = typing.get_origin(hint)
        if hint is None:
            return type(None), said
        if isinstance(hint, typing.TypeAliasType):
            hint = hint.__value__
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif origin is typing.Annotated:
            hint, *notes = typing.get_args(hint)
            said = said or next((one for one in notes if isinstance(one, str)), None)
        elif origin in (typing.Required, typing.NotRequired, typing.ReadOnly):
            hint = typing.get_args(hint)[0]
        else:
            return hint, said
    raise NoSchema("has a type that refers to itself")


def _of_collection(hint: Any, kind: Any, within: tuple[Any, ...], room: int) -> dict[str, Any]:
    if kind in _LISTS:
        return {"type": "array", **({"items": schema_of(within[0], room)} if within else {})}
    if kind in _SETS:
        return {"type": "array", "uniqueItems": True, **({"items": schema_of(within[0], room)} if within else {})}
    if kind is tuple:
        return _of_tuple(within, room)
    if kind in _TABLES:
        if within and within[0] is not str:
            raise NoSchema("has a `dict` whose keys are no `str`")
        return {"type": "object", **({"additionalProperties": schema_of(within[1], room)} if within else {})}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choices([one.value for one in hint])
    if dataclasses.is_dataclass(hint) or typing.is_typeddict(hint):
        return _of_record(hint, room)
    raise NoSchema(f"has the type `{_called(hint)}`, which has no form in JSON")


def _of_tuple(within: tuple[Any, ...], room: int) -> dict[str, Any]:
    if not within:
        return {"type": "array"}
    if _is_endless(within):
        return {"type": "array", "items": schema_of(within[0], room)}
    items = [schema_of(one, room) for one in within if one != ()]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _is_endless(within: tuple[Any, ...]) -> bool:
    return within[1:] == (Ellipsis,)


def _of_record(kind: Any, room: int) -> dict[str, Any]:
    properties = {name: schema_of(hint, room) for name, hint in _fields(kind).items()}
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    required = sorted(_required(kind), key=list(properties).index)
    return {**schema, "required": required} if required else schema


def _choices(values: list[Any]) -> dict[str, Any]:
    said = [one for one in values if one is not None]
    if not all(isinstance(one, str | int | float) for one in said):
        raise NoSchema("has a choice that is no text and no number")
    return {"enum": said} if len(said) == len(values) else {"anyOf": [{"enum": said}, {"type": "null"}]}


def _fields(kind: Any) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except NameError as error:
        raise NoSchema(f"has a type that names `{error.name}`, which is not there") from None
    if dataclasses.is_dataclass(kind):
        return {one.name: hints[one.name] for one in dataclasses.fields(kind) if one.init}
    return hints


def _required(kind: Any) -> set[str]:
    if typing.is_typeddict(kind):
        return set(kind.__required_keys__)
    missing = dataclasses.MISSING
    return {
        one.name
        for one in dataclasses.fields(kind)
        if one.init and one.default is missing and one.default_factory is missing
    }


def value_of(said: Any, hint: Any, at: str) -> Any:
    """*said*, JSON, as a value of the type *hint*; *at* is what it is called. Raises: Mismatch."""
    hint, _ = _peeled(hint)
    origin, within = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is object:
        return said
    if hint in _PLAIN:
        return _plain_value(said, hint, at)
    if hint in _TEXTS:
        try:
            return _TEXTS[hint][1](said)
        except (ValueError, TypeError, ArithmeticError):
            raise Mismatch(f"`{at}` is no {_called(hint)}") from None
    if origin in (typing.Union, types.UnionType):
        return _one_of(said, within, at)
    if origin is Literal:
        return _chosen(said, {one: one for one in within}, at)
    return _collected(said, hint, origin or hint, within, at)


def _plain_value(said: Any, kind: type, at: str) -> Any:
    if kind is float and type(said) is int:
        return float(said)
    if kind is int and type(said) is float and said.is_integer():
        return int(said)
    if type(said) is not kind:
        raise Mismatch(f"`{at}` is no {_called(kind)}")
    return said


def _one_of(said: Any, kinds: tuple[Any, ...], at: str) -> Any:
    if type(said) in kinds:
        return said
    for kind in kinds:
        try:
            return value_of(said, kind, at)
        except Mismatch:
            continue
    raise Mismatch(f"`{at}` is none of {', '.join(map(_called, kinds))}")


def _chosen(said: Any, choices: dict[Any, Any], at: str) -> Any:
    for value, meant in choices.items():
        if type(value) is type(said) and value == said:
            return meant
    raise Mismatch(f"`{at}` is none of the choices")


def _collected(said: Any, hint: Any, kind: Any, within: tuple[Any, ...], at: str) -> Any:
    if kind in _LISTS or kind in _SETS or kind is tuple:
        if not isinstance(said, list):
            raise Mismatch(f"`{at}` is no list")
        hints = _each(kind, within, len(said), at)
        items = [value_of(one, each, f"{at}[{n}]") for n, (one, each) in enumerate(zip(said, hints, strict=True))]
        return tuple(items) if kind is tuple else (set(items) if kind in _SETS else items)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _chosen(said, {one.value: one for one in hint}, at)
    if not isinstance(said, dict):
        raise Mismatch(f"`{at}` is no object")
    if kind in _TABLES:
        return {key: value_of(one, within[1], f"{at}.{key}") for key, one in said.items()} if within else said
    fields = _fields(hint)
    if said.keys() - fields or _required(hint) - said.keys():
        raise Mismatch(f"`{at}` has not the keys of {_called(hint)}")
    values = {key: value_of(one, fields[key], f"{at}.{key}") for key, one in said.items()}
    return hint(**values)


def _each(kind: Any, within: tuple[Any, ...], count: int, at: str) -> list[Any]:
    if not within:
        return [Any] * count
    if kind is tuple and not _is_endless(within):
        if len(within) != count:
            raise Mismatch(f"`{at}` has not {len(within)} items")
        return list(within)
    return [within[0]] * count


def json_of(value: Any, room: int = _DEPTH) -> Any:
    """*value* as JSON. Raises: Mismatch."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return json_of(value.value, room)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        if not -_INTEGER <= value < _INTEGER:
            raise Mismatch("it answered an `int` beyond 64 bits; answer it as `str`")
        return int(value)
    if isinstance(value, float):
        if value - value != 0:
            raise Mismatch("it answered a `float` that is no number")
        return float(value)
    if room <= 0:
        raise Mismatch("it answered what is nested too deep")
    return _json_of_more(value, room - 1)


def _json_of_more(value: Any, room: int) -> Any:
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: json_of(getattr(value, one.name), room) for one in dataclasses.fields(value)}
    if isinstance(value, collections.abc.Mapping):
        if not all(isinstance(key, str) for key in value):
            raise Mismatch("it answered a mapping with a key that is no `str`")
        return {str(key): json_of(one, room) for key, one in value.items()}
    if isinstance(value, list | tuple | collections.abc.Set):
        items = [json_of(one, room) for one in value]
        return items if not isinstance(value, collections.abc.Set) else _sorted(items)
    raise Mismatch(f"it answered a `{_called(type(value))}`, which has no form in JSON")


def _sorted(items: list[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:
        return items


def _called(kind: Any) -> str:
    return getattr(kind, "__qualname__", None) or str(kind)
