"""The first looks at MCP servers after a start: many at once, each as long as its server takes. It approves nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence


class Looks:
    """Those that are under way, by server; each ends by itself, at the latest when connecting gives up."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def begin(self, names: Sequence[str], look: Callable[[str], Awaitable[None]]) -> None:
        """Look at each of *names*."""

        async def once(name: str) -> None:
            await look(name)

        self._under_way = {name: asyncio.create_task(once(name)) for name in names}

    async def done(self, names: Sequence[str] | None = None, *, within: float | None = None) -> None:
        """Wait until *names* were looked at (None: all), for *within* seconds at most."""
        wanted = self._under_way.values() if names is None else filter(None, map(self._under_way.get, names))
        if waiting := set(wanted):
            await asyncio.wait(waiting, timeout=within)

    async def close(self) -> None:
        """End those that are under way."""
        for look in self._under_way.values():
            look.cancel()
        await self.done()
