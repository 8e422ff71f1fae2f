"""Reads the arguments of a built-in tool and writes its schema; never coerces one kind of value into another."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from holdfast.contracts import Authorized, InvalidRequest, Json

Choice = TypeVar("Choice", bound=StrEnum)


def strict_object(properties: Mapping[str, Json], *, required: tuple[str, ...] = ()) -> dict[str, Json]:
    """A schema for an object with exactly *properties*, of which *required* must be there."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def text(call: Authorized, name: str) -> str:
    """The argument *name*.

    Raises: InvalidRequest when it is missing or no string.
    """
    value = call.arguments.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"`{name}` is a string and must be given")
    return value


def text_or(call: Authorized, name: str, default: str) -> str:
    """The argument *name*, or *default* when it is absent. Raises: InvalidRequest when it is no string."""
    return text(call, name) if name in call.arguments else default


def choice_or(call: Authorized, name: str, default: Choice) -> Choice:
    """The argument *name* as one of the closed set that *default* is of, or *default* when it is absent.

    Raises: InvalidRequest when it is none of the set.
    """
    kind = type(default)
    try:
        return kind(text_or(call, name, default.value))
    except ValueError:
        raise InvalidRequest(f"`{name}` is one of " + ", ".join(kind)) from None


def whole_or(call: Authorized, name: str, default: int) -> int:
    """The argument *name*, or *default* when it is absent.

    JSON Schema counts `5.0` as an integer, and so does this.

    Raises: InvalidRequest when it is no whole number of zero or more.
    """
    if name not in call.arguments:
        return default
    value = call.arguments[name]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidRequest(f"`{name}` is a whole number of zero or more")
    return value
