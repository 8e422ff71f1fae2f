"""The calls an upstream works on at a time, and how many of them may be one tenant's. Ends no call."""

import asyncio
from weakref import WeakValueDictionary

from holdfast.contracts import TenantId


def share_of(places: int) -> int:
    """How many of *places* one tenant may hold: all but a quarter, and where there are several, never all."""
    return max(1, places - max(1, places // 4))


class Places:
    """The places at one upstream. Whoever finds none free waits, in the order of coming."""

    def __init__(self, most: int) -> None:
        """*most* at a time, for all tenants together."""
        self._share = share_of(most)
        self._all = asyncio.Semaphore(most)
        self._shares: WeakValueDictionary[TenantId | None, asyncio.Semaphore] = WeakValueDictionary()

    def slot(self, tenant: TenantId | None) -> "Slot":
        """A place for one call of *tenant*, not taken yet."""
        share = self._shares.get(tenant)
        if share is None:
            share = self._shares[tenant] = asyncio.Semaphore(self._share)
        return Slot(share, self._all)


class Slot:
    """One call's place among those an upstream works on at a time."""

    def __init__(self, share: asyncio.Semaphore, places: asyncio.Semaphore) -> None:
        """*share* is what its tenant may hold of *places*."""
        self._share = share
        self._places = places
        self._taking = asyncio.Lock()
        self._held = False

    async def take(self) -> None:
        """Wait for a place, one however often it is asked for: a second one would never be given back."""
        async with self._taking:
            if self._held:
                return
            await self._share.acquire()  # first: who has had its share does not stand in the way of others
            try:
                await self._places.acquire()
            except BaseException:
                self._share.release()
                raise
            self._held = True

    def give(self) -> None:
        """Let somebody else have it."""
        if self._held:
            self._held = False
            self._places.release()
            self._share.release()
