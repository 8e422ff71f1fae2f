"""What a user's words have been used for: one consequential call each, then the same call asks. Judges nothing."""

import time

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from holdfast.contracts import CallId, Digest, SessionId

from .engine import Store
from .schema import uses as table
from .times import Clock


class Uses:
    """The consequential calls made in each line of sessions. No cache: another process may have made one."""

    def __init__(self, store: Store, *, clock: Clock = time.time) -> None:
        self._store = store
        self._clock = clock

    async def spent(self, lineage: SessionId, digest: Digest) -> CallId | None:
        """The call of *lineage* that was the first with that identity, or None when there was none."""
        query = select(table.c.call_id).where(table.c.lineage == lineage, table.c.digest == str(digest))
        found = await self._store.rows(query)
        return CallId(found[0]["call_id"]) if found else None

    async def spend(self, lineage: SessionId, digest: Digest, *, call_id: CallId) -> bool:
        """Note that *call_id* is such a call. False when there was one already: of two that try, one is first."""
        row = {"lineage": lineage, "digest": str(digest), "call_id": call_id, "at": self._clock()}
        try:
            await self._store.change(insert(table).values(row))
        except IntegrityError:
            return False
        return True
