"""Cuts an input to what some policies read, or says that they read what it does not hold. It guesses nothing."""

from collections.abc import Mapping

from holdfast.contracts import Json

from ..mentions import Wanted
from .values import PolicyInput, Unclear

_REDACTED = "was redacted when the call was recorded"
_MISSING = "was not recorded: the call is older than this fact"


def narrowed(given: PolicyInput, wants: Wanted) -> dict[str, Json] | Unclear:
    """The context of *given* as far as *wants* goes."""
    hidden = tuple(sorted(name for name in given.hidden if _read(name, wants)))
    if hidden:
        return Unclear(facts=hidden, why=_REDACTED)
    missing = tuple(
        sorted(f"{part}.{name}" for part, name in wants.parts if part != "input" and not _has(given, part, name))
    )
    missing += tuple(sorted(name for name in wants.whole if name != "input" and name not in given.context))
    if missing:
        return Unclear(facts=missing, why=_MISSING)
    seen: dict[str, Json] = {}
    for attribute, held in given.context.items():
        if isinstance(held, Mapping):
            seen[attribute] = {name: value for name, value in held.items() if wants.takes(attribute, name)}
        elif wants.sees(attribute):
            seen[attribute] = held
    return seen


def _read(name: str, wants: Wanted) -> bool:
    attribute, _, field = name.partition(".")
    return wants.takes(attribute, field) if field else wants.sees(attribute)


def _has(given: PolicyInput, attribute: str, name: str) -> bool:
    held = given.context.get(attribute)
    return isinstance(held, Mapping) and name in held
