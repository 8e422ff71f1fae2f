"""Takes what detectors found out of an input, and says which facts are then not what policy saw. It finds nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from holdfast.contracts import Action, Finding, Json
from holdfast.contracts.json_values import map_strings, strings

from ...redaction import redact
from .values import PolicyInput

LAYERS: Final = frozenset({"leaks", "credentials", "pii"})
"""Whose findings point at what must not be kept, notes of them too."""
_WHOLE: Final = ("flood", "unread")
"""Rules that say what was not looked at: the whole text goes."""
_GONE: Final = "[REDACTED]"


def redacted(
    arguments: Mapping[str, Json],
    found: Sequence[Finding],
    write: Callable[[Mapping[str, Json]], PolicyInput | None],
) -> PolicyInput | None:
    """What *write* makes of *arguments* without what was *found* in them; None where it makes nothing of either.

    `part` of each finding counts the strings of *arguments* in document order.
    """
    whole = write(arguments)
    texts = list(strings(arguments))
    spans = [_taken(one, texts) for one in found if one.layer in LAYERS]
    if not spans:
        return whole
    clean = iter(redact(texts, spans))
    rebuilt = map_strings(dict(arguments), lambda _old: next(clean))
    if whole is None or not isinstance(rebuilt, dict):
        return None
    written = write(rebuilt)
    if written is None:
        return None
    removed = [texts[one.part][one.start : one.end].casefold() for one in spans]
    return _without(written, whole, [one for one in removed if one.strip()])


def _taken(finding: Finding, texts: Sequence[str]) -> Finding:
    if finding.rule.rpartition("/")[2] in _WHOLE and 0 <= finding.part < len(texts):
        return replace(finding, action=Action.REDACT, start=0, end=len(texts[finding.part]))
    return replace(finding, action=Action.REDACT)


def _without(written: PolicyInput, whole: PolicyInput, removed: Sequence[str]) -> PolicyInput:
    """*written*, with every fact that differs from the one in *whole* named, and none that still holds a *removed*."""
    facts: dict[tuple[str, ...], Json] = {}
    hidden = {name for name, value in _facts(whole) if written.fact(name) != value}
    hidden |= {name for name, value in _facts(written) if whole.fact(name) != value}
    for name, value in _facts(written):
        if any(piece in text.casefold() for text in strings(value) for piece in removed):
            hidden.add(name)
            facts["context", *name.split(".", 1)] = map_strings(
                value, lambda text: _GONE if _holds(text, removed) else text
            )
    cleaned = written.put(facts) if facts else written
    return replace(cleaned, hidden=frozenset(hidden))


def _holds(text: str, removed: Sequence[str]) -> bool:
    folded = text.casefold()
    return any(piece in folded for piece in removed)


def _facts(given: PolicyInput) -> Iterator[tuple[str, Json]]:
    for attribute, held in given.context.items():
        if isinstance(held, Mapping):
            yield from ((f"{attribute}.{name}", value) for name, value in held.items())
        else:
            yield attribute, held
