"""Workspace files that a call names: digested into its approval, so that what was looked at is what runs."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from holdfast.contracts import Digest, HoldfastError, Json, Refusal
from holdfast.contracts.json_values import canonical, strings
from holdfast.contracts.limits import MIB

from .ground import Files

MOST_FILES: Final = 32
MOST_BYTES: Final = 32 * MIB
"""All files of one call together; about 20 ms to digest."""
_LONGEST_NAME: Final = 4096
_EXPANDING: Final = frozenset("$`*?[{~")
"""Characters by which a shell makes other words of a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What a call names in the workspace."""

    files: tuple[tuple[str, str], ...] = ()
    """Path and digest of the content."""
    unresolved: tuple[str, ...] = ()
    """What could not be told, one sentence each, for who approves."""
    digest: Digest = field(init=False)

    def __post_init__(self) -> None:
        written: list[Json] = [[path, digest] for path, digest in self.files]
        object.__setattr__(self, "digest", Digest.of(canonical(written)))

    def to_json(self) -> list[Json]:
        """As an approval shows them."""
        return [{"path": path, "digest": digest} for path, digest in self.files]


NO_REFERENCES: Final = References()


def references_of(arguments: Mapping[str, Json], files: Files | None) -> References:
    """The files of the workspace that *arguments* name, and what could not be told. Reads them whole."""
    if files is None:
        return NO_REFERENCES
    unresolved: list[str] = []
    found: dict[str, str] = {}
    room = MOST_BYTES
    for word in dict.fromkeys(_words(arguments, unresolved)):
        if not word or len(word) > _LONGEST_NAME or not files.locate(word).exists:
            continue
        digest, size = _digest(files, word, room)
        room -= size
        if digest is None or len(found) >= MOST_FILES:
            unresolved.append(f"`{word}` is a folder, or more than an approval can be bound to: look at it yourself")
        else:
            found[word] = str(digest)
    return References(files=tuple(sorted(found.items())), unresolved=tuple(dict.fromkeys(unresolved)))


def _digest(files: Files, path: str, room: int) -> tuple[Digest | None, int]:
    try:
        data, size = files.read(path, limit=room + 1)
    except (HoldfastError, Refusal, OSError):
        return None, 0
    return (Digest.of(data), len(data)) if len(data) == size <= room else (None, 0)


def _words(arguments: Mapping[str, Json], unresolved: list[str]) -> Iterator[str]:
    """Whatever might be a path: every text, its words where it is a script, and what follows an `=`."""
    folder = arguments.get("cwd")
    script = arguments.get("script")
    for text in strings({name: value for name, value in arguments.items() if name != "script"}):
        yield from _readings(text, folder)
    if isinstance(script, str):
        if _EXPANDING & set(script):
            unresolved.append("the script has words that the shell makes others of; what they come to cannot be told")
        try:
            words = shlex.split(script, comments=True)
        except ValueError:
            unresolved.append("the script cannot be read as words; what files it names cannot be told")
            return
        for word in words:
            yield from _readings(word, folder)


def _readings(word: str, folder: Json) -> Iterator[str]:
    for text in (word, word.partition("=")[2], word.strip(";&|<>()")):
        yield text
        if isinstance(folder, str) and folder and text:
            yield f"{folder}/{text}"
