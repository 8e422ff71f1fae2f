"""How big, deep and wide a JSON value is, measured without recursion; it never looks at what the value means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from holdfast.contracts import Json

MAX_BITS: Final = 1_024
"""Of a whole number: 308 digits, where a double ends, and JSON readers stop to agree (RFC 8259)."""
_ANY_BITS = 1 << 62
_CONTAINERS = (dict, list, Mapping)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The shape of a value. A measure that was stopped early holds what was seen until then."""

    depth: int
    """Arrays and objects inside each other; 0 for a scalar."""
    nodes: int
    """Values of any kind; keys are not counted."""
    characters: int
    """In strings and keys."""


class NotJson(Exception):
    """The value holds something JSON cannot hold."""


class LongNumber(Exception):
    """The value holds a whole number that no double comes near."""


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Whether *value* is a JSON array."""
    return isinstance(value, list)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether *value* is a JSON object."""
    return isinstance(value, dict)


def measure(
    value: Json | Mapping[str, Json], *, depth: int, nodes: int, characters: int, bits: int = _ANY_BITS
) -> Extent:
    """Measure *value*, and stop as soon as it is over one of the first three limits.

    Raises: NotJson when it meets another type of value, or a key that is no string; LongNumber for more than *bits*.
    """
    deepest = seen = letters = 0
    pending: list[tuple[Any, int]] = [(value, 1)]
    while pending:
        item, level = pending.pop()
        seen += 1
        if isinstance(item, str):
            letters += len(item)
        elif isinstance(item, _CONTAINERS):
            deepest = max(deepest, level)
            letters += _push(item, level + 1, pending)
        elif isinstance(item, int):
            if item.bit_length() > bits:
                raise LongNumber
        elif item is not None and not isinstance(item, float):
            raise NotJson
        if seen + len(pending) > nodes or deepest > depth or letters > characters:
            return Extent(depth=deepest, nodes=seen + len(pending), characters=letters)
    return Extent(depth=deepest, nodes=seen, characters=letters)


def _push(item: Any, level: int, pending: list[tuple[Any, int]]) -> int:
    if is_array(item):
        pending.extend((child, level) for child in item)
        return 0
    letters = 0
    for key, child in item.items():
        if not isinstance(key, str):
            raise NotJson
        letters += len(key)
        pending.append((child, level))
    return letters
