"""Where a call reads, writes and sends: its places, and what the operator's rows say of them. It keeps nothing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from holdfast.contracts import Effect, Json, Label, Place, Refusal, Sink, ToolSpec, Upstream, Wasm
from holdfast.contracts.flow import ANY, FILES
from holdfast.contracts.urls import canonical
from holdfast.safety.flow import (
    Asked,
    Hosts,
    LabelRows,
    Spoken,
    Subject,
    Word,
    call_effects,
    fold_key,
    places,
    sink_of,
    whole,
)
from holdfast.safety.flow import Files as FileNames
from holdfast.sandbox.workspace import Located, Mark

HOSTS: Final = "host"
"""The space of hosts that `http_fetch` reaches."""
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
NOTHING_SAID: Final = Spoken(confidentiality=None, integrity=None)
_READING: Final = frozenset({Effect.READ_PRIVATE, Effect.READ_UNTRUSTED})
_KEEPING: Final = frozenset({Effect.WRITE, Effect.EXECUTE, Effect.SPEND})


class Files(Protocol):
    """What is asked of the workspace."""

    def locate(self, path: str, /) -> Located:
        """Where reading *path* would lead."""
        ...

    def leads(self, path: str, /) -> str | None:
        """Where *path* leads from the root, be it there or not; None: out of it."""
        ...

    def survey(self) -> Mapping[str, Mark] | None:
        """Every file with its mark."""
        ...

    def read(self, path: str, *, offset: int = 0, limit: int | None = None) -> tuple[bytes, int]:
        """Bytes of a file, and its whole size."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What one call touches."""

    effects: frozenset[Effect]
    sink: Sink
    writes: tuple[Place, ...]
    carries: tuple[Place, ...]
    receivers_listed: bool
    file: str | None
    """The file that `file_write` would write, in one spelling and not folded: two files may fold to one place."""
    is_new: bool
    """Nothing stands there."""


class Ground:
    """The operator's rows over the workspace, hosts and upstreams."""

    def __init__(self, rows: LabelRows, files: Files | None) -> None:
        self.rows = rows
        self.files = files

    def touched(self, spec: ToolSpec, arguments: Mapping[str, Json]) -> Touched:
        """What a call of *spec* with *arguments* touches, before it runs."""
        effects = self.effects(spec, arguments)
        writes = self._writes(spec, arguments, effects)
        file = _file_written(spec, arguments)
        is_new = file is not None and self.files is not None and not self.files.locate(file).exists
        carries = places(spec.flow.carries, _space(spec), arguments)
        if own_reading(effects, spec):  # a forward takes along what it reads, as it is there now
            carries = tuple(dict.fromkeys((*carries, *self.reads(spec, arguments, effects))))
        return Touched(
            effects=effects,
            sink=_sink(spec, arguments, effects, staged=spec.flow.staged or is_new),
            writes=writes,
            carries=carries,
            receivers_listed=self._listed(spec, arguments),
            file=file,
            is_new=is_new,
        )

    def effects(self, spec: ToolSpec, arguments: Mapping[str, Json]) -> frozenset[Effect]:
        """The effects of this call; writing where anybody can read is egress."""
        effects = call_effects(spec, arguments)
        if Effect.WRITE not in effects or Effect.EGRESS in effects:
            return effects
        public = self._public(spec, arguments, self._writes(spec, arguments, effects))
        return effects | {Effect.EGRESS} if public else effects

    def reads(
        self, spec: ToolSpec, arguments: Mapping[str, Json], effects: frozenset[Effect], result: Json = None
    ) -> tuple[Place, ...]:
        """The places it reads; after it has run, *result* may say so exactly."""
        if _is_fetch(spec):
            return _hosts(arguments)
        if spec.flow.reads is None:
            return (whole(_space(spec)),) if effects & _READING else ()
        if spec.effects & _READING and not effects & _READING:  # it reads under conditions that this call does not meet
            return ()
        found = places(spec.flow.reads, _space(spec), arguments, result)
        return found if _space(spec) != FILES else tuple(dict.fromkeys((*found, *self._real(arguments))))

    def spoken(
        self, spec: ToolSpec, arguments: Mapping[str, Json], effects: frozenset[Effect], reads: tuple[Place, ...]
    ) -> Spoken:
        """What the operator says of what it reads, at *reads* if that is files."""
        if not effects & _READING:
            return NOTHING_SAID
        if isinstance(spec.runtime, Upstream) or _is_fetch(spec):
            return self.rows.read(subject(spec, arguments))
        return self.rows.read(FileNames(keys=tuple(place.key for place in reads)))

    def written(
        self, spec: ToolSpec, arguments: Mapping[str, Json], effects: frozenset[Effect], result: Json
    ) -> tuple[Place, ...]:
        """The places it has written, now that its answer may name them."""
        if spec.flow.writes is None:
            return self._writes(spec, arguments, effects)
        return places(spec.flow.writes, _space(spec), arguments, result)

    def lists(self, spec: ToolSpec) -> Callable[[str, Json], bool]:
        """Whether a value of an argument of *spec* is on the operator's list."""
        if isinstance(spec.runtime, Upstream):
            return partial(self.rows.lists, spec.runtime.server, _told_as(spec.runtime))
        return _nobody

    def _writes(self, spec: ToolSpec, arguments: Mapping[str, Json], effects: frozenset[Effect]) -> tuple[Place, ...]:
        if _is_fetch(spec):
            return () if _method(arguments) in _SAFE_METHODS else _hosts(arguments)
        sends = Effect.EGRESS in effects and (not effects & _READING or _has_receiver(spec, arguments))
        if not (effects & _KEEPING or sends):
            return ()
        if spec.flow.writes is None:
            return (whole(_space(spec)),)
        return (*places(spec.flow.writes, _space(spec), arguments), *self._new_folders(spec, arguments))

    def _public(self, spec: ToolSpec, arguments: Mapping[str, Json], writes: tuple[Place, ...]) -> bool:
        if isinstance(spec.runtime, Upstream):
            return self.rows.public(subject(spec, arguments))
        return self.rows.public(FileNames(keys=tuple(place.key for place in writes if place.space == FILES)))

    def _listed(self, spec: ToolSpec, arguments: Mapping[str, Json]) -> bool:
        if _is_fetch(spec) or isinstance(spec.runtime, Upstream):
            return self.rows.listed(subject(spec, arguments))
        return False

    def _real(self, arguments: Mapping[str, Json]) -> tuple[Place, ...]:
        """Where a path really leads, beside the path itself; of a folder behind a link, all that is below."""
        path = arguments.get("path")
        real = self.files.locate(path).real if self.files is not None and isinstance(path, str) else None
        if real is None:
            return ()
        key = fold_key(real)
        if real == _plain(str(path)):
            return (Place(FILES, key),) if real else ()  # of the root, the answer names what it shows
        return (Place(FILES, key), Place(FILES, f"{key}/{ANY}")) if key != ANY else (whole(FILES),)

    def _new_folders(self, spec: ToolSpec, arguments: Mapping[str, Json]) -> tuple[Place, ...]:
        """The folders that it would make: their names are its caller's words too."""
        file = _file_written(spec, arguments)
        if file is None or self.files is None:
            return ()
        parts = file.split("/")
        above = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
        return tuple(Place(FILES, fold_key(one)) for one in above if not self.files.locate(one).exists)


