"""Whether an operator approved exactly what an upstream lists now. Pure; approves nothing itself.

1. What is new or changed is withheld until it is approved. A tool under another name is new.
2. What is approved is a digest, so an approval never follows a name to another definition.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from holdfast.contracts import Digest, ToolSpec, Upstream

from .config import ToolEntry, UpstreamConfig
from .definitions import Definition, Listing


class PinState(StrEnum):
    """Where a tool stands."""

    NEW = "new"
    APPROVED = "approved"
    CHANGED = "changed"
    REMOVED = "removed"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinEntry:
    """One tool and where it stands."""

    tool: str
    state: PinState
    definition: Definition | None = None
    pinned: Digest | None = None
    reason: str | None = None
    """Why it is quarantined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueDiff:
    """Every tool that is listed or pinned, by name."""

    entries: tuple[PinEntry, ...] = ()

    def approved(self) -> tuple[Definition, ...]:
        """The definitions that may be served."""
        return tuple(
            entry.definition
            for entry in self.entries
            if entry.state is PinState.APPROVED and entry.definition is not None
        )

    def entry(self, tool: str) -> PinEntry | None:
        """Where *tool* stands."""
        return next((entry for entry in self.entries if entry.tool == tool), None)


def reconcile(pins: Mapping[str, Digest], listed: Listing) -> CatalogueDiff:
    """Compare what is listed with what was approved. Nothing is approved by it."""
    entries = [_entry(definition, pins.get(definition.tool)) for definition in listed.definitions]
    known = {entry.tool for entry in entries}
    for withheld in listed.quarantined:
        if withheld.tool not in known:
            known.add(withheld.tool)
            entries.append(
                PinEntry(
                    tool=withheld.tool,
                    state=PinState.QUARANTINED,
                    pinned=pins.get(withheld.tool),
                    reason=withheld.reason,
                )
            )
    entries.extend(
        PinEntry(tool=tool, state=PinState.REMOVED, pinned=pinned) for tool, pinned in pins.items() if tool not in known
    )
    return CatalogueDiff(entries=tuple(sorted(entries, key=lambda entry: entry.tool)))


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
        runtime=Upstream(definition.upstream, definition.tool),
        limits=config.limits,
    )


def _entry(definition: Definition, pinned: Digest | None) -> PinEntry:
    if pinned is None:
        state = PinState.NEW
    elif pinned == definition.digest:
        state = PinState.APPROVED
    else:
        state = PinState.CHANGED
    return PinEntry(tool=definition.tool, state=state, definition=definition, pinned=pinned)
