"""The `PinStore` port over the lock file: an approval is what stands there, for the program it was given to."""

from collections.abc import Callable, Mapping

from holdfast.contracts import Digest, NotFound

from .lock import CatalogueLock


class LockedPins:
    """What the lock approves of each server."""

    def __init__(self, lock: CatalogueLock, identity: Callable[[str], Digest | None]) -> None:
        """*identity* answers what a server's name stands for now; None when it stands for nothing."""
        self._lock = lock
        self._identity = identity

    async def get(self, upstream: str, /) -> Mapping[str, Digest]:
        """The approved digests of *upstream*, by key."""
        identity = self._identity(upstream)
        return {} if identity is None else self._lock.approved(upstream, identity)

    async def put(self, upstream: str, definitions: Mapping[str, Digest], /, *, by: str) -> None:
        """Approve them, in one writing.

        Raises: NotFound when there is no such server any more; OperatorError when the file cannot be taken or written.
        """
        identity = self._identity(upstream)
        if identity is None:
            raise NotFound("there is no such upstream")
        self._lock.approve(upstream, identity, definitions, by=by)

    async def remove(self, upstream: str, key: str, /) -> None:
        """Withdraw an approval."""
        self._lock.withdraw(upstream, key)
