"""Labels in the middle of a call (the `Labelling` port): what a tool is given and writes while it runs.

1. A session learns before the guest is given: what is cut off in between was learned for nothing, never unlearned.
2. What is written carries everything that the call may know, before it is there.
"""

import time
from collections.abc import Sequence

from holdfast.contracts import Authorized, Label, Place, Source
from holdfast.contracts.flow import FILES
from holdfast.safety.flow import Hosts, Word, fold_key

from ..store import Places, Sessions
from .flow import Flow
from .ground import HOSTS, Ground, as_texts


class Currents:
    """The `Labelling` port of one house."""

    def __init__(self, *, flow: Flow, ground: Ground, sessions: Sessions, places: Places) -> None:
        self._flow = flow
        self._ground = ground
        self._sessions = sessions
        self._places = places

    async def fetched(self, call: Authorized, host: str, /) -> None:
        """What a host answers is a stranger's text and nothing private, unless the operator says otherwise."""
        spoken = self._ground.rows.read(Hosts(names=(host,)))
        learned = set[Label]()
        if spoken.integrity is not Word.TRUSTED:
            learned.add(Label.UNTRUSTED)
        if spoken.confidentiality is Word.PRIVATE:
            learned.add(Label.PRIVATE)
        await self._learn(call, frozenset(learned), (Place(HOSTS, host),))

    async def read(self, call: Authorized, places: Sequence[Place], /) -> None:
        """What is kept at *places* brings the labels that it was written with."""
        asked = _folded(places)
        await self._learn(call, await self._places.labels(call.principal.tenant, asked), asked)

    async def writing(self, call: Authorized, places: Sequence[Place], /) -> None:
        """Mark *places* with the labels of the session, and with those of whatever the tool reads by its entry."""
        labels = await self._flow.labels_to_write(call)
        await self._places.mark(
            call.principal.tenant,
            _folded(places),
            labels,
            call_id=call.call_id,
            tool=call.spec.name,
            session=call.session.id,
        )

    async def invoking(self, call: Authorized, /) -> None:
        """What the tool has read so far may stand in the arguments of the next call: that is judged with its labels."""
        learned, reads = await self._flow.learned(
            call.spec, call.arguments, call.principal, result=None, is_error=False
        )
        await self._learn(call, learned, reads)

    async def grown(self, call: Authorized, /) -> frozenset[Label]:
        """Labels of the session that are new since *call* was let through."""
        now = await self._sessions.get(call.session.id)
        return frozenset() if now is None else now.labels - call.session.labels

    async def _learn(self, call: Authorized, labels: frozenset[Label], places: tuple[Place, ...]) -> None:
        if not labels:
            return
        source = Source(
            call_id=call.call_id, tool=call.spec.name, labels=labels, places=as_texts(places[:8]), at=time.time()
        )
        await self._flow.learn(call.session, labels, principal=call.principal, source=source)


def _folded(places: Sequence[Place]) -> tuple[Place, ...]:
    return tuple(Place(one.space, fold_key(one.key)) if one.space == FILES else one for one in places)
