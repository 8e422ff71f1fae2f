"""Descriptions of a component's functions, from its `package-docs` section. All of it is the component's own text.

The section is optional, and what cannot be read is taken as absent: it describes, and decides nothing.
"""

from collections.abc import Mapping
from typing import Final

from holdfast.contracts.errors import MalformedJson
from holdfast.contracts.json_values import Json, parse

DESCRIPTION_CHARACTERS: Final = 1024
_VERSIONS: Final = (b"\x00", b"\x01")
_DEPTH: Final = 16


class Docs:
    """What one `package-docs` section, of version 0 or 1, says of functions."""

    def __init__(self, section: bytes) -> None:
        self._said = _parsed(section)

    def of(self, path: tuple[str, ...]) -> str:
        """The description of the exported function at *path*, cut; empty when there is none."""
        *instance, function = path
        if instance:
            interface = instance[0].split("/")[-1].split("@")[0]
            return _found(self._said, ("interfaces", interface, "funcs", function))
        worlds = self._said.get("worlds")
        names = worlds.keys() if isinstance(worlds, Mapping) else ()
        said = (_found(self._said, ("worlds", name, "func_exports", function)) for name in names)
        return next((text for text in said if text), "")


def _parsed(section: bytes) -> Mapping[str, Json]:
    text = section[1:] if section[:1] in _VERSIONS else section
    try:
        said = parse(text, max_depth=_DEPTH)
    except MalformedJson:
        return {}
    return said if isinstance(said, dict) else {}


def _found(said: Json | Mapping[str, Json], path: tuple[str, ...]) -> str:
    for name in path:
        said = said.get(name) if isinstance(said, Mapping) else None
    if isinstance(said, Mapping):
        said = said.get("docs")
    return said[:DESCRIPTION_CHARACTERS] if isinstance(said, str) else ""
