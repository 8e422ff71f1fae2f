"""Turns names and numbers of a schema into words an agent may be shown; it never takes words from a value."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from holdfast.contracts.json_values import canonical

MAX_TOKEN: Final = 40
MAX_POINTER: Final = 200
_OPAQUE_LENGTH = 16
_OPAQUE_DIGITS = 3
_OPAQUE_SHOWN = 4
MAX_NAMES: Final = 12
MAX_COMPARED: Final = 64
"""Known names that an unknown one is compared with; 64 of 40 letters take about 10 ms at the very most."""

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


def free_name(name: str) -> str:
    """*name*, which the schema does not give; only its first letters when it could be a key or token out of place.

    Whoever sent it knows it; whoever reads the record need not.
    """
    digits = sum(char.isdigit() for char in name)
    opaque = len(name) >= _OPAQUE_LENGTH and _OPAQUE_DIGITS <= digits < len(name)
    return f"{name[:_OPAQUE_SHOWN]}\u2026" if opaque else name


def unknown(name: str, known: Iterable[str]) -> str:
    """That a field is not among *known*, the nearest of which is named when *name* looks like a slip."""
    names = sorted(known)
    if not names:
        return "is an unknown field"
    near = _nearest(name, names[:MAX_COMPARED])
    meant = f"did you mean {quoted(near)}? " if near else ""
    return f"is an unknown field; {meant}known here: {listed(names)}"


def _nearest(name: str, names: Sequence[str]) -> str | None:
    """The known name that differs least from *name*, by at most a third of its letters; nothing for long names."""
    if not 1 < len(name) <= MAX_TOKEN:
        return None
    folded = _folded(name)
    near = [(_edits(folded, _folded(each)), each) for each in names if abs(len(each) - len(name)) <= len(name) // 3]
    best = min(near, default=(len(name), ""))
    return best[1] if best[0] <= len(name) // 3 else None


def _folded(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _edits(one: str, other: str) -> int:
    """Letters to put in, take out, change or swap with their neighbour to make *other* of *one*."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for index, char in enumerate(one):
        before, last, row = row, before, [index + 1]
        for place, wanted in enumerate(other):
            cost = min(before[place + 1] + 1, row[place] + 1, before[place] + (char != wanted))
            if last and place and char == other[place - 1] and one[index - 1] == wanted:
                cost = min(cost, last[place - 1] + 1)
            row.append(cost)
    return row[-1]


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
