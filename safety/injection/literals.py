"""Says which words a text must hold for a pattern to match anywhere in it. It matches nothing itself.

A pattern is read as a sequence of parts. A part that can only be one of a few strings is a condition: one of them must
occur. Parts that may be missing, or may be almost anything, ask for nothing; so a condition never costs a match.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

Condition = frozenset[bytes]
"""Phrases of which at least one occurs in every text that the pattern matches, in the terms of `squeezed`."""

SPACE: Final = r"[^0-9a-z\x80-\xff]+"
"""What stands between two words, as the loader writes it."""
_SHORTEST: Final = 3
"""Letters a phrase must have to say anything."""
_MOST_STRINGS: Final = 400
_MOST_CONDITIONS: Final = 3
"""The most telling ones; what few more would spare in searching, the engine would lose in size."""
_ALNUM: Final = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyz")
_SMALL_CLASS: Final = 3
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_COUNT: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}|[?*+]")
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-f]{2})|(.))", re.DOTALL)
_KINDS: Final = frozenset("swdSWD")
_CONTROLS: Final = {"n": b"\n", "t": b"\t", "r": b"\r"}
_BETWEEN: Final = bytes(byte for byte in range(0x80) if byte not in _ALNUM)


@dataclass(frozen=True, slots=True)
class _Part:
    strings: Condition | None
    """Everything it can be, when that is little."""
    conditions: tuple[Condition, ...] = ()
    """What else it asks for."""


_ANYTHING: Final = _Part(None)
_EMPTY: Final[Condition] = frozenset({b""})


def conditions(pattern: str) -> tuple[Condition, ...]:
    """What must occur for *pattern*, of the kind rules are written in, to match; all of the conditions must hold."""
    asked = _asked(_Reader(pattern).choice())
    return tuple(sorted(asked, key=_telling, reverse=True)[:_MOST_CONDITIONS])


def _asked(part: _Part) -> tuple[Condition, ...]:
    if part.strings is None:
        return part.conditions
    phrases = frozenset(map(squeezed, part.strings))
    return (phrases,) if min(map(len, phrases), default=0) >= _SHORTEST else ()


def squeezed(data: bytes) -> bytes:
    """*data* without all that stands between words, so that no way of parting them hides a phrase."""
    return data.translate(None, _BETWEEN)


def _telling(condition: Condition) -> tuple[int, int]:
    return min(map(len, condition)), -len(condition)


class _Reader:
    """Reads a pattern from left to right; the loader has compiled it, so it is well formed."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def choice(self) -> _Part:
        """One alternative or more, up to the end or a closing bracket."""
        parts = [self._sequence()]
        while self._pattern[self._at : self._at + 1] == "|":
            self._at += 1
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else _either(parts)

    def _sequence(self) -> _Part:
        return _joined(list(self._parts()))

    def _parts(self) -> Iterator[_Part]:
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            part = self._atom()
            found = _COUNT.match(self._pattern, self._at)
            if found is not None:
                self._at = found.end()
                part = _counted(part, found)
            yield part

    def _atom(self) -> _Part:
        char = self._pattern[self._at]
        match char:
            case "(":
                self._at += 3 if self._pattern.startswith("(?:", self._at) else 1
                inner = self.choice()
                self._at += 1
                return inner
            case "[" if self._pattern.startswith(SPACE, self._at):
                self._at += len(SPACE)
                return _Part(_EMPTY)
            case "[":
                found = _CLASS.match(self._pattern, self._at)
                body = found[0] if found is not None else char
                self._at += len(body)
                return _class(body[1:-1])
            case "\\":
                return self._escape()
            case ".":
                self._at += 1
                return _ANYTHING
            case _:
                self._at += 1
                return _Part(frozenset({char.encode("ascii")}))

    def _escape(self) -> _Part:
        found = _ESCAPE.match(self._pattern, self._at)
        if found is None:
            return _ANYTHING
        self._at = found.end()
        if found[1]:
            return _Part(frozenset({bytes.fromhex(found[1])}))
        char = found[2]
        if char == "b":
            return _Part(_EMPTY)
        return _ANYTHING if char in _KINDS else _Part(frozenset({_CONTROLS.get(char, char.encode("ascii"))}))


def _class(body: str) -> _Part:
    plain = len(body) <= _SMALL_CLASS and not set(body) & set("^-\\")
    return _Part(frozenset(char.encode("ascii") for char in body)) if plain else _ANYTHING


def _counted(part: _Part, found: re.Match[str]) -> _Part:
    if found[0] == "?" and part.strings is not None:
        return _Part(part.strings | {b""})
    if found[0] in ("?", "*") or found[1] == "0":
        return _ANYTHING
    return _Part(None, _asked(part))


def _joined(parts: Sequence[_Part]) -> _Part:
    """All *parts* after one another; neighbours that are known run together into longer strings."""
    known = _EMPTY
    asked: list[Condition] = []
    whole = True
    for part in parts:
        if part.strings is not None and len(known) * len(part.strings) <= _MOST_STRINGS:
            known = frozenset(left + right for left, right in product(known, part.strings))
            continue
        whole = False
        asked += _asked(_Part(known))
        asked += part.conditions
        known = part.strings if part.strings is not None else _EMPTY
    return _Part(known) if whole else _Part(None, (*asked, *_asked(_Part(known))))


def _either(parts: Sequence[_Part]) -> _Part:
    """One of *parts*: of each that asks for something, the most telling condition."""
    if all(part.strings is not None for part in parts):
        strings = frozenset[bytes]().union(*(part.strings or () for part in parts))
        if len(strings) <= _MOST_STRINGS:
            return _Part(strings)
    asked = [_asked(part) for part in parts]
    if not all(asked):
        return _ANYTHING
    return _Part(None, (frozenset[bytes]().union(*(max(one, key=_telling) for one in asked)),))
