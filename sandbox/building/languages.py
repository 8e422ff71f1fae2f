"""The languages a tool is built from, and which files are its source. Values only."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum, unique
from typing import Final

MOST_SOURCES: Final = 64
MOST_SOURCE_BYTES: Final = 512 << 10
"""All files together."""
SOURCE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}){0,3}")
"""A file's name, perhaps in folders of its own; none begins with a point."""


@unique
class Language(StrEnum):
    """What `holdfast tools new --lang` and `POST /v1/tools/build` know."""

    PYTHON = "python"
    JS = "js"
    C = "c"
    ZIG = "zig"
    WAT = "wat"


TRANSLATED: Final[Mapping[str, Language]] = {
    ".c": Language.C,
    ".zig": Language.ZIG,
    ".wat": Language.WAT,
    ".py": Language.PYTHON,
    ".js": Language.JS,
}
"""By the end of a file's name: what is compiled, or is the tool itself."""
SUFFIXES: Final = frozenset({*TRANSLATED, ".h", ".inc"})
"""All that a build is given to read."""


def is_source(name: str) -> bool:
    """Whether a build reads a file of *name*."""
    return _suffix(name) in SUFFIXES and SOURCE_NAME.fullmatch(name) is not None


def language_of(names: Iterable[str]) -> Language | None:
    """The one language that files of *names* are written in; None when there is none, or more than one."""
    found = {TRANSLATED[suffix] for name in names if (suffix := _suffix(name)) in TRANSLATED}
    return found.pop() if len(found) == 1 else None


def sources_of(names: Iterable[str], language: Language) -> tuple[str, ...]:
    """Those of *names* that are translated for *language*, sorted."""
    return tuple(sorted(name for name in names if TRANSLATED.get(_suffix(name)) is language))


def _suffix(name: str) -> str:
    _, point, end = name.rpartition("/")[2].rpartition(".")
    return point + end
