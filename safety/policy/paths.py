"""Finds the path-like arguments of a call and writes them in one folded form that `like` can search.

The form: every path begins and ends with `/`, its parts are folded (compatibility form, case, invisible characters,
backslashes, percent escapes), and paths are divided by line feeds. So `*/.env/*` finds a part named `.env` in any of
them. Folded text is for what must be kept out; for what alone is let in there is `within`, which is exact. It reads
names only: it follows no link and never looks at a file system.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

from holdfast.contracts import Json

_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PATH_WORDS: Final = frozenset(
    {
        *("path", "paths", "file", "files", "filename", "filenames", "filepath", "filepaths", "uri", "uris"),
        *("dir", "dirs", "directory", "directories", "folder", "folders", "cwd", "root", "roots"),
        *("source", "sources", "src", "destination", "dest", "dst", "target", "targets"),
    }
)
_UNSEEN: Final = frozenset({"Cf", "Cc", "Mn", "Me"})
"""Categories left out of a folded path: format and control characters, and marks that ride on others."""
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show as nothing."""
_MAX_DEPTH: Final = 64
"""No JSON that was read is deeper."""
_MAX_PARTS: Final = 64
"""Parts of a path that says where it lies; bounds what a path of nothing but slashes costs."""


def path_arguments(arguments: Mapping[str, Json]) -> tuple[str, ...]:
    """Every path-like argument as it is written."""
    return tuple(dict.fromkeys(_paths(arguments, _MAX_DEPTH)))


def path_fact(arguments: Mapping[str, Json]) -> dict[str, Json]:
    """Answer `{text, count}`: the folded paths, and how many forms are in it."""
    forms = list(dict.fromkeys(form for path in _paths(arguments, _MAX_DEPTH) for form in _forms(path)))
    return {"text": "\n".join(forms), "count": len(forms)}


def paths_within(arguments: Mapping[str, Json]) -> list[str]:
    """Answer the folders in which every path lies, whether or not its percent signs are escapes; sorted."""
    forms = {form for path in _paths(arguments, _MAX_DEPTH) for form in (path, unquote(path))}
    held = [frozenset(_folders(form)) for form in forms]
    return sorted(held[0].intersection(*held[1:])) if held else []


def _folders(path: str) -> Iterator[str]:
    """Each folder that *path* lies in, and *path*, between `/` and `/`; exact, with `..` taken for what it says.

    None of a path that is not absolute, that climbs over the root, that is too deep, or that another system reads
    otherwise.
    """
    parts: list[str] = []
    written = path.split("/")
    if written[0] or len(written) > _MAX_PARTS or "\\" in path or path.startswith("//") or not path.isprintable():
        return
    for part in written:
        if part == "..":
            if not parts:
                return
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    for end in range(1, len(parts) + 1):
        yield "/" + "".join(f"{part}/" for part in parts[:end])


def _paths(value: Mapping[str, Json], room: int) -> Iterator[str]:
    for name, item in value.items():
        if names_path(name):
            yield from _texts(item, room)
        elif room > 0:
            yield from _within(item, room - 1)


def _within(value: Json, room: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _paths(value, room)
    elif isinstance(value, list) and room > 0:
        for item in value:
            yield from _within(item, room - 1)


def _texts(value: Json, room: int) -> Iterator[str]:
    """Every text of a path-like argument; of an object the names, which are the paths of what they hold."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and room > 0:
        for item in value:
            yield from _texts(item, room - 1)
    elif isinstance(value, Mapping) and room > 0:
        yield from value
        yield from _paths(value, room - 1)


def names_path(name: str) -> bool:
    """Whether an argument called *name* holds paths."""
    words = _WORDS.findall(name)
    return bool(words) and words[-1].lower() in _PATH_WORDS


def _forms(path: str) -> Iterator[str]:
    yield _folded(path)
    if "%" in path:
        yield _folded(unquote(path))


def _folded(path: str) -> str:
    if path.isascii():
        plain = "".join(char for char in path if char.isprintable()).lower()
    else:
        wide = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", path).casefold())
        plain = "".join(char for char in wide if _shows(char))
    parts = [part.strip() for part in plain.replace("\\", "/").split("/")]
    kept = [part.rstrip(". ") or part for part in parts if part]
    return "/" + "".join(f"{part}/" for part in kept)


def _shows(char: str) -> bool:
    return char not in _BLANK_LETTERS and unicodedata.category(char) not in _UNSEEN
