"""Makes a deep copy of JSON that nothing can change by accident; it still is dicts and lists to whoever reads it."""

from collections.abc import Mapping
from typing import Any, NoReturn

from holdfast.contracts import Json


def _refuse(*_arguments: object, **_named: object) -> NoReturn:
    raise TypeError("authorized arguments cannot be changed; copy them first")


class FrozenObject(dict[str, Json]):
    """A JSON object that refuses every change. `dict(it)` is a copy one level deep that does not."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refuse  # pyright: ignore[reportAssignmentType] -- refusing is the point
    clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore[reportAssignmentType] -- as above

    def __deepcopy__(self, _memo: Any) -> "FrozenObject":
        return self


class FrozenArray(list[Json]):
    """A JSON array that refuses every change. `list(it)` is a copy one level deep that does not."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse  # pyright: ignore[reportAssignmentType] -- as above
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse  # pyright: ignore[reportAssignmentType] -- as above

    def __deepcopy__(self, _memo: Any) -> "FrozenArray":
        return self


def frozen(arguments: Mapping[str, Json]) -> FrozenObject:
    """Copy *arguments* to the last level into objects and arrays that refuse every change."""
    return FrozenObject({name: _frozen(value) for name, value in arguments.items()})


def _frozen(value: Json) -> Json:
    if isinstance(value, Mapping):
        return frozen(value)
    if isinstance(value, list):
        return FrozenArray([_frozen(item) for item in value])
    return value
