"""Finds the URLs that a call's arguments are, read by the reader that the egress broker sends by. It resolves none.

A destination is a text that is a URL as a whole (`scheme://…`), at any depth, and whatever stands under a name that
says so (`url`, `uri`, `endpoint`, …). A URL in the middle of a longer text is no destination,
but each word of a command counts for itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Json, Refusal
from holdfast.contracts.addresses import AddressClass, class_of
from holdfast.contracts.urls import Target, canonical

_URL: Final = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*:/")
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NAMES: Final = frozenset({"url", "urls", "uri", "uris", "href", "endpoint", "endpoints", "webhook", "webhooks"})
_MAX_DEPTH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Destinations:
    """Where a call's arguments lead."""

    targets: tuple[Target, ...]
    unread: bool
    """At least one could not be read in the one way it would be sent: policy cannot tell where it leads."""

    @property
    def classes(self) -> tuple[AddressClass, ...]:
        """What each host is."""
        return tuple(class_of(target.host) for target in self.targets)


def destinations(arguments: Mapping[str, Json], words: Iterable[str] = ()) -> Destinations:
    """Read every destination in *arguments*, and among the *words* of commands."""
    targets: list[Target] = []
    unread = False
    for text in (*_found(arguments, _MAX_DEPTH), *filter(_URL.match, words)):
        try:
            targets.append(canonical(text))
        except Refusal:
            unread = True
    return Destinations(targets=tuple(targets), unread=unread)


def _found(value: Json | Mapping[str, Json], room: int, *, named: bool = False) -> Iterator[str]:
    if isinstance(value, str):
        if named or _URL.match(value):
            yield value
    elif room > 0 and isinstance(value, Mapping):
        for name, item in value.items():
            yield from _found(item, room - 1, named=_is_named(name) or (named and not isinstance(item, Mapping)))
    elif room > 0 and isinstance(value, list):
        for item in value:
            yield from _found(item, room - 1, named=named)


def _is_named(name: str) -> bool:
    words = _WORDS.findall(name)
    return bool(words) and words[-1].lower() in _NAMES
