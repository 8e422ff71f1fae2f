"""Turns names and numbers of a schema into words an agent may be shown; it never takes words from a value."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from holdfast.contracts.json_values import canonical

MAX_TOKEN: Final = 40
MAX_POINTER: Final = 200
MAX_NAMES: Final = 12

KINDS: Final = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def quoted(text: str, *, limit: int = MAX_TOKEN) -> str:
    """*text* between backticks, cut to *limit* characters, with whatever does not print replaced."""
    return f"`{cleaned(text, limit=limit)}`"


def cleaned(text: str, *, limit: int = MAX_TOKEN) -> str:
    """*text* on one line, cut to *limit* characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "\u2026"
    return "".join(char if char.isprintable() and char != "`" else "?" for char in cut)


def pointer(path: Iterable[str | int]) -> str:
    """*path* as a JSON pointer (RFC 6901), cleaned and cut; empty for the root."""
    whole = "".join("/" + cleaned(str(part).replace("~", "~0").replace("/", "~1")) for part in path)
    return cleaned(whole, limit=MAX_POINTER)


def listed(values: Sequence[str]) -> str:
    """Names in backticks, the first dozen of them."""
    shown = ", ".join(quoted(value) for value in values[:MAX_NAMES])
    return f"{shown} and {len(values) - MAX_NAMES} more" if len(values) > MAX_NAMES else shown


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 item`, `2 items`, `2 properties`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def kind(types: str | Sequence[str]) -> str:
    """`must be` and what a `type` keyword admits."""
    names = (types,) if isinstance(types, str) else types
    return "must be " + " or ".join(KINDS.get(name, "of a known type") for name in names)


def choices(members: Sequence[Any]) -> str:
    """`must be one of` and *members*, which the schema shows to everybody; their number when some are no scalars."""
    scalars = [member for member in members if not isinstance(member, list | dict)]
    quantifier = "" if len(members) == 1 else "one of "
    if len(scalars) != len(members):
        return f"must be {quantifier}{counted(len(members), 'value')} that the schema names"
    return f"must be {quantifier}{listed([_written(scalar) for scalar in scalars])}"


def _written(scalar: Any) -> str:
    return scalar if isinstance(scalar, str) else canonical(scalar).decode()
