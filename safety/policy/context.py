"""Reads what policies look at in a call beside principal and tool, and only that: every value costs Cedar 2 µs."""

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from holdfast.contracts import Digest, Json

from .facts import GROUPS, Fact, Judging, Kind, of_call
from .mentions import Wanted

_Reader: TypeAlias = tuple[str, str, Callable[[Judging], Json]]
"""Name, path, and how it is read."""

_WRITE: Final = json.JSONEncoder(sort_keys=True).encode
_INPUT: Final = "context.input."
_LISTS: Final = frozenset({Kind.TEXTS, Kind.WHOLES})


@dataclass(frozen=True, slots=True)
class Sight:
    """What one set of policies sees of one call."""

    key: Hashable
    """Equal for two calls where policies see the same of both. Holds no text of a call, only its digest."""
    write: Callable[[], str]
    """It as the context of a request, JSON."""


def sight_of(text: str) -> Sight:
    """Of a context that is written already."""
    return Sight(Digest.of(text.encode("utf-8", "surrogatepass")), lambda: text)


class Context:
    """How the context of a request is read for one set of policies."""

    __slots__ = ("_closed", "_direct", "_groups", "_inputs", "_listed", "_open", "_reads")

    def __init__(self, wants: Wanted) -> None:
        self._inputs = wants.of("input")
        readers = {group: tuple(fact for fact in of_call(group) if wants.takes(group, fact.name)) for group in GROUPS}
        self._groups = {group: tuple(map(_reader, several)) for group, several in readers.items() if several}
        direct = tuple(fact for fact in of_call() if wants.sees(fact.name))
        self._direct = tuple(map(_reader, direct))
        facts = (*(fact for several in readers.values() for fact in several), *direct)
        self._reads = tuple(fact.read for fact in facts)
        places = tuple(enumerate(facts))
        self._open = tuple(at for at, fact in places if _is_open(fact))
        self._listed = tuple(at for at, fact in places if fact.kind in _LISTS and not _is_open(fact))
        self._closed = tuple(at for at, fact in places if fact.kind not in _LISTS and not _is_open(fact))

    def seen(self, judging: Judging) -> Sight:
        """What is seen of the call that is judged."""
        if judging.request.given:
            return sight_of(_WRITE(self._supposed(judging)))
        values, shown = [read(judging) for read in self._reads], self._shown(judging)
        told = [values[at] for at in self._open]
        key = (
            *[values[at] for at in self._closed],
            *[tuple(cast("list[Json]", values[at])) for at in self._listed],
            Digest.of(_WRITE([*told, shown]).encode()) if shown or any(told) else None,
        )
        return Sight(key, lambda: _WRITE(self._placed(values, shown)))

    def written(self, judging: Judging) -> str:
        """The context of the call that is judged, as JSON."""
        return self.seen(judging).write()

    def _shown(self, judging: Judging) -> dict[str, Json]:
        arguments, inputs = judging.written.input, self._inputs
        if inputs is None:
            return arguments
        return {name: value for name, value in arguments.items() if name in inputs} if inputs else {}

    def _placed(self, values: list[Json], shown: dict[str, Json]) -> dict[str, Json]:
        """*values*, which are in the order of the reads, under their names."""
        left = iter(values)
        seen: dict[str, Json] = {
            group: {name: next(left) for name, _, _ in readers} for group, readers in self._groups.items()
        }
        return {**seen, **{name: next(left) for name, _, _ in self._direct}, "input": shown}

    def _supposed(self, judging: Judging) -> dict[str, Json]:
        """The same where something is given outright."""
        given, arguments = judging.request.given, judging.written.input

        def told(path: str, read: Callable[[Judging], Json]) -> Json:
            return given[path] if path in given else read(judging)

        seen: dict[str, Json] = {
            group: {name: told(path, read) for name, path, read in readers} for group, readers in self._groups.items()
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


def _is_open(fact: Fact[Judging]) -> bool:
    """Whether its values are texts that somebody else may have written: no numbers, and no words of ours."""
    return fact.kind in (Kind.TEXT, Kind.TEXTS) and fact.words is None


def _put(into: Mapping[str, Json], way: list[str], value: Json) -> dict[str, Json]:
    """*into* with *value* at the end of *way*, where the way is there already."""
    name, *rest = way
    here = into.get(name)
    if not rest:
        return {**into, name: value} if name in into else dict(into)
    if not isinstance(here, Mapping):
        return dict(into)
    return {**into, name: _put(cast("Mapping[str, Json]", here), rest, value)}
