"""Sign-ins to MCP servers that are under way: begun by one verb, waited for by another. It keeps no token itself."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from holdfast.contracts import Conflict, HoldfastError, NotFound, TenantId, ToolError
from holdfast.sandbox.mcp import Upstreams

MOST: Final = 8
"""Sign-ins at a time."""


@dataclass(frozen=True, slots=True)
class _UnderWay:
    url: "asyncio.Future[str]"
    task: "asyncio.Task[None]"


class Logins:
    """The sign-ins of one house."""

    def __init__(self, connections: Upstreams) -> None:
        self._connections = connections
        self._under_way: dict[str, _UnderWay] = {}

    async def begin(self, name: str, tenant: TenantId) -> str:
        """Where somebody has to sign in to *name* for *tenant*; what was begun before is given up.

        Raises: NotFound; Conflict when there are too many; ToolError when the server does not ask for it, or is broken.
        """
        await self._end(name)
        if len(self._under_way) >= MOST:
            raise Conflict("too many sign-ins are under way", remedy="finish one, or wait five minutes")
        url: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def show(place: str) -> None:
            if not url.done():
                url.set_result(place)

        task = asyncio.create_task(self._connections.sign_in(name, tenant, show))
        self._under_way[name] = _UnderWay(url, task)
        either: set[asyncio.Future[Any]] = {task, url}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if url.done():
            return url.result()
        del self._under_way[name]
        task.result()
        raise ToolError(f"upstream `{name}` let us in without anybody signing in; there is nothing to do")

    async def wait(self, name: str) -> None:
        """Wait until the sign-in to *name* is done.

        Raises: NotFound when none was begun; ToolError when it failed.
        """
        known = self._under_way.get(name)
        if known is None:
            raise NotFound(f"no sign-in to `{name}` is under way", remedy=f"holdfast upstreams login {name}")
        try:
            await asyncio.shield(known.task)
        finally:
            if known.task.done():
                self._under_way.pop(name, None)

    async def close(self) -> None:
        """Give up what is under way."""
        for name in tuple(self._under_way):
            await self._end(name)

    async def _end(self, name: str) -> None:
        known = self._under_way.pop(name, None)
        if known is None:
            return
        known.task.cancel()
        await asyncio.wait({known.task})
        if not known.task.cancelled() and isinstance(known.task.exception(), HoldfastError):
            return  # it had failed, and nobody waited for it
