"""What is remembered of a line of sessions while the server runs: fingerprints, files it made. Never on disk."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from holdfast.contracts import Label, SessionId
from holdfast.safety.flow import Fingerprints, UserRequest

MOST_CONTEXTS: Final = 1_000
"""Lines of sessions remembered, each with at most a few MiB of fingerprints; the one unused longest goes first."""
MOST_FILES: Final = 4_096
LEARNED_CHARACTERS: Final = 256 * 1024
"""Of one output; what lies behind leaves no fingerprint."""


@dataclass(slots=True)
class Context:
    """One line of sessions."""

    prints: Fingerprints = field(default_factory=Fingerprints)
    made: set[str] = field(default_factory=set[str])
    """Files this line has made itself: writing them again destroys nothing of anybody else's."""
    _heard: list[tuple[tuple[str, ...], frozenset[Label]]] = field(
        default_factory=list[tuple[tuple[str, ...], frozenset[Label]]]
    )
    _turn: Lock = field(default_factory=Lock)
    """Long texts are worked on in threads, several at once."""

    def hear(self, texts: Iterable[str], labels: frozenset[Label]) -> None:
        """Remember what *texts* look like, when there is time for it: before anything is next compared with them."""
        with self._turn:
            self._heard.append((tuple(texts), labels))

    def learn(self) -> None:
        """Take the time for what was heard."""
        with self._turn:
            self._catch_up()

    def resembled(self, texts: Iterable[str]) -> frozenset[Label]:
        """The labels that *texts* look like something of."""
        with self._turn:
            self._catch_up()
            return frozenset[Label]().union(*map(self.prints.resembled, texts))

    def _catch_up(self) -> None:
        heard, self._heard = self._heard, []
        for texts, labels in heard:
            room = LEARNED_CHARACTERS
            for text in texts:
                self.prints.learn(text[:room], labels)
                room -= len(text)
                if room <= 0:
                    break

    def made_file(self, path: str) -> None:
        """Remember that it was this line that made the file at *path*."""
        if len(self.made) < MOST_FILES:
            self.made.add(path)


class Contexts:
    """The contexts of one server, and the users' requests as they are compared with."""

    def __init__(self) -> None:
        self._known: OrderedDict[SessionId, Context] = OrderedDict()
        self._requests: OrderedDict[str, UserRequest] = OrderedDict()

    def of(self, line: SessionId) -> Context:
        """The context of the sessions under *line*."""
        context = self._known.get(line)
        if context is None:
            context = self._known[line] = Context()
        self._known.move_to_end(line)
        if len(self._known) > MOST_CONTEXTS:
            self._known.popitem(last=False)
        return context

    def request(self, text: str | None) -> UserRequest | None:
        """*text* ready for comparing; None when the host said nothing of what the user asked."""
        if not text:
            return None
        request = self._requests.get(text)
        if request is None:
            request = self._requests[text] = UserRequest(text)
            if len(self._requests) > MOST_CONTEXTS:
                self._requests.popitem(last=False)
        self._requests.move_to_end(text)
        return request
