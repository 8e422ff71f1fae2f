"""Writes what policies read of a call beside principal and tool, and only that: every value costs Cedar 2 µs."""

import json
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, cast

from holdfast.contracts import Json

from .facts import GROUPS, Fact, Judging, of_call
from .mentions import Wanted

_Reader: TypeAlias = tuple[str, str, Callable[[Judging], Json]]
"""Name, path, and how it is read."""

_WRITE: Final = json.JSONEncoder(sort_keys=True).encode
_INPUT: Final = "context.input."


class Context:
    """How the context of a request is written for one set of policies."""

    __slots__ = ("_direct", "_groups", "_inputs")

    def __init__(self, wants: Wanted) -> None:
        self._inputs = wants.of("input")
        self._direct = tuple(_reader(fact) for fact in of_call() if wants.sees(fact.name))
        readers = {
            group: tuple(_reader(fact) for fact in of_call(group) if wants.takes(group, fact.name)) for group in GROUPS
        }
        self._groups = tuple((group, several) for group, several in readers.items() if several)

    def written(self, judging: Judging) -> str:
        """The context of the call that is judged, as JSON."""
        given, arguments, inputs = judging.request.given, judging.written.input, self._inputs
        if given:
            return _WRITE(self._supposed(judging))
        seen: dict[str, Json] = {
            group: {name: read(judging) for name, _, read in readers} for group, readers in self._groups
        }
        seen["input"] = (
            arguments if inputs is None else {name: value for name, value in arguments.items() if name in inputs}
        )
        for name, _, read in self._direct:
            seen[name] = read(judging)
        return _WRITE(seen)

    def _supposed(self, judging: Judging) -> dict[str, Json]:
        """The same where something is given outright."""
        given, arguments = judging.request.given, judging.written.input

        def told(path: str, read: Callable[[Judging], Json]) -> Json:
            return given[path] if path in given else read(judging)

        seen: dict[str, Json] = {
            group: {name: told(path, read) for name, path, read in readers} for group, readers in self._groups
        }
        seen |= {name: told(path, read) for name, path, read in self._direct}
        inputs = self._inputs
        shown = {name: value for name, value in arguments.items() if inputs is None or name in inputs}
        for path, value in given.items():
            if path.startswith(_INPUT):
                shown = _put(shown, path.removeprefix(_INPUT).split("."), value)
        seen["input"] = shown
        return seen


def _reader(fact: Fact[Judging]) -> _Reader:
    return fact.name, fact.path, fact.read


def _put(into: Mapping[str, Json], way: list[str], value: Json) -> dict[str, Json]:
    """*into* with *value* at the end of *way*, where the way is there already."""
    name, *rest = way
    here = into.get(name)
    if not rest:
        return {**into, name: value} if name in into else dict(into)
    if not isinstance(here, Mapping):
        return dict(into)
    return {**into, name: _put(cast("Mapping[str, Json]", here), rest, value)}
