"""Keeps whole cleaned outputs whose end was cut, for the caller that made the call. It forgets the oldest first."""

from collections import OrderedDict

from holdfast.contracts import CallId, Principal, Session

KEPT_BYTES = 64 << 20
"""Memory for all kept outputs together."""


class KeptOutputs:
    """The `Outputs` port, in memory: bound to tenant, principal and session."""

    def __init__(self, *, capacity_bytes: int = KEPT_BYTES) -> None:
        self._capacity = capacity_bytes
        self._held = 0
        self._kept: OrderedDict[tuple[str, str, str, str], str] = OrderedDict()

    def keep(self, call_id: CallId, principal: Principal, session: Session, text: str) -> None:
        """Remember *text* as the output of *call_id*."""
        self._kept[_key(call_id, principal, session)] = text
        self._held += _size(text)
        while self._held > self._capacity:
            _gone, forgotten = self._kept.popitem(last=False)
            self._held -= _size(forgotten)

    def kept(self, call_id: CallId, principal: Principal, session: Session, /) -> str | None:
        """What `keep` was given for exactly this caller and session, or None."""
        return self._kept.get(_key(call_id, principal, session))


def _key(call_id: CallId, principal: Principal, session: Session) -> tuple[str, str, str, str]:
    return (principal.tenant, principal.subject, session.id, call_id)


def _size(text: str) -> int:
    """Upper bound in bytes: CPython holds at most four a character."""
    return len(text) if text.isascii() else 4 * len(text)
