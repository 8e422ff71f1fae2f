"""The newest labelled reads of each session, for whoever asks how a call came about. Decides nothing, keeps no file."""

from collections import OrderedDict, deque
from typing import Final

from holdfast.contracts import SessionId, Source

NEWEST: Final = 32
"""Of one session: about what a person reads before answering a question."""
SESSIONS: Final = 1024
"""Sessions remembered, those that read last; the first source of each label is on disk for all of them."""


class Teachings:
    """What sessions of this process have read."""

    def __init__(self) -> None:
        self._read: OrderedDict[SessionId, deque[Source]] = OrderedDict()

    def note(self, session: SessionId, source: Source) -> None:
        """Remember that *session* has read *source*."""
        self._read.setdefault(session, deque(maxlen=NEWEST)).append(source)
        self._read.move_to_end(session)
        if len(self._read) > SESSIONS:
            self._read.popitem(last=False)

    def of(self, session: SessionId) -> tuple[Source, ...]:
        """What *session* read, oldest first."""
        return tuple(self._read.get(session, ()))