def subject(spec: ToolSpec, arguments: Mapping[str, Json]) -> Subject:
    """What the operator's rows are asked about: the host of a fetch, or the call of an upstream's tool."""
    if isinstance(spec.runtime, Upstream):
        return Asked(
            upstream=spec.runtime.server,
            tool=_told_as(spec.runtime),
            arguments=arguments,
            schema=spec.input_schema,
            receivers=spec.flow.receivers,
        )
    return Hosts(names=tuple(host.key for host in _hosts(arguments)))


def _told_as(place: Upstream) -> str:
    """What the operator's rows call it: the server's own name of its tool, or the method: `resources/read`."""
    return place.tool or place.method.value


def labels_learned(
    effects: frozenset[Effect], spoken: Spoken, kept: frozenset[Label], *, foreign_error: bool
) -> frozenset[Label]:
    """What a session learns from an answer: effects, corrected by the operator's rows; and what the places keep."""
    learned = set(kept)
    if effects & _READING:
        private, untrusted = Effect.READ_PRIVATE in effects, Effect.READ_UNTRUSTED in effects
        if spoken.confidentiality is not None:
            private = spoken.confidentiality is Word.PRIVATE
        if spoken.integrity is not None:
            untrusted = spoken.integrity is Word.UNTRUSTED
        learned |= {Label.PRIVATE} if private else set()
        learned |= {Label.UNTRUSTED} if untrusted else set()
    if foreign_error:
        learned.add(Label.UNTRUSTED)
    return frozenset(learned)


def own_reading(effects: frozenset[Effect], spec: ToolSpec) -> bool:
    """Whether the call may send out what it reads itself, which no argument shows: a forward."""
    sends = Effect.WRITE in effects or (bool(spec.flow.receivers) and isinstance(spec.runtime, Upstream))
    sends = sends or isinstance(spec.runtime, Wasm)
    return sends and {Effect.EGRESS, Effect.READ_PRIVATE} <= effects


def in_workspace(spec: ToolSpec) -> bool:
    """Whether the tool's own space is the workspace."""
    return _space(spec) == FILES


def _sink(spec: ToolSpec, arguments: Mapping[str, Json], effects: frozenset[Effect], *, staged: bool) -> Sink:
    sink = sink_of(effects, staged=staged)
    # A query has nobody who keeps what it says; a tool with receivers has.
    return Sink.SEND if sink is Sink.QUERY and _has_receiver(spec, arguments) else sink


def _has_receiver(spec: ToolSpec, arguments: Mapping[str, Json]) -> bool:
    named = any(arguments.get(name.partition(".")[0]) not in (None, "", []) for name in spec.flow.receivers)
    return named and isinstance(spec.runtime, Upstream)


def _file_written(spec: ToolSpec, arguments: Mapping[str, Json]) -> str | None:
    path = arguments.get("path")
    if spec.name != "file_write" or isinstance(spec.runtime, Upstream) or not isinstance(path, str):
        return None
    return _plain(path)


def _plain(path: str) -> str:
    """*path* in one spelling."""
    return "/".join(part for part in path.split("/") if part not in {"", "."})


def _space(spec: ToolSpec) -> str:
    return f"upstream:{spec.runtime.server}" if isinstance(spec.runtime, Upstream) else FILES


def _is_fetch(spec: ToolSpec) -> bool:
    return spec.name == "http_fetch" and not isinstance(spec.runtime, Upstream)


def _method(arguments: Mapping[str, Json]) -> str:
    return str(arguments.get("method") or "GET").upper()


def _hosts(arguments: Mapping[str, Json]) -> tuple[Place, ...]:
    try:
        host = canonical(str(arguments.get("url", ""))).host
    except Refusal:  # the broker refuses it too
        host = ANY
    return (Place(HOSTS, host),)


def _nobody(_argument: str, _value: Json) -> bool:
    return False


def as_texts(found: Iterable[Place]) -> tuple[str, ...]:
    """Places as people read them."""
    return tuple(str(place) for place in found)
