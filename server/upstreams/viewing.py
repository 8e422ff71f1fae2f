"""What operators are shown of MCP servers from elsewhere: how each is, by names of ours. It asks no server anything.

1. No credential, and nothing that could hold one, is in it: of a URL its origin, of a command its program's name.
2. Why a server is down is one of a few names; what it said itself stays on this machine, as does what it logged.
3. Looking at it is not having been shown a definition: what may be approved is what `upstreams show` or `diff` showed.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from typing import Final
from urllib.parse import urlsplit

from holdfast.contracts import Json
from holdfast.sandbox.mcp import CatalogueDiff, PinEntry, UpstreamConfig, UpstreamStatus

from ..catalogue.lockfile import Approval
from .desk import UpstreamDesk

WITHHELD: Final = "approvals"
"""Why nothing of it is served although it can be reached: what approves it cannot be taken."""


class UpstreamViews:
    """The servers of one desk, to be looked at."""

    def __init__(self, desk: UpstreamDesk) -> None:
        self._desk = desk

    def all(self) -> tuple[dict[str, Json], ...]:
        """Each in one row, by name."""
        return tuple(self._row(one) for one in sorted(self._desk.status(), key=lambda status: status.name))

    def one(self, name: str, /) -> dict[str, Json] | None:
        """*name* with all that it lists or listed; None when this configuration knows of none."""
        status = next((one for one in self._desk.status() if one.name == name), None)
        if status is None:
            return None
        approvals = self._desk.approvals(name)
        row = self._row(status)
        row["definitions"] = [_definition(entry, approvals) for entry in status.catalogue.entries]
        return row

    def _row(self, status: UpstreamStatus) -> dict[str, Json]:
        reason = status.reason
        if reason is None and self._desk.fault(status.name) is not None:
            reason = WITHHELD
        connection = self._desk.connections.connection(status.name)
        return {
            "name": status.name,
            "reached": None if connection is None else reached(connection.config),
            "connected": status.connected,
            "version": status.version,
            "breaker": status.breaker.value,
            "reason": reason,
            "counts": _counts(status.catalogue),
        }


def reached(config: UpstreamConfig) -> dict[str, Json]:
    """How the server of *config* is reached. Paths and queries of URLs, and arguments, may be secrets: without them."""
    if config.url is None:
        return {"by": "command", "at": PurePath(config.command[0]).name}
    split = urlsplit(config.url)
    host = split.hostname or ""
    named = f"[{host}]" if ":" in host else host
    return {"by": "url", "at": f"{split.scheme}://{named}" + (f":{split.port}" if split.port else "")}


def _counts(catalogue: CatalogueDiff) -> dict[str, Json]:
    """How many there are, by kind and state; a kind or state of which there is none is left out."""
    found = Counter((entry.kind.value, entry.state.value) for entry in catalogue.entries)
    counts: dict[str, dict[str, Json]] = {}
    for (kind, state), number in sorted(found.items()):
        counts.setdefault(kind, {})[state] = number
    return {**counts}


def _definition(entry: PinEntry, approvals: Mapping[str, Approval]) -> dict[str, Json]:
    approval = approvals.get(entry.key)
    return {
        "key": entry.key,
        "kind": entry.kind.value,
        "state": entry.state.value,
        "why": entry.reason,
        "digest": None if entry.definition is None else str(entry.definition.digest),
        "approved": None if entry.pinned is None else str(entry.pinned),
        "approved_by": None if approval is None else approval.by,
        "approved_at": None if approval is None else approval.at.isoformat(),
    }
