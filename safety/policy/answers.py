"""What Cedar says of the calls of one bundle, and what is decided by it; remembered, since calls are much alike.

Keyed by what policies see: closed words and numbers as they are, texts of a call as digests, so no argument is kept.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from holdfast.contracts import ToolSpec

from . import reasons
from .context import Sight
from .decisions import Allowed, Denied, PolicyDecision
from .engine import Answer, Asker, ask
from .lifting import lifting
from .memory import Memory
from .slices import Slice

_Key: TypeAlias = tuple[Asker, frozenset[str], Hashable]
_ROOM: Final = 8192
"""Answers remembered, and decisions; a few hundred bytes each."""


@dataclass(frozen=True, slots=True)
class View:
    """One request as the engine takes it."""

    who: Asker
    slice: Slice
    sight: Sight

    @property
    def context(self) -> str:
        """What policy sees beside principal and tool, as JSON."""
        return self.sight.write()


@final
class Answers:
    """Cedar's answers, and the decisions of *profile* that they lead to."""

    __slots__ = ("_answers", "_decisions", "_profile")

    def __init__(self, profile: str) -> None:
        self._profile = profile
        self._answers: Memory[_Key, Answer] = Memory(room=_ROOM)
        self._decisions: Memory[_Key, PolicyDecision] = Memory(room=_ROOM)

    def of(self, view: View, removed: frozenset[str]) -> Answer:
        """What Cedar says of *view* without the policies *removed*, or said to the very same question."""
        key = (view.who, removed, view.sight.key)
        return self._answers.recall(key, lambda: _asked(view, removed))

    def decision(self, spec: ToolSpec, view: View, removed: frozenset[str]) -> PolicyDecision:
        """What follows for a call of *spec*."""
        key = (view.who, removed, view.sight.key)
        return self._decisions.recall(key, lambda: self._decided(spec, view, removed))

    def _decided(self, spec: ToolSpec, view: View, removed: frozenset[str]) -> PolicyDecision:
        answer = self.of(view, removed)
        if answer.errors:
            return Denied(reason=reasons.failed(answer.errors))
        if answer.allowed:
            return Allowed(permits=tuple(policy.id for policy in view.slice.ordered(answer.matched)))
        forbids = view.slice.ordered(answer.matched)
        asking = tuple(policy for policy in forbids if policy.approval is not None)
        if asking and self.of(view, removed | {policy.id for policy in asking}).allowed:
            return lifting(asking)
        firm = [policy for policy in forbids if policy.approval is None]
        ids = tuple(policy.id for policy in forbids)
        if firm:
            return Denied(reason=reasons.forbidden(firm[0]), forbids=ids)
        return Denied(reason=reasons.no_permit(spec, self._profile), forbids=ids)


def _asked(view: View, removed: frozenset[str]) -> Answer:
    context = view.context
    return ask(view.slice.narrowed(removed, view.who, context), view.who, context)
