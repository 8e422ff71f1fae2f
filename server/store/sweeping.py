"""Deletes rows whose time has passed. Never touches a tool, an upstream or anything still in force."""

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from . import schema
from .engine import Store, changed

APPROVALS_KEPT_S = 30 * 24 * 3600
"""Decided and expired approvals stay to be looked at for a month; the audit record keeps what they led to."""
SESSIONS_KEPT_S = 7 * 24 * 3600
"""As long as a child can outlive its parent: a parent's labels are needed until the last child is gone."""


async def sweep(store: Store, *, now: float) -> int:
    """Delete what has expired by *now* (seconds since the epoch) and count the rows."""
    sessions = schema.sessions.c
    expired = (
        delete(schema.approvals).where(schema.approvals.c.expires_at <= now - APPROVALS_KEPT_S),
        delete(schema.tokens).where(schema.tokens.c.expires_at <= now),
        delete(schema.idempotency).where(schema.idempotency.c.expires_at <= now),
        delete(schema.sessions).where(sessions.default_of.is_(None), sessions.expires_at <= now - SESSIONS_KEPT_S),
    )

    async def work(connection: AsyncConnection) -> int:
        return sum([await changed(connection, statement) for statement in expired])

    return await store.transact(work)
