"""Has the policies read again while the server runs: on the record, whole or not at all. It judges nothing.

1. A set that does not load is refused with its reason, and the one before goes on judging.
2. The change is on the record before it counts; what was asked for under the old set is no longer approved by it.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import structlog

from holdfast.contracts import HoldfastError, OperatorError

from .audit import AuditLog
from .policies import Policies, Prepared

_log = structlog.get_logger("holdfast.policies")

LOOK_S: Final = 1.0
"""Between two looks at the folder; a set is loaded once it looks the same twice, so not in the middle of an edit."""
_TRIES: Final = 8
"""A tool that comes or goes meanwhile makes a loaded set one of yesterday's tools; it is then loaded again."""


class Reloading:
    """Reads the policies of one house again."""

    def __init__(self, policies: Policies, audit: AuditLog) -> None:
        self._policies = policies
        self._audit = audit
        self._turn = asyncio.Lock()
        self.refused: str | None = None
        """Why what the folder held when it was last read does not judge."""
        self._running: set[asyncio.Task[None]] = set()

    async def reload(self, *, by: str) -> Prepared:
        """Load what the folder holds now, and let it judge.

        Raises: OperatorError naming what is wrong with the files; nothing changed then.
        """
        async with self._turn:
            try:
                adopted = await self._adopted(by)
            except OperatorError as error:
                self.refused = error.message
                before = str(self._policies.current().digest)
                self._audit.event("policy", {"decision": "refused", "before": before, "by": by})
                _log.error("policy.refused", why=error.message, judging=before)
                raise
            self.refused = None
            return adopted

    async def _adopted(self, by: str) -> Prepared:
        for _ in range(_TRIES):
            prepared = await asyncio.to_thread(self._policies.prepare)
            said = {"before": str(prepared.before), "after": str(prepared.after)}
            await self._audit.durable(self._audit.event("policy", {"decision": "loaded", **said, "by": by}))
            if self._policies.adopt(prepared):
                _log.info("policy.loaded", **said)
                return prepared
        raise OperatorError("the tools change faster than policies can be loaded for them", remedy="try again")

    @contextlib.asynccontextmanager
    async def listening(self, *, watch: bool) -> AsyncGenerator[None]:
        """Reload on SIGHUP, and with *watch* when a file in the folder changes, while the block runs."""
        loop = asyncio.get_running_loop()
        hears = self._hears(loop)
        watching = loop.create_task(self._watch(self._policies.folder)) if watch and self._policies.folder else None
        try:
            yield
        finally:
            if watching is not None:
                watching.cancel()
            if hears:
                loop.remove_signal_handler(signal.SIGHUP)
            await asyncio.gather(*self._running, return_exceptions=True)

    def _hears(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Reload on SIGHUP from here on; False where there are no signals: in a thread, on another system."""
        try:
            loop.add_signal_handler(signal.SIGHUP, self._begin, "signal")
        except (NotImplementedError, RuntimeError):
            return False
        return True

    def _begin(self, by: str) -> None:
        task = asyncio.get_running_loop().create_task(self._quietly(by))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _quietly(self, by: str) -> None:
        """Reload; what is wrong was logged, and nobody waits for it."""
        try:
            await self.reload(by=by)
        except HoldfastError:
            pass
        except Exception as error:  # noqa: BLE001 -- whatever a file makes of us, the next change is looked at too
            self.refused = f"the folder could not be read ({type(error).__name__}); `holdfast policy check` may say why"
            _log.error("policy.refused", why=self.refused)  # no traceback: it may hold what the files hold

    async def _watch(self, folder: Path) -> None:
        judged = seen = await asyncio.to_thread(_look, folder)
        while True:
            await asyncio.sleep(LOOK_S)
            before, seen = seen, await asyncio.to_thread(_look, folder)
            if seen == before and seen != judged:
                judged = seen
                await self._quietly("file")


def _look(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Names, sizes and times of the files a set is made of; what cannot be looked at is not there."""
    found: set[tuple[str, int, int]] = set()
    for path in (one for kind in ("*.cedar", "*.yaml", "*.yml") for one in folder.rglob(kind)):
        with contextlib.suppress(OSError):
            status = path.stat()
            found.add((str(path.relative_to(folder)), status.st_size, status.st_mtime_ns))
    return frozenset(found)
