"""Remembers answers of pure functions, up to a bound; forgets everything when full, and never changes an answer."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """At most *room* answers. Safe to share between threads: a lost answer is only worked out again."""

    __slots__ = ("_held", "_room")

    def __init__(self, *, room: int) -> None:
        self._held: dict[K, V] = {}
        self._room = room

    def recall(self, key: K, work: Callable[[], V]) -> V:
        """Answer what is held for *key*, or do the *work* and hold it."""
        try:
            return self._held[key]
        except KeyError:
            answer = work()
        if len(self._held) >= self._room:
            self._held.clear()
        self._held[key] = answer
        return answer

    def knows(self, key: K, value: V) -> bool:
        """Whether *key* was held before; from now on *value* is, if nothing was."""
        known = key in self._held
        self.recall(key, lambda: value)
        return known
