"""Patterns over values, hosts and workspace paths as an operator writes them. Linear in the text; it judges no labels.

A value is matched in one of two ways, because a mistake is dear on one side only:
1. exactly, where a match takes caution away (`trusted`, `public` for what is read): what is odd about the value, or
   could be read as two, matches no wildcard, and a value beyond ASCII matches only the very same pattern;
2. widely, where a match adds caution (`private`, `untrusted`, what is published): folded, and any piece of a listing.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import re2 as _re2

from holdfast.contracts import Json, OperatorError
from holdfast.contracts.flow import ANY

from .folding import fold_text, fold_value, written

_RE2: Any = _re2
"""The library has no types."""
MAX_PATTERN: Final = 512
_MAX_VALUE: Final = 4096
"""Characters of a value that a wildcard may vouch for."""
_STARS: Final = re.compile(r"(\*+)")

_ODD: Final = re.compile(r"[\s,;<>\"'`\x00-\x1f\x7f\\]")
"""Makes of one receiver two, or hides where one ends: no wildcard matches a value that holds any of them."""
_RUN: Final = r"[^/@,;:<>\"'()`%!\[\]\\\s\x00-\x1f\x7f]*"
_LONG_RUN: Final = r"[^@,;<>\"'()`%!\[\]\\\s\x00-\x1f\x7f]*"
_LISTING: Final = re.compile(r"[,;\n]")


@dataclass(frozen=True, slots=True)
class Value:
    """A pattern over values: `*` is a run without separators, `**` also crosses `/` and `:`."""

    source: str

    def exactly(self, value: Json) -> bool:
        """Whether *value* beyond doubt is what the pattern says."""
        text = written(value)
        if text is None or len(text) > _MAX_VALUE:
            return False
        if not (text.isascii() and self.source.isascii()):
            return unicodedata.normalize("NFC", text) == unicodedata.normalize("NFC", self.source)
        if "*" not in self.source or _ODD.search(text):
            return "*" not in self.source and text.lower() == self.source.lower()
        return _exact(self.source).fullmatch(text.lower()) is not None

    def widely(self, value: Json) -> bool:
        """Whether *value* may be taken for what the pattern says."""
        text = written(value)
        if text is None:
            return False
        program = _wide(self.source)
        return any(program.fullmatch(piece) is not None for piece in _pieces(text))


@lru_cache(maxsize=256)
def _pieces(text: str) -> tuple[str, ...]:
    """*text* folded, and each part of the listing that it may be."""
    parts = _LISTING.split(text) if _LISTING.search(text) else []
    return tuple(dict.fromkeys(fold_text(part) for part in (text, *parts)))


@lru_cache(maxsize=4096)
def _exact(source: str) -> Any:
    return _program(source.lower(), _RUN, _LONG_RUN)


@lru_cache(maxsize=4096)
def _wide(source: str) -> Any:
    return _program(fold_text(source), "[^/]*", ".*")


def _program(source: str, run: str, long_run: str) -> Any:
    parts = (
        _RE2.escape(part) if not part.startswith("*") else run if part == ANY else long_run for part in split(source)
    )
    return _RE2.compile("(?s)" + "".join(parts))


def split(source: str) -> Iterator[str]:
    """The literal parts and the runs of stars of *source*."""
    return (part for part in _STARS.split(source) if part)


def value_pattern(source: str, key: str) -> Value:
    """Read a pattern over values, configured at *key*.

    Raises: OperatorError naming *key*.
    """
    if not source.strip() or len(source) > MAX_PATTERN:
        raise OperatorError(f"`{key}` is empty or longer than {MAX_PATTERN} characters")
    if "***" in source:
        raise OperatorError(f"`{key}` has `***`; write `*` within a segment or `**` across")
    return Value(source)


def name_pattern(source: str, key: str) -> Any:
    """Read a pattern over names of tools, configured at *key*: case counts, a star is any run.

    Raises: OperatorError naming *key*.
    """
    if not source.strip() or len(source) > MAX_PATTERN:
        raise OperatorError(f"`{key}` is empty or longer than {MAX_PATTERN} characters")
    return _program(source, ".*", ".*")


_HOST: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*")
_MAX_HOST: Final = 253
_TWO_READINGS: Final = frozenset("\u00df\u03c2\u200c\u200d\u1e9e")
"""Letters that the two generations of IDNA turn into different names."""


def fold_host(name: str) -> str | None:
    """The one form of a host name or address, in ASCII and without a dot at its end; None for what is neither."""
    plain = name.strip().removeprefix("[").removesuffix("]")
    if _is_address(plain):
        return str(ipaddress.ip_address(plain))
    folded = plain.lower().removesuffix(".")
    if not folded.isascii():
        folded = _ascii_host(folded) or ""
    return folded if len(folded) <= _MAX_HOST and _HOST.fullmatch(folded) else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _ascii_host(name: str) -> str | None:
    if len(name) > _MAX_HOST or not _TWO_READINGS.isdisjoint(name):
        return None
    try:
        return name.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        return None


@dataclass(frozen=True, slots=True)
class Host:
    """A pattern over hosts: a name, or every name below one."""

    name: str
    below: bool

    def matches(self, folded: str) -> bool:
        """Whether the host *folded*, from `fold_host`, is meant."""
        return folded.endswith("." + self.name) if self.below else folded == self.name


def host_pattern(source: str, key: str) -> Host:
    """Read `name` or `*.suffix`, configured at *key*.

    Raises: OperatorError naming *key*.
    """
    below = source.startswith("*.")
    name = fold_host(source.removeprefix("*."))
    if name is None or (below and _is_address(name)):
        raise OperatorError(
            f"`{key}` is no host; write a name, an address or `*.suffix`, letters beyond ASCII as `xn--`"
        )
    return Host(name, below)


DEEP: Final = "**"


@dataclass(frozen=True, slots=True)
class Path:
    """A pattern over workspace paths, as parts: `*` and `**` as in gitignore, from the workspace's root.

    One that ends in a plain name also means what is below it.
    """

    parts: tuple[str, ...]

    def matches(self, key: str) -> bool:
        """Whether the file *key*, a folded key without a wildcard, is meant."""
        return len(self.parts) in self._after(key.split("/"))

    def may_match_below(self, folder: tuple[str, ...]) -> bool:
        """Whether anything below *folder* could be meant."""
        return any(at < len(self.parts) for at in self._after(folder))

    def covers_below(self, folder: tuple[str, ...]) -> bool:
        """Whether everything below *folder* is meant."""
        return any(self.parts[at:] in {(DEEP,), (ANY, DEEP)} for at in self._after(folder))

    def _after(self, segments: Iterable[str]) -> frozenset[int]:
        """How far in the parts one may be when *segments* have been read."""
        here = self._open({0})
        for segment in segments:
            here = self._open({to for at in here for to in self._read(at, segment)})
        return here

    def _read(self, at: int, segment: str) -> Iterator[int]:
        if at < len(self.parts):
            if self.parts[at] == DEEP:
                yield at
            elif _within(self.parts[at]).fullmatch(segment) is not None:
                yield at + 1

    def _open(self, places: set[int]) -> frozenset[int]:
        """*places*, and those behind a `**` that stands for nothing."""
        reached: set[int] = set()
        for at in places:
            reached.add(at)
            while at < len(self.parts) and self.parts[at] == DEEP:
                at += 1  # noqa: PLW2901 -- it walks on from where it starts
                reached.add(at)
        return frozenset(reached)


@lru_cache(maxsize=4096)
def _within(part: str) -> Any:
    return _program(part, ".*", ".*")


def path_pattern(source: str, key: str) -> Path:
    """Read a pattern over workspace paths, configured at *key*; it is folded as places are.

    Raises: OperatorError naming *key*.
    """
    if not source.strip() or len(source) > MAX_PATTERN:
        raise OperatorError(f"`{key}` is empty or longer than {MAX_PATTERN} characters")
    parts = [_part(segment, key) for segment in source.split("/") if segment.strip() not in {"", "."}]
    if not parts:
        raise OperatorError(f"`{key}` names no path; write `**` for the whole workspace")
    if parts[-1] == DEEP:
        return Path((*parts[:-1], ANY, DEEP))
    return Path((*parts, DEEP) if source.rstrip().endswith("/") or "*" not in parts[-1] else tuple(parts))


def _part(segment: str, key: str) -> str:
    plain = segment.strip()
    if plain == DEEP:
        return DEEP
    if plain == ".." or DEEP in plain or "\\" in plain:
        raise OperatorError(f"`{key}` has `..`, a backslash or a `**` that is not a whole segment")
    folded = [part if part == ANY else "/".join(fold_value(part) or ("/",)) for part in split(plain)]
    if any("/" in part for part in folded):
        raise OperatorError(f"`{key}` has a segment that cannot be told; write plain names and `*`")
    return "".join(folded)
