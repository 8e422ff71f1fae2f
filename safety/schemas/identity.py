"""What makes two JSON values equal for a schema: the number, not how it is written; `true` is never `1`."""

from collections.abc import Mapping

from holdfast.contracts import Json
from holdfast.contracts.json_values import canonical


def identity(value: Json) -> str | bytes:
    """A key that is the same for equal values and for no others, cheap to hash and safe from chosen collisions.

    A string is its own key. Anything else is its canonical text, in bytes, after numbers are made alike. Nesting is
    that of the value, which was bounded before.
    """
    match value:
        case str():
            return value
        case bool() | None:
            return b"true" if value else b"null" if value is None else b"false"
        case int():
            return b"%d" % value
        case float():
            return b"%d" % int(value) if value.is_integer() else repr(value).encode()
        case _:
            pass
    return canonical(_alike(value))


def _alike(value: Json) -> Json:
    match value:
        case bool() | None | str() | int():
            return value
        case float():
            return int(value) if value.is_integer() else value
        case list():
            return [_alike(item) for item in value]
        case Mapping():
            return {key: _alike(item) for key, item in value.items()}
