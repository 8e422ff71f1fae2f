"""Keeps what policy saw of calls, redacted, beside the calls themselves. It holds no call up, and decides nothing.

What it keeps is to be looked at and judged again, not to be relied on: when too much comes at once, some is left out
and counted, and what was not written yet when the process dies is gone.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Final

import structlog

from holdfast.contracts import CallId, HoldfastError, Json
from holdfast.contracts.json_values import strings
from holdfast.safety.policy import Denied, PolicyInput, ToolSketch, decided_by, redacted, verdict_of

from .aside import aside
from .dispatch import Asked, Trail
from .store import DecisionInputs, RecordedInput

_log = structlog.get_logger("holdfast.recording")

WAITING: Final = 16 << 20
"""Characters of arguments that may wait to be written, and a few hundred for each call; more are left out."""
_CALL: Final = 512
BATCH: Final = 256
_TOOLS: Final = 4096


class Recorder:
    """Writes in the background, in the order the calls ended."""

    def __init__(self, inputs: DecisionInputs) -> None:
        self._inputs = inputs
        self._weight = 0
        self._waiting: deque[tuple[CallId, float, Asked, Asked | None]] = deque()
        self._known: set[str] = set()
        """Definitions of tools that are kept already."""
        self._writing: asyncio.Task[None] | None = None
        self.left_out = 0
        """Calls that were not kept, because too many came at once or the store would not take them."""

    def keep(self, trail: Trail) -> None:
        """Have what policy saw written soon, if it came to be asked."""
        call_id, asked, gated = trail.call_id, trail.asked, trail.gated
        if asked is None:
            return
        weight = _CALL + _weight(asked, gated)
        if self._weight + weight > WAITING:
            self.left_out += 1
            return
        self._weight += weight
        self._waiting.append((call_id, self._inputs.now(), asked, gated))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def flush(self) -> None:
        """Wait until everything that came so far is written."""
        while self._writing is not None and not self._writing.done():
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            rows: list[RecordedInput] = []
            seen: dict[str, Mapping[str, Json]] = {}
            for call_id, at, asked, gated in batch:
                spec = asked.request.spec
                definition = str(spec.digest)
                if definition not in self._known:
                    seen[definition] = ToolSketch.of(spec).to_json()
                weight = _weight(asked, gated)
                said = await aside(partial(_all_said, asked, gated), characters=weight)
                self._weight -= _CALL + weight
                rows.append(RecordedInput(call_id=call_id, at=at, definition=definition, said=said))
            await self._stored(rows, seen)

    async def _stored(self, rows: list[RecordedInput], seen: dict[str, Mapping[str, Json]]) -> None:
        try:
            await self._inputs.keep(rows, seen)
        except Exception as error:  # noqa: BLE001 -- a full disk is no reason to stop answering calls
            self.left_out += len(rows)
            _log.error("recording.failed", calls=len(rows), error=type(error).__name__)
            return
        if len(self._known) > _TOOLS:
            self._known.clear()
        self._known.update(seen)


def _said(asked: Asked) -> dict[str, Json]:
    """What is kept of one call: what policy saw after redaction, and what it said, as if everything counted."""
    request, bundle = asked.request, asked.bundle

    def write(arguments: Mapping[str, Json]) -> PolicyInput | None:
        return bundle.written_with(request, arguments)

    try:
        given = redacted(request.arguments, asked.found, write)
    except (HoldfastError, ValueError):
        given = None
    decision = asked.decision
    if not isinstance(decision, Denied) and decision.observed is not None:
        decision = decision.observed
    return {
        "input": None if given is None else given.to_json(),
        "profile": bundle.profile,
        "policy": str(bundle.digest),
        "decision": verdict_of(decision),
        "by": [*decided_by(decision)],
        "let": verdict_of(asked.decision),
        "lifted": [*sorted(asked.lifted)],
    }


def _all_said(asked: Asked, gated: Asked | None) -> dict[str, Json]:
    """The first judgement, and that at the gate where it was another."""
    return {**_said(asked), "gate": None if gated is None else _said(gated)}


def _weight(asked: Asked, gated: Asked | None) -> int:
    """Both are of the same arguments, and each holds a copy of its own once it is written."""
    return sum(map(len, strings(asked.request.arguments))) * (1 if gated is None else 2)
