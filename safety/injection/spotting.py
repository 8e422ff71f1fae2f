"""Tells which expressions may match in a stretch of text, by the phrases they need, in one pass. It judges nothing."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from holdfast.contracts import Digest

from ..expressions import expression
from .literals import Condition, conditions, squeezed

try:
    import hyperscan as _hyperscan
except ImportError:  # pragma: no cover -- platforms without a wheel
    hyperscan: Any = None
else:
    hyperscan = _hyperscan

_LONGEST: Final = 12_000
"""Characters of one expression for the engine, which refuses more than sixteen thousand."""
_MAGIC: Final = b"holdfast-signals-1\n"
_HEADER: Final = len(_MAGIC) + 2 * 64
_SIZE: Final = 8


class Spotter(Protocol):
    """Anything that says which patterns may match, and which signs do."""

    def spot(self, data: bytes) -> tuple[Sequence[int], Sequence[int]]:
        """Numbers of the patterns that may match in *data*, and of the signs that do. Thread-safe."""
        ...

    def dump(self) -> bytes:
        """What `open_spotter` can start from the next time; empty when there is nothing to keep."""
        ...


def open_spotter(patterns: Sequence[str], signs: Sequence[str], kept: bytes | None = None) -> Spotter:
    """The fastest this machine has.

    *kept* is an earlier `dump` for the same patterns and signs, made anew when it is anything else. It is native code
    in effect: the caller must know where the bytes come from.
    """
    if hyperscan is None:
        return PlainSpotter(patterns, signs)  # pragma: no cover -- platforms without a wheel
    return HyperscanSpotter(patterns, signs, kept)


class PlainSpotter:
    """The fallback: one phrase after the other; slower by orders of magnitude, with the same answer."""

    def __init__(self, patterns: Sequence[str], signs: Sequence[str]) -> None:
        self._needed = tuple(conditions(pattern) for pattern in patterns)
        self._signs = tuple(expression(sign) for sign in signs)

    def spot(self, data: bytes) -> tuple[Sequence[int], Sequence[int]]:
        """Look for each phrase until one of its condition is there."""
        words = squeezed(data)
        patterns = [
            number
            for number, needed in enumerate(self._needed)
            if all(any(phrase in words for phrase in one) for one in needed)
        ]
        return patterns, [number for number, sign in enumerate(self._signs) if sign.search(data)]

    def dump(self) -> bytes:
        """Nothing to keep."""
        return b""


class HyperscanSpotter:
    """Two block databases: conditions joined into patterns by the engine itself, and signs."""

    def __init__(self, patterns: Sequence[str], signs: Sequence[str], kept: bytes | None = None) -> None:
        needed = [conditions(pattern) for pattern in patterns]
        self._always = [number for number, one in enumerate(needed) if not one]
        phrases = list(_joined(needed))
        once = hyperscan.HS_FLAG_SINGLEMATCH
        written = [(number, sign.encode("ascii"), once) for number, sign in enumerate(signs)]
        self._identity = _identity(phrases, written)
        first, second = _loaded(kept, self._identity) or (_compiled(phrases), _compiled(written))
        self._phrases, self._signs = _Database(first), _Database(second)

    def spot(self, data: bytes) -> tuple[Sequence[int], Sequence[int]]:
        """Scan *data* once for phrases and once for signs."""
        return self._always + self._phrases.found(squeezed(data)), self._signs.found(data)

    def dump(self) -> bytes:
        """Both databases, bound to what they look for and to this version of the engine."""
        first, second = (bytes(hyperscan.dumpb(one.native)) for one in (self._phrases, self._signs))
        body = len(first).to_bytes(_SIZE) + first + second
        return _header(self._identity, body) + body


def _identity(*expressions: Sequence[tuple[int, bytes, int]]) -> str:
    return Digest.of(f"{hyperscan.__version__}\n{expressions}".encode()).hex


def _header(identity: str, body: bytes) -> bytes:
    """Binds *body* to what it looks for and shows damage; who made it is shown by the key of whoever keeps it."""
    return _MAGIC + identity.encode("ascii") + Digest.of(body).hex.encode("ascii")


def _loaded(kept: bytes | None, identity: str) -> tuple[Any, Any] | None:
    if kept is None or kept[:_HEADER] != _header(identity, kept[_HEADER:]):
        return None
    body = kept[_HEADER:]
    size = _SIZE + int.from_bytes(body[:_SIZE])
    try:
        return (
            hyperscan.loadb(body[_SIZE:size], hyperscan.HS_MODE_BLOCK),
            hyperscan.loadb(body[size:], hyperscan.HS_MODE_BLOCK),
        )
    except hyperscan.HyperscanError:
        return None


def _compiled(expressions: Sequence[tuple[int, bytes, int]]) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    numbers, written, flags = ([*column] for column in zip(*expressions, strict=True))
    database.compile(expressions=written, ids=numbers, elements=len(numbers), flags=flags)
    return database


def _joined(needed: Sequence[Sequence[Condition]]) -> Iterator[tuple[int, bytes, int]]:
    """Number, expression and flags: phrases that report nothing, and a combination of them for each pattern."""
    once, quiet, joint = hyperscan.HS_FLAG_SINGLEMATCH, hyperscan.HS_FLAG_QUIET, hyperscan.HS_FLAG_COMBINATION
    numbers: dict[Condition, list[int]] = {}
    fresh = len(needed)
    for one in (one for each in needed for one in each):
        if one not in numbers:
            choices = list(_choices(one))
            numbers[one] = list(range(fresh, fresh + len(choices)))
            yield from ((number, choice, once | quiet) for number, choice in zip(numbers[one], choices, strict=True))
            fresh += len(choices)
    for number, each in enumerate(needed):
        parts = [" | ".join(map(str, numbers[one])) for one in each]
        if parts:  # the engine wants an operator in each combination
            yield number, " & ".join(f"({part})" for part in (*parts, parts[0])).encode("ascii"), once | joint


def quoted(text: str) -> str:
    """An expression for exactly the bytes that *text* is in Latin-1."""
    return "".join(f"\\x{byte:02x}" for byte in text.encode("latin-1"))


def _choices(condition: Condition) -> Iterator[bytes]:
    """*condition* as alternatives, in as few expressions as the engine takes."""
    gathered: list[bytes] = []
    size = 0
    for phrase in sorted(condition):
        written = quoted(phrase.decode("latin-1")).encode("ascii")
        if size + len(written) > _LONGEST:
            yield b"(?:%b)" % b"|".join(gathered)
            gathered, size = [], 0
        gathered.append(written)
        size += len(written) + 1
    yield b"(?:%b)" % b"|".join(gathered)


class _Database:
    """One hyperscan database that reports each expression at most once; each thread has a scratch of its own."""

    def __init__(self, native: Any) -> None:
        self.native = native
        self._local = threading.local()

    def found(self, data: bytes) -> list[int]:
        """Numbers of what occurs in *data*."""
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self.native)
        found: list[int] = []

        def seen(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            found.append(number)

        self.native.scan(data, seen, 0, None, scratch)  # by place: by name it takes as long again on a short text
        return found
