"""A store in a file of its own, a clock that is moved by hand, and principals."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.contracts import Principal, Scope, SessionId, TenantId
from holdfast.server.store import Store


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path / 'holdfast.db'}", key=bytes(32))
    yield opened
    await opened.close()


@pytest.fixture
def principal():
    def make(subject: str = "alice", *, tenant: str = "acme", session: str | None = None, local: bool = False):
        return Principal(
            subject=subject,
            tenant=TenantId(tenant),
            scopes=frozenset({Scope.CALL}),
            token_id=None if local else "jti",
            session=None if session is None else SessionId(session),
        )

    return make
