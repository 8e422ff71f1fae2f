"""Compiles patterns with RE2 to search bytes in linear time. The one place of the detectors that knows the library."""

from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

import re2

_RE2: Final = cast("Any", re2)
_UNANCHORED: Final = _RE2._re2.RE2.Anchor.UNANCHORED  # noqa: SLF001 -- as above
_MEMORY: Final = 16 << 20
"""Bytes RE2 may spend on one expression's automata; beyond it, it goes on more slowly."""


class Found(Protocol):
    """One match."""

    def start(self) -> int:
        """First byte of it."""
        ...

    def end(self) -> int:
        """One past the last."""
        ...

    def span(self, group: int = 0) -> tuple[int, int]:
        """First byte of *group* and one past its last; -1 twice when it took no part."""
        ...


class Expression(Protocol):
    """A compiled pattern."""

    @property
    def groups(self) -> int:
        """How many groups it has."""
        ...

    def search(self, text: bytes, pos: int = 0, endpos: int | None = None) -> Found | None:
        """The leftmost match that begins at *pos* or after and ends at *endpos* or before."""
        ...


def expression(pattern: str) -> Expression:
    """Compile *pattern*, which is ASCII, to read bytes one by one, as hyperscan does.

    Raises: ValueError when RE2 does not read it.
    """
    options = _RE2.Options()
    options.encoding = _RE2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        compiled = _RE2.compile(pattern.encode("ascii"), options)
    except _RE2.error:
        raise ValueError("is not a pattern that RE2 reads") from None
    return _Compiled(compiled)


class _Compiled:
    """One pattern. It asks the library's engine itself: its `search` takes as long again to ask it for us."""

    __slots__ = ("_engine", "groups")

    def __init__(self, compiled: Any) -> None:
        self._engine = compiled._regexp  # noqa: SLF001 -- the tests fail when it is gone
        self.groups: int = compiled.groups

    def search(self, text: bytes, pos: int = 0, endpos: int | None = None) -> Found | None:
        """See `Expression`."""
        end = len(text) if endpos is None else min(endpos, len(text))
        if pos > end:
            return None
        spans = self._engine.Match(_UNANCHORED, text, pos, end)
        return _Spans(spans) if spans[0][0] >= 0 else None


class _Spans:
    """Where a match and its groups stand."""

    __slots__ = ("_spans",)

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self._spans = spans

    def start(self) -> int:
        """See `Found`."""
        return self._spans[0][0]

    def end(self) -> int:
        """See `Found`."""
        return self._spans[0][1]

    def span(self, group: int = 0) -> tuple[int, int]:
        """See `Found`."""
        return self._spans[group]
