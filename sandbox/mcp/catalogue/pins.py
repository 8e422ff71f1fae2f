"""Whether an operator approved exactly what an upstream lists now. Pure; approves nothing itself.

1. What is new or changed is withheld until it is approved. What has another name is new.
2. What is approved is a digest, so an approval never follows a name to another definition.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from holdfast.contracts import Digest, Hint, Json, ToolSpec, Upstream

from ..config import ToolEntry, UpstreamConfig
from .definitions import Definition
from .kinds import Kind, key_of, split_key
from .offered import Defined, Listing, Offered


class PinState(StrEnum):
    """Where a definition stands."""

    NEW = "new"
    APPROVED = "approved"
    CHANGED = "changed"
    REMOVED = "removed"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinEntry:
    """One definition and where it stands."""

    kind: Kind = Kind.TOOL
    name: str
    """As its server calls it; empty for instructions."""
    state: PinState
    definition: Defined | None = None
    pinned: Digest | None = None
    reason: str | None = None
    """Why it is quarantined; of another, what to look at twice."""

    @property
    def key(self) -> str:
        """What its approval is kept under."""
        return key_of(self.kind, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueDiff:
    """Everything that is listed or pinned, by kind and name."""

    entries: tuple[PinEntry, ...] = ()

    def approved(self) -> tuple[Definition, ...]:
        """The tools that may be served."""
        return tuple(one for one in self._approved() if isinstance(one, Definition))

    def approved_offers(self) -> tuple[Offered, ...]:
        """Everything else that may be served."""
        return tuple(one for one in self._approved() if isinstance(one, Offered))

    def entry(self, key: str) -> PinEntry | None:
        """Where what is kept under *key* stands: a tool by its name."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def _approved(self) -> Iterator[Defined]:
        for entry in self.entries:
            if entry.state is PinState.APPROVED and entry.definition is not None:
                yield entry.definition


def reconcile(pins: Mapping[str, Digest], listed: Listing) -> CatalogueDiff:
    """Compare what is listed with what was approved. Nothing is approved by it."""
    entries = [_entry(definition, pins.get(definition.key)) for definition in listed.all]
    known = {entry.key for entry in entries}
    for withheld in listed.quarantined:
        if withheld.key not in known:
            known.add(withheld.key)
            entries.append(
                PinEntry(
                    kind=withheld.kind,
                    name=withheld.name,
                    state=PinState.QUARANTINED,
                    pinned=pins.get(withheld.key),
                    reason=withheld.reason,
                )
            )
    entries.extend(_gone(key, pinned) for key, pinned in pins.items() if key not in known)
    return CatalogueDiff(entries=tuple(sorted(entries, key=_order)))


_KINDS: Final = tuple(Kind)


def _order(entry: PinEntry) -> tuple[int, str]:
    return _KINDS.index(entry.kind), entry.name


def _gone(key: str, pinned: Digest) -> PinEntry:
    kind, name = split_key(key)
    return PinEntry(kind=kind, name=name, state=PinState.REMOVED, pinned=pinned)


def spec_of(definition: Definition, config: UpstreamConfig) -> ToolSpec:
    """The tool as the catalogue serves it, with the effects, flow and limits of its upstream's entry."""
    entry = config.tools.get(definition.tool, ToolEntry())
    return ToolSpec(
        name=definition.served,
        title=definition.title,
        description=definition.description,
        input_schema=definition.input_schema,
        output_schema=definition.output_schema,
        effects=config.effects if entry.effects is None else entry.effects,
        flow=entry.flow,
        runtime=Upstream(
            definition.upstream,
            definition.tool,
            hints=_hints(definition.annotations),
            enveloped=config.enveloped,
        ),
        limits=config.limits,
    )


_HINTS: Final = (
    ("readOnlyHint", Hint.READ_ONLY, Hint.NOT_READ_ONLY),
    ("destructiveHint", Hint.DESTRUCTIVE, Hint.NOT_DESTRUCTIVE),
    ("idempotentHint", Hint.IDEMPOTENT, Hint.NOT_IDEMPOTENT),
    ("openWorldHint", Hint.OPEN_WORLD, Hint.NOT_OPEN_WORLD),
)


def _hints(annotations: Mapping[str, Json]) -> frozenset[Hint]:
    """What is said with a plain true or false; anything else says nothing."""
    said = ((annotations.get(name), yes, no) for name, yes, no in _HINTS)
    return frozenset(yes if value else no for value, yes, no in said if isinstance(value, bool))


def _entry(definition: Defined, pinned: Digest | None) -> PinEntry:
    if pinned is None:
        state = PinState.NEW
    elif pinned == definition.digest:
        state = PinState.APPROVED
    else:
        state = PinState.CHANGED
    return PinEntry(kind=definition.kind, name=definition.name, state=state, definition=definition, pinned=pinned)
