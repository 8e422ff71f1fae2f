"""Finds names of two servers that a reader, or a model, would take for one another. Pure; it looks at names alone.

1. What is approved keeps its name: a name of another server's that reads like it is withheld, and says like whose. The
   same name is no look-alike: the server's own stands before it.
2. Of two that are approved already, the later server's is withheld.
3. A name one letter away from another server's approved one is served once approved, and says so before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from holdfast.contracts import PromptOffer

from ..config import UpstreamConfig
from .definitions import Definition
from .kinds import Kind
from .names import loose, skeleton
from .offered import Offered
from .pins import CatalogueDiff, PinEntry, PinState

_SHORT: Final = 5
"""Names with fewer characters are one letter apart by chance."""


@dataclass(slots=True, kw_only=True)
class _Names:
    """The approved names of some servers."""

    own: dict[tuple[Kind, str], tuple[str, str]] = field(default_factory=dict[tuple[Kind, str], tuple[str, str]])
    """From the skeleton of a server's own name to that name and its server."""
    served: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    near: dict[tuple[Kind, str], tuple[str, str]] = field(default_factory=dict[tuple[Kind, str], tuple[str, str]])
    """From each name with one letter left out."""

    def add(self, server: str, entry: PinEntry) -> None:
        """*entry* of *server* is approved."""
        mine = (entry.name, server)
        self.own.setdefault((entry.kind, skeleton(entry.name)), mine)
        self.served.setdefault(loose(_served(entry)), mine)
        for letters in _without_a_letter(entry.name):
            self.near.setdefault((entry.kind, letters), mine)

    def like(self, entry: PinEntry) -> tuple[str, str] | None:
        """Whose approved name *entry*'s would be taken for."""
        mine = self.own.get((entry.kind, skeleton(entry.name)))
        if mine is not None and mine[0] != entry.name:
            return mine
        return self.served.get(loose(_served(entry)))

    def close(self, entry: PinEntry) -> tuple[str, str] | None:
        """Whose approved name is one letter away."""
        for letters in _without_a_letter(entry.name):
            mine = self.near.get((entry.kind, letters))
            if mine is not None and mine[0] != entry.name:
                return mine
        return None


def told_apart(servers: Sequence[tuple[UpstreamConfig, CatalogueDiff]]) -> Mapping[str, CatalogueDiff]:
    """What is listed of each server, with the names withheld that would be taken for another server's."""
    approved: dict[str, _Names] = {}
    for config, diff in servers:
        names = _Names()
        for entry in _named(diff):
            if entry.state is PinState.APPROVED:
                names.add(config.name, entry)
        approved[config.name] = names
    result: dict[str, CatalogueDiff] = {}
    for place, (config, diff) in enumerate(servers):
        earlier = [approved[one.name] for one, _diff in servers[:place]]
        others = [names for name, names in approved.items() if name != config.name]
        marked = (_marked(entry, earlier if entry.state is PinState.APPROVED else others) for entry in diff.entries)
        result[config.name] = CatalogueDiff(entries=tuple(marked))
    return result


def _marked(entry: PinEntry, others: Sequence[_Names]) -> PinEntry:
    if entry.definition is None or entry.kind not in (Kind.TOOL, Kind.PROMPT):
        return entry
    for names in others:
        like = names.like(entry)
        if like is not None:
            reason = f"its name reads like `{like[0]}` of `{like[1]}`"
            return replace(entry, state=PinState.QUARANTINED, reason=reason)
    if entry.state in (PinState.NEW, PinState.CHANGED):
        close = next((one for names in others if (one := names.close(entry)) is not None), None)
        if close is not None:
            return replace(entry, reason=f"look twice: one letter away from `{close[0]}` of `{close[1]}`")
    return entry


def _named(diff: CatalogueDiff) -> Iterator[PinEntry]:
    return (one for one in diff.entries if one.definition is not None and one.kind in (Kind.TOOL, Kind.PROMPT))


def _served(entry: PinEntry) -> str:
    match entry.definition:
        case Definition(served=served):
            return served
        case Offered(offer=PromptOffer(name=name)):
            return f"{entry.kind}:{name}"
        case _:
            return entry.key


def _without_a_letter(name: str) -> Iterator[str]:
    if len(name) < _SHORT:
        return
    yield name
    for place in range(len(name)):
        yield name[:place] + name[place + 1 :]
