"""What kind of text a file holds, by the end of its name; it opens nothing, and what it does not know is plain text."""

from pathlib import PurePosixPath
from typing import Final

_SOURCE: Final = (
    "astro bash bat bzl c cc cedar cfg clj cmake conf cpp cs css cxx dart diff dockerfile ex exs fish gd go gradle "
    "graphql h hcl hpp hs ini java jl js jsx kt kts less lua m mjs mk ml mm nim nix patch php pl proto ps1 py pyi r rb "
    "rs sass scala scss sh sol sql svelte swift tcl tex tf toml ts tsx vb vue wat wit xml xsl zig zsh"
)
_WHOLE_NAMES: Final = frozenset({"dockerfile"})
_KINDS: Final = {
    **dict.fromkeys(_SOURCE.split(), "text/x-source"),
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "log": "text/x-log",
    "markdown": "text/markdown",
    "md": "text/markdown",
    "tsv": "text/csv",
    "yaml": "application/yaml",
    "yml": "application/yaml",
}
"""HTML is not among them: a file is cleaned as a page only if it begins as one."""


def kind_of(path: str) -> str:
    """The media type of the text in the file at *path*."""
    name = PurePosixPath(path).name.lower()
    _, dot, end = name.rpartition(".")
    return _KINDS.get(end, "text/plain") if dot or name in _WHOLE_NAMES else "text/plain"
