"""The walk and the matching behind `file_grep`; bounded in files, bytes and steps, never in the dark about a stop."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Final, TypeAlias

import re2

from holdfast.contracts import SCRUB_MARGIN, CallerError, Entry, InvalidRequest, Refusal, Scrubber, Workspace
from holdfast.contracts.limits import MIB

_MOST_FILES: Final = 5000
_MOST_FOLDERS: Final = 5000
_MOST_BYTES: Final = 64 * MIB
_FILE_BYTES: Final = 4 * MIB
_BLOCK_BYTES: Final = 64 * 1024
"""Searched between two looks at whether the call has ended; a longer line is searched in pieces."""
_PATTERN_MEMORY: Final = 256 * 1024
"""Caps the compiled program at about 10 000 steps, so the slowest search of one block takes seconds, not minutes."""
_SHOWN: Final = 400
"""Bytes of a matching line."""
_FOLDER_ENTRIES: Final = 10_000
_BINARY_LOOK: Final = 8192
_PRUNED: Final = frozenset({".git"})

Pattern: TypeAlias = Any
"""re2's compiled pattern, which has no published type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One matching line: its file, its number from 1, and the start of it."""

    path: str
    line: int
    text: str


def compiled(pattern: str) -> Pattern:
    """*pattern* for searching bytes that are UTF-8, line by line.

    Raises: InvalidRequest when it is not RE2 or too large.
    """
    options = re2.Options()
    options.never_nl = True
    options.never_capture = True
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        return re2.compile(b"(?m)" + pattern.encode("utf-8"), options)  # pyright: ignore[reportUnknownMemberType] -- untyped
    except re2.error:  # pyright: ignore[reportUnknownMemberType] -- untyped
        raise InvalidRequest("`pattern` is not an RE2 regular expression, or expands to too large a one") from None


@dataclass(slots=True, kw_only=True)
class Search:
    """One search: how it is bounded, and what it has found so far."""

    workspace: Workspace
    scrubber: Scrubber
    pattern: Pattern
    limit: int
    ended: Event
    matches: list[Match] = field(default_factory=list[Match])
    files: int = 0
    passed_over: int = 0
    cut: bool = False
    """Something was not searched because a bound was reached."""
    _bytes: int = 0
    _folders: int = 0

    def under(self, path: str) -> "Search":
        """Search the file at *path*, or the files beneath that folder, a folder's own before those further down.

        Raises: what the workspace raises for *path* itself; what cannot be read below it is passed over.
        """
        for name in self._files(path):
            if self._exhausted():
                self.cut = True
                break
            self._file(name)
        return self

    def _exhausted(self) -> bool:
        seen = self.files + self.passed_over
        spent = seen >= _MOST_FILES or self._folders >= _MOST_FOLDERS or self._bytes >= _MOST_BYTES
        return spent or len(self.matches) >= self.limit or self.ended.is_set()

    def _files(self, path: str) -> Iterator[str]:
        try:
            first = self._folder(path)
        except InvalidRequest:
            self.workspace.read(path, limit=0)  # a file; or else it says why neither
            yield "/".join(part for part in path.split("/") if part not in {"", "."})
            return
        entries, waiting = first, list[str]()
        while True:
            yield from (entry.path for entry in entries if entry.kind == "file")
            waiting.extend(entry.path for entry in reversed(entries) if _to_enter(entry))
            if not waiting:
                return
            entries = self._below(waiting.pop())

    def _folder(self, path: str) -> tuple[Entry, ...]:
        entries, cut = self.workspace.entries(path, depth=1, limit=_FOLDER_ENTRIES)
        self._folders += 1
        self.cut = self.cut or cut
        return entries

    def _below(self, path: str) -> tuple[Entry, ...]:
        if self._exhausted():
            self.cut = True
            return ()
        try:
            return self._folder(path)
        except (CallerError, Refusal):
            return ()  # gone or changed since it was listed

    def _file(self, path: str) -> None:
        try:
            data, size = self.workspace.read(path, limit=_FILE_BYTES)
        except (CallerError, Refusal):
            self.passed_over += 1
            return
        self._bytes += len(data)
        if size > _FILE_BYTES or not _is_text(data):
            self.passed_over += 1
            return
        self.files += 1
        self._lines(path, data)

    def _lines(self, path: str, data: bytes) -> None:
        number, counted, position = 1, 0, 0
        for start, end in _blocks(data):
            position = max(position, start)
            while position < end:
                if self._exhausted():
                    self.cut = True
                    return
                found = self.pattern.search(data, position, end)
                if found is None or (found.start() == end and data[end - 1 : end] == b"\n"):
                    break
                first, last = _line_around(data, found.start())
                number, counted = number + data.count(b"\n", counted, first), first
                shown = self._shown(data, first, last, found.end())
                self.matches.append(Match(path=path, line=number, text=shown))
                position = last + 1

    def _shown(self, data: bytes, first: int, last: int, match_end: int) -> str:
        """The piece of the line at *first* that ends no earlier than the match, without part of a secret around it."""
        start = max(first, match_end - _SHOWN)
        end = min(last, start + _SHOWN)
        before = data[max(0, start - SCRUB_MARGIN) : start].decode("utf-8", "ignore")
        piece = data[start:end].decode("utf-8", "ignore")
        after = data[end : end + SCRUB_MARGIN].decode("utf-8", "ignore")
        return self.scrubber.scrub(before + piece + after, len(before), len(before) + len(piece)).removesuffix("\r")


def _blocks(data: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(data):
        end = min(start + _BLOCK_BYTES, len(data))
        if end < len(data):
            end = data.rfind(b"\n", start, end) + 1 or end
        yield start, end
        start = end


def _line_around(data: bytes, position: int) -> tuple[int, int]:
    last = data.find(b"\n", position)
    return data.rfind(b"\n", 0, position) + 1, len(data) if last < 0 else last


def _to_enter(entry: Entry) -> bool:
    return entry.kind == "dir" and entry.path.rpartition("/")[2] not in _PRUNED


def _is_text(data: bytes) -> bool:
    if b"\0" in data[:_BINARY_LOOK]:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
