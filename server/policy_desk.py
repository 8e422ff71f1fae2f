"""Shows whoever may read policy what it was asked about: the tools, and recorded calls. It decides nothing.

What is sealed is opened here, where the key is; redacted as it was kept. A tenant is shown its own calls alone.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from holdfast.contracts import Json, TenantId, ToolSpec

from .policy_tools import written
from .store import DecisionInputs, RecordedInput

PAGE: Final = 500
"""Recorded calls that are shown at once, a few kilobytes each."""


class PolicyDesk:
    """What HTTP and its callers read of policy."""

    def __init__(
        self, *, specs: Callable[[], Sequence[ToolSpec]], inputs: DecisionInputs, flush: Callable[[], Awaitable[None]]
    ) -> None:
        """*flush* waits until everything that was recorded so far is in *inputs*."""
        self._specs = specs
        self._inputs = inputs
        self._flush = flush

    def tools(self) -> list[Json]:
        """What policy may know of each tool: name, schema, effects, server."""
        return written(self._specs())

    async def inputs(
        self, tenant: TenantId, *, since: float, after: tuple[float, str] | None, limit: int
    ) -> dict[str, Json]:
        """Up to *limit* recorded calls of *tenant*, the oldest first, from *since* (seconds since the epoch).

        `next`, if it is not null, is where the page after begins: time and id of the last call that was looked at.
        A page may hold none and still have one after it. `unopened` of what was looked at do not open.
        """
        await self._flush()
        page = await self._inputs.page(since, after=after, most=limit)
        own = [row for row in page.rows if _tenant_of(row) == tenant]
        sketches = await self._inputs.tools(frozenset(row.definition for row in own))
        return {
            "inputs": [_shown(row) for row in own],
            "tools": {name: dict(sketch) for name, sketch in sketches.items()},
            "unopened": page.unopened,
            "next": None if page.last is None else f"{page.last[0]!r}~{page.last[1]}",
        }


async def nothing_waits() -> None:
    """Where nothing is recorded, nothing waits to be written."""


def _tenant_of(row: RecordedInput) -> Json:
    """Whose call it was; None, and so nobody's, where its arguments could not be kept."""
    given = row.said.get("input")
    return given.get("tenant") if isinstance(given, Mapping) else None


def _shown(row: RecordedInput) -> Json:
    return {"call_id": row.call_id, "at": row.at, "definition": row.definition, "said": dict(row.said)}
